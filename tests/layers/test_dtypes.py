"""float32 in, float32 out; float64 in, float64 out: in every layer, mode and gradient, whatever the parameters are."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import modes

NUMBERS = {
    "relu": layers.ReLU(np.float64(0.125)),
    "lrn": layers.LRN(np.int64(3), np.float64(2), np.float64(1e-2), np.float64(0.75)),
    "normalize_lp": layers.NormalizeLp(np.int64(2), np.float64(0.1), np.bool_(False), np.array([1.0, 4.0])),
    "spatial_norm": layers.SpatialNorm(np.array([2.0, 3.0]), np.float64(2), np.float64(0.75)),
    "dropout": layers.Dropout(np.float64(0.5), np.ones((1, 1, 1, 1))),
    "conv_transpose": layers.ConvTranspose(
        np.ones((3, 1, 1, 2)), np.ones((1, 2)), np.array([1.0, 2.0]), groups=np.uint8(1)
    ),
    "batch_norm": layers.BatchNorm(np.ones((3, 1)), np.ones((1, 3)), None, np.float64(1e-4)),
    "pool": layers.Pool(np.array([2.0, 2.0]), np.float64(2), np.int64(1), "avg"),
    "conv": layers.Conv(np.ones((2, 1, 1, 3)), np.ones((2, 1)), np.array([1.0, 2.0]), np.uint8(1)),
}


def other(layer: Any, dtype: str) -> Any:
    """Return the layer with its arrays in the dtype that is not the input's."""
    wanted = {"float32": "float64", "float64": "float32"}[dtype]
    arrays = {f.name: getattr(layer, f.name) for f in fields(layer) if isinstance(getattr(layer, f.name), np.ndarray)}
    return replace(layer, **{name: array.astype(wanted) for name, array in arrays.items()})


def assert_dtype(dtype: str, *arrays: np.ndarray) -> None:
    np.testing.assert_equal([array.dtype.name for array in arrays], [dtype] * len(arrays))


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("mix", [False, True], ids=["same", "other parameters"])
@settings(max_examples=150)
@given(data=st.data())
def test_every_layer(dtype: str, mix: bool, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.every(dtype))
    layer = other(layer, dtype) if mix else layer
    y = layers.forward(layer, *inputs)
    g = cases.like(data.draw, y)
    assert_dtype(dtype, y, *layers.parameter_gradients(layer, g, y, *inputs).values())
    for mode in modes.MODES.values():
        if type(layer) in mode:
            assert_dtype(dtype, *layers.backward(layer, g, y, *inputs, rule=mode[type(layer)]))
    assert_dtype(dtype, *layers.backward(layer, g.astype("float64"), None, *inputs))
    assert_dtype(dtype, *layers.backward(layer, g.astype("float32"), None, *inputs))


@pytest.mark.parametrize("mode", modes.MODES)
@pytest.mark.parametrize("dtype", cases.FLOATS)
@settings(max_examples=20)
@given(data=st.data())
def test_every_mode(dtype: str, mode: str, data: st.DataObject) -> None:
    net = data.draw(cases.chains(dtype=dtype))
    graph, given_ = net.graph, {"x0": net.given["x0"]}
    trace = graph.forward(**given_)
    end = list(trace)[-1]
    seeds = {end: cases.like(data.draw, trace[end]).astype("float64")}
    assert_dtype(dtype, *trace.values(), *graph.backward(trace, seeds, mode).values())
    assert_dtype(dtype, *graph.parameter_gradients(trace, seeds).values())


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("name", NUMBERS)
def test_fields_that_are_numpy_numbers(name: str, dtype: str) -> None:
    layer, x = NUMBERS[name], np.linspace(-1, 1, 2 * 4 * 5 * 3).reshape(2, 4, 5, 3).astype(dtype)
    y = layers.forward(layer, x)
    assert_dtype(dtype, y)
    for mode in modes.MODES.values():
        assert_dtype(dtype, *layers.backward(layer, y, y, x, rule=mode[type(layer)]))


@pytest.mark.parametrize("kind", cases.CATEGORICAL + cases.ATTRIBUTE)
@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_losses_with_numpy_numbers(dtype: str, kind: str) -> None:
    layer = layers.Loss(kind, np.int64(2), np.float64(0.25), np.full((2, 1, 1, 1), 0.5))
    x, labels = np.full((2, 1, 1, 3), 0.5, dtype), np.ones(2, "int32")
    y = layers.forward(layer, x, labels)
    assert_dtype(dtype, y, *layers.backward(layer, np.ones((1, 1, 1, 1)), y, x, labels))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16", "complex128"])
@settings(max_examples=20)
@given(data=st.data())
def test_other_dtypes_are_refused(dtype: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.every("float64"))
    y = layers.forward(layer, *inputs)
    refused = np.zeros(inputs[0].shape, dtype), *inputs[1:]
    message = rf"the input is {dtype}, expected float32 or float64"
    with pytest.raises(TypeError, match=message):
        layers.forward(layer, *refused)
    with pytest.raises(TypeError, match=message):
        layers.backward(layer, y, y, *refused)
