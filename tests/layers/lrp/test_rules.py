"""What all rules have in common: shape and dtype are the input's, inputs stay as they are, and signals add up."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import lrp

OF_ONE: dict[str, Any] = {
    "box": lrp.box,
    "box of arrays": partial(lrp.box, low=np.full((1, 1, 1, 1), -99.0), high=np.array(99.0)),
}
OF_ANY: dict[str, Any] = {
    "epsilon": lrp.epsilon,
    "epsilon absent": partial(lrp.epsilon, bias="absent", eps=lrp.Stabiliser(0.1, "clipped", relative=True)),
    "epsilon spread": partial(lrp.epsilon, bias="spread", eps=lrp.Stabiliser(0.1, "positive")),
    "gamma": partial(lrp.gamma, gamma=np.float64(0.25)),
    "gamma weights": partial(lrp.gamma, split="weights", bias="spread"),
    "alpha_beta": lrp.alpha_beta,
    "alpha_beta whole bias": partial(lrp.alpha_beta, modify_bias=False, split="weights", bias="spread"),
    "z_plus": lrp.z_plus,
    "w_square": partial(lrp.w_square, bias="spread"),
    "flat": partial(lrp.flat, bias="booked"),
    "excitation": lrp.excitation,
    "excitation shift": partial(lrp.excitation, signed="shift"),
    "contrastive": lrp.contrastive,
    "tangent": lrp.tangent,
}
FEW = settings(max_examples=5, phases=[Phase.generate])
LINEAR = ("conv", "subsample", "conv_transpose", "full", "batch_norm", "relu")


def checked(layer: Any, rule: Any, signal: np.ndarray, *inputs: np.ndarray) -> None:
    """Raise unless the rule keeps shapes and dtypes, changes nothing given, and is linear in the signal."""
    before = [one.copy() for one in (signal, *inputs)]
    found = layers.backward(layer, signal, None, *inputs, rule=rule)
    np.testing.assert_equal([one.shape for one in found], [x.shape for x in inputs])
    np.testing.assert_equal({one.dtype.name for one in found}, {inputs[0].dtype.name})
    for one, copy in zip((signal, *inputs), before, strict=True):
        np.testing.assert_array_equal(one, copy)
    for one, twice in zip(found, layers.backward(layer, 2 * signal, None, *inputs, rule=rule), strict=True):
        # Twice is exact, but for numbers so small that they have lost digits.
        np.testing.assert_allclose(twice, 2 * one, rtol=0, atol=16 * float(np.finfo(one.dtype).tiny))


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("name", OF_ONE | OF_ANY)
@FEW
@given(data=st.data())
def test_rules_on_layers_of_one_input(name: str, dtype: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single(LINEAR if name == "tangent" else LINEAR[:-1], dtype=dtype, largest=5))
    checked(layer, (OF_ONE | OF_ANY)[name], cases.like(data.draw, layers.forward(layer, x)), x)


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("name", OF_ANY)
@FEW
@given(data=st.data())
def test_rules_on_layers_of_several(name: str, dtype: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.several(("sum", "scale"), dtype=dtype, largest=5))
    checked(layer, OF_ANY[name], cases.like(data.draw, layers.forward(layer, *inputs)), *inputs)


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("rule", [lrp.pool, partial(lrp.pool, largest=lrp.spread), lrp.spread])
@FEW
@given(data=st.data())
def test_rules_of_pooling(rule: Any, dtype: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single(("pool",), dtype=dtype))
    checked(layer, rule, cases.like(data.draw, layers.forward(layer, x)), x)


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("rule", [lrp.passes, lrp.lrn_taylor, lrp.tangent])
@FEW
@given(data=st.data())
def test_rules_of_lrn(rule: Any, dtype: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single(("lrn",), dtype=dtype))
    checked(layer, rule, cases.like(data.draw, x), x)


def test_spread_is_the_rule_on_the_average() -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=(2, 5, 6, 3))
    layer, average = layers.Pool((2, 3), 2, (1, 0, 0, 2)), layers.Pool((2, 3), 2, (1, 0, 0, 2), "avg")
    R = random.normal(size=layers.forward(layer, x).shape)
    for rule in (lrp.epsilon, lrp.z_plus, lrp.flat):
        found = layers.backward(layer, R, None, x, rule=partial(lrp.spread, rule=rule, eps=0.25))[0]
        np.testing.assert_array_equal(found, layers.backward(average, R, None, x, rule=partial(rule, eps=0.25))[0])


def test_the_tangent_of_a_sigmoid() -> None:
    x = np.array([2.0, -3.0]).reshape(1, 1, 1, 2)
    y = 1 / (1 + np.exp(-x))
    book = lrp.Booking()
    found = layers.backward(layers.Sigmoid(), np.ones_like(x), None, x, rule=partial(lrp.tangent, eps=0.5, book=book))
    np.testing.assert_allclose(found[0], x * y * (1 - y) / (y + 0.5), rtol=1e-13)
    np.testing.assert_allclose(book.stabiliser, (0.5 / (y + 0.5)).sum(), rtol=1e-13)


def test_minima_of_each_image_and_input_are_shifted_to_zero() -> None:
    x = np.array([[-2.0, 1.0], [3.0, 5.0]]).reshape(2, 1, 1, 2)
    layer, one = layers.FullyConnected(np.array([[1.0, 2.0]])), np.ones((2, 1, 1, 1))
    found = layers.backward(layer, one, None, x, rule=partial(lrp.excitation, signed="shift", eps=0.0))[0]
    np.testing.assert_allclose(found[:, 0, 0], [[0, 1], [3 / 13, 10 / 13]])  # the second has no negative value
    rule = partial(lrp.excitation, signed="shift", eps=0.0)
    parts = layers.backward(layers.Sum(), np.ones((1, 1, 1, 2)), None, x[:1], x[:1] + 1, rule=rule)
    np.testing.assert_allclose([part.ravel() for part in parts], [[0, 0.5], [0, 0.5]])
