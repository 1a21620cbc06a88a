"""Every linear rule is its paper's formula on dense matrices, on every linear layer: relevance, and what is booked."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases, dense, papers

from refvis import layers
from refvis.layers import lrp

BIASES = ("booked", "absent", "spread")


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names of rules with options: what `lrp` and `papers` have in common."""
    for bias, eps in product(BIASES, (1e-6, 0.25, 0.0)):
        yield "epsilon", {"bias": bias, "eps": eps}
    for bias, modify, split in product(BIASES, (True, False), ("both", "weights")):
        options = {"bias": bias, "modify_bias": modify, "split": split}
        yield "gamma", options | {"gamma": 0.5, "eps": 0.125}
        yield "z_plus", options
        for alpha in (2.0, 1.5):
            yield "alpha_beta", options | {"alpha": alpha, "beta": alpha - 1, "eps": 0.125}
    for bias in BIASES:
        yield "gamma", {"bias": bias, "eps": 0.0}
        yield "gamma", {"bias": bias, "sign_of": "output", "eps": 0.125}
        yield "z_plus", {"bias": bias, "eps": 0.0}
        yield "w_square", {"bias": bias}
        yield "flat", {"bias": bias}
        yield "box", {"bias": bias}
        yield "box", {"bias": bias, "low": -9.0, "high": 8.5, "eps": 0.25}
    for signed in ("clamp", "shift", "keep"):
        yield "excitation", {"signed": signed}
        yield "contrastive", {"signed": signed, "eps": 0.25}


def agrees(
    name: str, options: dict[str, Any], block: dense.Block, layer: Any, R: np.ndarray, *inputs: np.ndarray
) -> None:
    """Raise unless the rule gives what the formula gives, to 1e-10 of the absolute sum of the shares."""
    book = lrp.Booking()
    expected = getattr(papers, name)(block, R.reshape(len(R), -1), **options)
    found = layers.backward(layer, R, None, *inputs, rule=partial(getattr(lrp, name), book=book, **options))
    sizes = block.back(expected.size)
    # A denominator that is zero but for rounding (1/3 - 2/3 + 1/3) leaves the formula undefined.
    if max(float(size.max()) for size in sizes) > 1e9 * float(np.abs(R).max()):
        return
    for one, other, size in zip(found, block.back(expected.relevance), sizes, strict=True):
        np.testing.assert_equal(one.shape, other.shape)
        np.testing.assert_array_less(np.abs(one - other), 1e-10 * size + 1e-300, err_msg=f"{name} {options}")
    stayed = np.array([book.bias, book.stabiliser, book.zero])
    size = sum(float(one.sum()) for one in sizes) + np.abs(R).sum()
    np.testing.assert_allclose(stayed, expected.stayed, rtol=0, atol=1e-10 * size, err_msg=f"{name} {options}")


def of_one(name: str, options: dict[str, Any]) -> bool:
    """Whether the rule looks at bounds or minima, which are those of one input."""
    return name == "box" or options.get("signed") == "shift"


KINDS = ("conv", "subsample", "conv_transpose", "full", "pool", "batch_norm")


def drawn(data: st.DataObject, kind: str) -> cases.Case:
    """Return a layer of that kind whose sums are exact; pooling averages."""
    several = kind in cases.SEVERAL
    strategy = (cases.several if several else cases.single)((kind,), dtype="float64", largest=4)
    layer, inputs = data.draw(strategy)
    if kind == "pool":
        layer = layers.Pool(layer.size, layer.stride, layer.pad, "avg")
    return cases.Case(dense.exact(layer), tuple(dense.rounded(x) for x in inputs))


@pytest.mark.parametrize("kind", [*KINDS, "sum", "scale"])
@settings(max_examples=6, phases=[Phase.generate])
@given(data=st.data())
def test_every_rule_is_its_formula(kind: str, data: st.DataObject) -> None:
    layer, inputs = drawn(data, kind)
    R = cases.like(data.draw, layers.forward(layer, *inputs))
    block = dense.block(layer, *inputs)
    for name, options in variants():
        if len(inputs) == 1 or not of_one(name, options):
            agrees(name, options, block, layer, R, *inputs)


@pytest.mark.parametrize("offset", ["own", "given", "none"])
@pytest.mark.parametrize("factor", ["own", "given"])
def test_every_way_of_scaling(factor: str, offset: str) -> None:
    """Factor and offset as parameters or as inputs: a factor that is an input is a gate, an offset is a summand."""
    random = np.random.default_rng(4)
    x, s, o = (dense.rounded(random.normal(size=shape)) for shape in ((2, 3, 4, 5), (2, 1, 1, 5), (1, 3, 1, 5)))
    layer = layers.Scale(s if factor == "own" else None, o if offset == "own" else None)
    inputs = [x] + ([s] if factor == "given" else []) + ([o] if offset == "given" else [])
    block, R = dense.block(layer, *inputs), random.normal(size=x.shape)
    for name, options in variants():
        if len(inputs) == 1 or not of_one(name, options):
            agrees(name, options, block, layer, R, *inputs)
