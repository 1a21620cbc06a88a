"""The gradient of a layer that is linear is its transpose: <g, J u> = <J^T g, u> for any u and g, to rounding."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import cases
from support.numeric import assert_adjoint
from support.ways import TABLES

from refvis import layers

ROUNDING = 1e-13
POOLS = ("pool", "global_pool")
LINEAR = ("conv", "subsample", "conv_transpose", "full", *POOLS, "dropout", "permute", "flatten")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("name", LINEAR)
@given(data=st.data())
def test_gradient_is_the_transpose(name: str, table: dict[type, layers.Operator], data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single((name,), dtype="float64"))
    if name in POOLS:
        layer = replace(layer, method="avg")
    if getattr(layer, "biases", None) is not None:
        layer = replace(layer, biases=None)
    u, found = cases.like(data.draw, x), table[type(layer)]
    ju = found.forward(layer, u)
    g = cases.like(data.draw, ju)
    assert_adjoint(u, ju, g, found.gradient(layer, g, found.forward(layer, x), x)[0], ROUNDING)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("name", ["conv", "subsample", "conv_transpose", "full"])
@given(data=st.data())
def test_parameter_gradients_are_the_transpose(
    name: str, table: dict[type, layers.Operator], data: st.DataObject
) -> None:
    layer, (x,) = data.draw(cases.single((name,), dtype="float64"))
    found = table[type(layer)]
    g = cases.like(data.draw, found.forward(layer, x))
    gradients = found.parameter_gradients(layer, g, None, x)
    names = [n for n in ("filters", "weights", "biases") if getattr(layer, n, None) is not None]
    np.testing.assert_equal(list(gradients), names)
    assume(names)
    origin = found.forward(replace(layer, **{n: np.zeros_like(getattr(layer, n)) for n in names}), x)
    for key in names:
        u = cases.like(data.draw, getattr(layer, key))
        others = {n: np.zeros_like(getattr(layer, n)) for n in names if n != key}
        ju = found.forward(replace(layer, **others, **{key: u}), x) - origin
        assert_adjoint(u, ju, g, gradients[key], ROUNDING)


@pytest.mark.parametrize("name", ["sum", "concat", "crop", "sub_pixel"])
@given(data=st.data())
def test_gradient_of_several_inputs_is_the_transpose(name: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.several((name,), dtype="float64"))
    us = [cases.like(data.draw, x) for x in inputs]
    ju = layers.forward(layer, *us)
    g = cases.like(data.draw, ju)
    found = layers.backward(layer, g, None, *inputs)
    u, jg = (np.concatenate([one.ravel() for one in each]) for each in (us, found))
    assert_adjoint(u, ju, g, jg, ROUNDING)


@given(cases.single(("conv_transpose",), dtype="float64"), st.data())
def test_transposed_convolution_is_the_transposed_convolution(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    layer = replace(layer, biases=None)
    conv = layers.Conv(layer.filters, None, layer.upsample, layer.crop)
    y = layers.forward(layer, x)
    image = cases.like(data.draw, y)
    np.testing.assert_equal(layers.output_shape(conv, y.shape), x.shape)
    assert_adjoint(image, layers.forward(conv, image), x, y, ROUNDING)
    np.testing.assert_array_equal(layers.backward(layer, image, y, x)[0], layers.forward(conv, image), strict=True)
