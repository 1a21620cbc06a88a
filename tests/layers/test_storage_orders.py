"""However arrays are stored, the same values give the same results: forward, by every rule, and for every parameter."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases
from support.storage_orders import ORDERS
from threadpoolctl import threadpool_limits

from refvis import layers
from refvis.layers import modes

WHERE = ("data", "parameters", "both")


def stored(layer: Any, order: str) -> Any:
    """Return the layer with its arrays stored in that way."""
    assert is_dataclass(layer)
    arrays = {one.name: getattr(layer, one.name) for one in fields(layer)}
    arrays = {name: value for name, value in arrays.items() if isinstance(value, np.ndarray) and value.size}
    return replace(layer, **{name: ORDERS[order](value) for name, value in arrays.items()})  # type: ignore[type-var]


def plain(value: Any) -> Any:
    """Return a layer, or an array, with the same values in new arrays in C order."""
    if isinstance(value, np.ndarray):
        return np.array(value, value.dtype.newbyteorder("="), order="C", subok=False)
    arrays = {one.name: getattr(value, one.name) for one in fields(value)}
    return replace(value, **{name: plain(one) for name, one in arrays.items() if isinstance(one, np.ndarray)})


def rules(layer: Any) -> Iterator[Any]:
    """Yield every rule that a mode has for the layer, once."""
    keys = (type(layer), modes.First(type(layer)))
    yield from dict.fromkeys(mode[key] for mode in modes.MODES.values() for key in keys if key in mode)


def results(layer: Any, signal: np.ndarray, inputs: tuple[np.ndarray, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield all that the layer computes, by name."""
    yield "forward", layers.forward(layer, *inputs)
    for rule in rules(layer):
        for i, one in enumerate(layers.backward(layer, signal, None, *inputs, rule=rule)):
            yield f"{modes.rule_name(rule)}, input {i}", one
    for name, one in layers.parameter_gradients(layer, signal, None, *inputs).items():
        yield f"gradient of {name}", one


def assert_same(layer: Any, signal: np.ndarray, inputs: tuple[np.ndarray, ...]) -> None:
    """Raise unless the results are those of the same values in C order, and those of the definitions."""
    expected = dict(results(plain(layer), plain(signal), tuple(map(plain, inputs))))
    with layers.exact():
        defined = dict(results(layer, signal, inputs))
    for name, found in results(layer, signal, inputs):
        tolerance = {"f": 2e-4, "d": 1e-10}[found.dtype.char]
        for other in (expected[name], defined[name]):
            assert (found.shape, found.dtype.char) == (other.shape, other.dtype.char), name
            scale = np.abs(other[np.isfinite(other)]).max(initial=1e-30)
            np.testing.assert_allclose(found, other, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=15)
@given(data=st.data())
def test_every_operator(order: str, where: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.every("float64"))
    signal = cases.like(data.draw, layers.forward(layer, *inputs))
    if where != "parameters":
        floats = [ORDERS[order](x) if x.ndim else x for x in inputs]
        inputs, signal = tuple(floats), ORDERS[order](signal)
    if where != "data":
        layer = stored(layer, order)
    try:
        layers.forward(plain(layer), *map(plain, inputs))
    except layers.ShapeError:
        return  # one row for all: labels or regions that are none
    assert_same(layer, signal, inputs)


def large(name: str) -> tuple[Any, np.ndarray]:
    """Return a layer beyond the sizes from which on tiles, phases, Winograd's tiles and threads are used."""
    random = np.random.default_rng(3)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype("float32") / np.float32(np.prod(shape[1:]) ** 0.5)

    made = {
        "winograd": (layers.Conv(normal(66, 3, 3, 64), normal(66, 1), pad=1), (2, 30, 31, 64)),
        "strided": (layers.Conv(normal(34, 5, 3, 10), normal(34, 1), stride=2, pad=1), (2, 61, 58, 20)),
        "few channels": (layers.Conv(normal(24, 7, 7, 3), None, stride=(4, 3)), (1, 120, 117, 3)),
        "more filters than positions": (layers.Conv(normal(200, 3, 3, 12), normal(200, 1)), (1, 7, 6, 12)),
        "whole image": (layers.Conv(normal(301, 6, 5, 16), normal(301, 1)), (1, 6, 5, 16)),
        "transposed": (layers.ConvTranspose(normal(18, 4, 4, 9), normal(9, 1), 2, 1), (2, 41, 38, 18)),
        "fully connected": (layers.FullyConnected(normal(700, 6 * 5 * 16), normal(700, 1)), (1, 6, 5, 16)),
        "pool": (layers.Pool((3, 2), 2, (1, 0, 1, 0)), (2, 160, 161, 48)),
        "relu": (layers.ReLU(), (2, 160, 161, 48)),
        "lrn": (layers.LRN(5, 1, 1e-2, 0.75), (2, 100, 101, 48)),
        "batch_norm": (layers.BatchNorm(normal(48, 1), normal(48, 1)), (2, 160, 161, 48)),
    }
    layer, shape = made[name]
    return layer, random.standard_normal(shape).astype("float32")


LARGE = (
    "winograd",
    "strided",
    "few channels",
    "more filters than positions",
    "whole image",
    "transposed",
    "fully connected",
    "pool",
    "relu",
    "lrn",
    "batch_norm",
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("order", [name for name in ORDERS if name != "broadcast"])
@pytest.mark.parametrize("name", LARGE)
def test_large_layers(name: str, order: str, threads: int) -> None:
    layer, x = large(name)
    y = layers.forward(layer, x)
    signal = np.random.default_rng(4).standard_normal(y.shape).astype("float32")
    expected = list(quick(layer, x, signal))
    with threadpool_limits(threads, "blas"):
        found = list(quick(stored(layer, order), ORDERS[order](x), ORDERS[order](signal)))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())


def quick(layer: Any, x: np.ndarray, signal: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the output, the gradient to the input, and those to the parameters."""
    yield layers.forward(layer, x)
    yield from layers.backward(layer, signal, None, x)
    yield from layers.parameter_gradients(layer, signal, None, x).values()


@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_recipes_that_transpose_weights(dtype: str) -> None:
    """Filters of PyTorch and Caffe, K x C x FH x FW, as the page on convolution turns them: gradients are not zero."""
    random = np.random.default_rng(0)
    foreign, x = random.standard_normal((6, 3, 5, 2)).astype(dtype), random.standard_normal((2, 9, 8, 3)).astype(dtype)
    layer = layers.Conv(foreign.transpose(0, 2, 3, 1), pad=1)
    net = layers.Graph(layers.chain({"conv": layer, "relu": layers.ReLU()}))
    trace = net.forward(x)
    gradients = net.parameter_gradients(trace, {"x2": np.ones_like(trace["x2"])})
    with layers.exact():
        expected = net.parameter_gradients(trace, {"x2": np.ones_like(trace["x2"])})
    found = gradients["conv", "filters"]
    assert np.abs(found).max() > 1
    np.testing.assert_allclose(found, expected["conv", "filters"], rtol=1e-4)
