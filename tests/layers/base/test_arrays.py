"""Which library an array belongs to, with a stand-in for CuPy: its arrays are no NumPy arrays."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from refvis import layers
from refvis.layers import array_module
from refvis.layers.base.arrays import moved, storage


class FakeArray:
    """What CuPy's arrays look like from outside."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.dtype, self.shape, self.ndim = values, values.dtype, values.shape, values.ndim
        self.strides, self.size, self.data = values.strides, values.size, SimpleNamespace(ptr=values.ctypes.data)

    def get(self) -> np.ndarray:
        return self.values


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("cupy")
    module.ndarray, module.asarray = FakeArray, FakeArray
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


X = np.ones((1, 2, 3, 4))


def test_numpy_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    np.testing.assert_equal(array_module(X, None, X) is np, True)
    np.testing.assert_equal(array_module() is np, True)
    np.testing.assert_equal(array_module(None) is np, True)


def test_the_library_follows_from_the_arrays(cupy: ModuleType) -> None:
    np.testing.assert_equal(array_module(X, None) is np, True)
    np.testing.assert_equal(array_module(FakeArray(X), None, FakeArray(X)) is cupy, True)


def test_mixing_is_refused(cupy: ModuleType) -> None:
    message = r"NumPy and CuPy arrays are mixed in one call: move all .* net.to\('cupy'\) or net.to\('numpy'\)"
    with pytest.raises(TypeError, match=message):
        array_module(X, FakeArray(X))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (layers.Conv(np.ones((2, 1, 1, 4))), (FakeArray(X),)),
        (layers.Conv(None, np.ones(4)), (FakeArray(X),)),
        (layers.FullyConnected(np.ones((2, 24))), (FakeArray(X),)),
        (layers.Dropout(0.5, np.ones((1, 1, 1, 1))), (FakeArray(X),)),
        (layers.ConvTranspose(np.ones((4, 1, 1, 2))), (FakeArray(X),)),
        (layers.BatchNorm(np.ones(4), np.ones(4)), (FakeArray(X),)),
        (lambda: layers.BatchNorm(np.ones(4), np.ones(4), FakeArray(np.ones((4, 2)))), (X,)),
        (layers.Scale(np.ones(4)), (FakeArray(X),)),
        (lambda: layers.Scale(np.ones(4), FakeArray(np.ones(4))), (X,)),
        (layers.Sum(), (X, FakeArray(X))),
        (layers.Concat(), (FakeArray(X), X)),
        (layers.Crop(), (X, FakeArray(X))),
        (layers.Loss("log"), (X, FakeArray(np.ones(1)))),
        (layers.Loss("log", instance_weights=FakeArray(np.ones((1, 1, 1, 1)))), (X, np.ones(1))),
        (layers.PairwiseDistance(), (X, FakeArray(X))),
        (layers.PairwiseDistance(instance_weights=FakeArray(np.ones((1, 1, 1, 1)))), (X, X)),
        (layers.ROIPool(), (X, FakeArray(np.ones((5, 1))))),
        (layers.BilinearSampler(), (X, FakeArray(np.ones((1, 2, 2, 2))))),
    ],
    ids=[
        "filters",
        "biases",
        "weights",
        "mask",
        "transposed",
        "scale",
        "moments",
        "factor",
        "offset",
        "sum",
        "concat",
        "crop",
        "labels",
        "instance weights",
        "target",
        "weights",
        "regions",
        "grid",
    ],
)
def test_layers_refuse_mixing(layer: object, inputs: tuple[object, ...], cupy: ModuleType) -> None:
    """Layers with a stand-in's array are made here, where CuPy seems to be imported: they take no other arrays."""
    made = layer() if callable(layer) else layer
    with pytest.raises(TypeError, match=r"NumPy and CuPy arrays are mixed"):
        layers.forward(made, *inputs)


def test_signals_and_seeds_refuse_mixing(cupy: ModuleType) -> None:
    graph = layers.Graph(layers.chain({"relu": layers.ReLU()}))
    with pytest.raises(TypeError, match=r"NumPy and CuPy arrays are mixed"):
        graph.backward(graph.forward(X), {"x1": FakeArray(X)})
    with pytest.raises(TypeError, match=r"NumPy and CuPy arrays are mixed"):
        layers.backward(layers.ReLU(), FakeArray(X), X, X)


@pytest.mark.parametrize(("thing", "name"), [([1.0], "list"), (1.0, "float"), (np.float64(1), "float64")])
def test_what_is_no_array_is_refused(thing: object, name: str) -> None:
    with pytest.raises(
        TypeError, match=rf"expected a NumPy or CuPy array, found {name}: an image becomes one by net.preprocess"
    ):
        layers.forward(layers.ReLU(), thing)


def test_networks_move_there_and_back(cupy: ModuleType) -> None:
    graph = layers.Graph(layers.chain({"drop": layers.Dropout(0.5, X), "relu": layers.ReLU(0.5)}))
    there = graph.to("cupy")
    np.testing.assert_equal(isinstance(there.node("drop").layer.mask, FakeArray), True)
    np.testing.assert_equal(there.to("numpy").node("drop").layer.mask is X, True)
    np.testing.assert_equal(moved(X, "numpy") is X, True)


def test_shared_parameters_move_as_one(cupy: ModuleType) -> None:
    graph = layers.Graph(layers.chain({"one": layers.Dropout(0.5, X), "two": layers.Dropout(0.25, X)}))
    there = graph.to("cupy")
    np.testing.assert_equal(there.node("one").layer.mask is there.node("two").layer.mask, True)


def test_storage_tells_arrays_from_their_like() -> None:
    row = np.ones((1, 6))
    np.testing.assert_equal(storage(row.reshape(-1)), storage(row.reshape(6)))
    others = [row, row.copy(), row[:, :3], row[:, ::-1], row.reshape(2, 3), row.view("int64"), row.astype("float32")]
    np.testing.assert_equal(len({storage(array) for array in others}), len(others))
    square = np.ones((3, 3))
    np.testing.assert_equal(storage(square) == storage(square.T), False)


def test_moving_to_cupy_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match="cupy"):
        layers.Graph(layers.chain({"drop": layers.Dropout(0.5, X)})).to("cupy")


def test_networks_are_single_or_double() -> None:
    graph = layers.Graph(layers.chain({"fc": layers.FullyConnected(np.ones((2, 3), "float32"))}))
    np.testing.assert_equal(graph.astype("float64").nodes[0].layer.weights.dtype, np.float64)
    for dtype in ("int8", "float16", complex):
        with pytest.raises(TypeError, match="expected float32 or float64"):
            graph.astype(dtype)
