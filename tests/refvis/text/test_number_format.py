"""Number formats: texts right to half of the last digit, with the promised number of digits, no sign at zero."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refvis.text.number_format import DIGITS, ZERO, NumberFormat, common_format

AMOUNTS = st.floats(-1e15, 1e15, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-15)


@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_texts_are_the_amounts_rounded(amounts: list[float]) -> None:
    form = common_format(amounts)
    unit = Fraction(10) ** form.exponent
    largest = max(map(abs, amounts))
    for amount in amounts:
        text = form.text(amount)
        assert (text == ZERO) == (amount == 0)
        if amount:
            assert not (text.startswith("-") and float(text) == 0)
            assert len(text.partition(".")[2]) == form.decimals
            assert abs(Fraction(text) * unit - Fraction(amount)) <= Fraction(largest) * Fraction(10) ** -(DIGITS - 1)
    if form.exponent == 0 and largest:
        assert 1e-3 <= largest < 10**DIGITS


@given(st.floats(0.001, 9999999, exclude_max=True), st.sampled_from([1.0, -0.5, 1 / 3]))
def test_eight_digits_but_for_zeros_that_all_share(largest: float, part: float) -> None:
    amounts = [largest, largest * part]
    form = common_format(amounts)
    full = NumberFormat(0, DIGITS - max(1, math.floor(math.log10(largest)) + 1))
    cut = full.decimals - form.decimals
    assert form.exponent == 0
    assert cut >= 0
    for amount in amounts:
        assert full.text(amount) == form.text(amount) + ("." if cut and not form.decimals else "") + "0" * cut
    assert not form.decimals or any(not form.text(amount).endswith("0") for amount in amounts)


CASES = [
    ([12.25, -0.5, 0], ["12.25", "-0.50", "-"]),
    ([2.0, 1.0], ["2", "1"]),
    ([1 / 3], ["0.3333333"]),
    ([12.0, 1e-9, -1e-9], ["12", "0", "0"]),
    ([0.0], ["-"]),
    ([2.5e-7, 1e-8], ["250", "10"]),
    ([123456789.0], ["123.45679"]),
    ([np.nan, 1.5, np.inf], ["nan", "1.5", "inf"]),
]


@pytest.mark.parametrize(("amounts", "texts"), CASES)
def test_examples(amounts, texts):
    form = common_format(amounts)
    assert [form.text(amount) for amount in amounts] == texts


def test_units_are_thousands():
    assert [common_format([10.0**power]).exponent for power in range(-8, 11)] == [
        -9,
        -9,
        -6,
        -6,
        -6,
        *[0] * 10,
        6,
        6,
        9,
        9,
    ]
    assert NumberFormat(-9, 0).text(2.5e-7) == "250"
