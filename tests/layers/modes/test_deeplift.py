"""DeepLIFT's rescale rule: multipliers times differences of the input add up to the difference of the output."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from support import cases, walks

from refvis import layers
from refvis.layers import modes, surgery
from refvis.layers.modes import deeplift

FEW = settings(max_examples=15, phases=[Phase.generate])


def differences(values: np.ndarray) -> np.ndarray:
    half = len(values) // 2
    return values[:half] - values[half:]


def assert_sums(graph: layers.Graph, x: np.ndarray, random: np.random.Generator) -> None:
    """Raise unless, for every image, sum of m (x - x') is the difference of a random combination of outputs."""
    trace = graph.forward(x)
    end = graph.outputs[0]
    seed = random.normal(size=trace[end].shape)
    seed[len(x) // 2 :] = seed[: len(x) // 2]
    found = graph.backward(trace, {end: seed}, modes.DEEPLIFT)
    np.testing.assert_array_equal(found["x0"][: len(x) // 2], found["x0"][len(x) // 2 :])
    terms = found["x0"][: len(x) // 2] * differences(x)
    expected = (seed[: len(x) // 2] * differences(trace[end])).sum(axis=(1, 2, 3))
    scale = np.abs(terms).sum() + np.abs(seed * trace[end]).sum()
    np.testing.assert_allclose(terms.sum(axis=(1, 2, 3)), expected, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("net", ["chain", "branches"])
@FEW
@given(random=cases.generators())
def test_sums_are_the_difference(net: str, random: np.random.Generator) -> None:
    """ReLU, LRN, max and average pooling, batch normalisation, sums and concatenations.

    LRN's inputs must not be equal numbers but zero: then its outputs differ by their neighbours, for which none stands.
    """
    graph = getattr(walks, net)(random)
    if net == "chain":
        norm = layers.BatchNorm(random.uniform(0.5, 2, 4), random.normal(size=4))
        graph = surgery.replace_layer(graph, "norm1", norm)
    x = random.normal(size=(4, 5, 6, 2))
    trace = graph.forward(x)
    for values in (trace[node.inputs[0]] for node in graph.nodes if isinstance(node.layer, layers.LRN)):
        equal = np.abs(differences(values)) <= deeplift.LEAST  # as where all that a filter sees is padding
        assume(not (equal & (values[: len(values) // 2] != 0)).any())
    assert_sums(graph, x, random)


@FEW
@given(case=cases.several(("axpy", "scale"), dtype="float64", largest=4), random=cases.generators())
def test_products_have_exact_multipliers(case: cases.Case, random: np.random.Generator) -> None:
    """Of a gate, of what it gates and of what is added, together; an input for all images cannot differ."""
    layer, inputs = case
    shared = [len(one) < max(map(len, inputs)) for one in inputs]
    both = [
        one if same else np.concatenate([one, random.normal(size=one.shape)])
        for one, same in zip(inputs, shared, strict=True)
    ]
    y = layers.forward(layer, *both)
    seed = np.concatenate([random.normal(size=(len(y) // 2, *y.shape[1:]))] * 2)
    found = layers.backward(layer, seed, y, *both, rule=modes.DEEPLIFT[type(layer)])
    own = [(m, x) for m, x, same in zip(found, both, shared, strict=True) if not same]
    terms = sum(float((m[: len(m) // 2] * differences(x)).sum()) for m, x in own)
    np.testing.assert_allclose(terms, (seed[: len(y) // 2] * differences(y)).sum(), rtol=1e-10, atol=1e-10)


SMOOTH: dict[str, Any] = {
    "sigmoid": layers.Sigmoid(),
    "tanh": layers.Tanh(),
    "trunc": layers.Trunc(0.5),
    "prelu": layers.PReLU(np.array([0.5, -0.25, 2.0])),
    "mean": layers.GlobalPool(),
    "largest": layers.GlobalPool("max"),
    "softmax": layers.Softmax(),
    "leaky": layers.ReLU(0.25),
    "lp": layers.NormalizeLp(2, 0.1),
    "spatial": layers.SpatialNorm((2, 3)),
    "max": layers.Pool((3, 2), 2, (1, 0, 0, 1)),
    "batch": layers.BatchNorm(np.array([2.0, -1, 0.5]), np.ones(3)),
}


@pytest.mark.parametrize("name", SMOOTH)
@FEW
@given(random=cases.generators())
def test_sums_of_single_layers(name: str, random: np.random.Generator) -> None:
    """Softmax and the normalisations among them, where no two values are equal."""
    conv = layers.Conv(random.normal(size=(3, 2, 2, 2)), random.normal(size=3))
    graph = layers.Graph(
        layers.chain({"conv": conv, name: SMOOTH[name], "end": layers.Conv(random.normal(size=(5, 1, 1, 3)))})
    )
    assert_sums(graph, random.normal(size=(4, 5, 6, 2)), random)


def test_softmax_loses_what_equal_logits_differ_by() -> None:
    """The second logit is 0 in both, but its probability differs by that of the first: nobody stands for it."""
    x = np.array([[1.0, 0.0], [0.0, 0.0]]).reshape(2, 1, 1, 2)
    y = layers.forward(layers.Softmax(), x)
    found = deeplift.rescale(layers.Softmax(), np.ones_like(y), y, x)[0]
    np.testing.assert_allclose(found[0, 0, 0, 0], y[0, 0, 0, 0] - 0.5)
    np.testing.assert_allclose(differences(y).sum(), 0, atol=1e-15)


def by_hand(layers_: list[tuple[np.ndarray, np.ndarray]], x: list[float], base: list[float], unit: int) -> list[float]:
    """Multipliers of a small MLP with ReLUs between its layers, in loops."""
    kept = []
    a, b = x, base
    for weights, biases in layers_:
        z = [sum(w * v for w, v in zip(row, a, strict=True)) + c for row, c in zip(weights, biases, strict=True)]
        q = [sum(w * v for w, v in zip(row, b, strict=True)) + c for row, c in zip(weights, biases, strict=True)]
        kept.append((z, q))
        a, b = [max(v, 0) for v in z], [max(v, 0) for v in q]
    m = [float(k == unit) for k in range(len(z))]
    for depth in reversed(range(len(layers_))):
        if depth < len(layers_) - 1:
            z, q = kept[depth]
            m = [
                g * ((max(u, 0) - max(v, 0)) / (u - v) if abs(u - v) > 1e-10 else float(u > 0))
                for g, u, v in zip(m, z, q, strict=True)
            ]
        m = [
            sum(g * row[d] for g, row in zip(m, layers_[depth][0], strict=True))
            for d in range(len(layers_[depth][0][0]))
        ]
    return m


@FEW
@given(cases.generators())
def test_a_small_mlp(random: np.random.Generator) -> None:
    sizes = [3, 5, 4, 2]
    made = [(random.normal(size=(k, d)), random.normal(size=k)) for d, k in pairwise(sizes)]
    chained: dict[str, Any] = {}
    for i, (weights, biases) in enumerate(made):
        chained |= {f"fc{i}": layers.FullyConnected(weights, biases), f"relu{i}": layers.ReLU()}
    del chained["relu2"]
    x = random.normal(size=(2, 1, 1, 3))
    x[1, ..., 1] = x[0, ..., 1]
    graph = layers.Graph(layers.chain(chained))
    trace = graph.forward(x)
    seed = np.zeros_like(trace.output)
    seed[..., 1] = 1
    found = graph.backward(trace, {graph.outputs[0]: seed}, modes.DEEPLIFT)["x0"]
    expected = by_hand(made, x[0].ravel().tolist(), x[1].ravel().tolist(), 1)
    np.testing.assert_allclose(found[0].ravel(), expected, rtol=1e-9, atol=1e-11)


def test_equal_inputs_have_the_derivative() -> None:
    x = np.array([2.0, -2.0, 0.0]).reshape(1, 1, 1, 3).repeat(2, axis=0)
    y = layers.forward(layers.ReLU(0.25), x)
    found = deeplift.rescale(layers.ReLU(0.25), np.ones_like(y), y, x)[0]
    np.testing.assert_array_equal(found[0].ravel(), [1, 0.25, 0.25])
    x = x.reshape(2, 1, 3, 1)
    layer, signal = layers.Pool((1, 3)), np.full((2, 1, 1, 1), 5.0)
    found = deeplift.pool(layer, signal, layers.forward(layer, x), x)[0]
    np.testing.assert_array_equal(found[0].ravel(), [5, 0, 0])


def test_a_maximum_that_moves() -> None:
    """Window (3, 1) and reference (0, 2): y = 3, y' = 2, so the first gets 3 - 2, the second 3 - 3 of it."""
    x = np.array([[3.0, 1.0], [0.0, 2.0]]).reshape(2, 1, 2, 1)
    layer, signal = layers.Pool((1, 2)), np.ones((2, 1, 1, 1))
    found = deeplift.pool(layer, signal, layers.forward(layer, x), x)[0]
    np.testing.assert_allclose(found[0].ravel(), [1 / 3, 0])
    found = deeplift.pool(layer, signal, layers.forward(layer, x[::-1].copy()), x[::-1].copy())[0]
    np.testing.assert_allclose(found[0].ravel(), [1 / 3, 0])


@pytest.mark.parametrize("layer", [layers.ReLU(), layers.Pool(2), layers.Softmax(), layers.LRN()])
@pytest.mark.parametrize("count", [1, 3])
def test_an_odd_batch_has_no_references(layer: Any, count: int) -> None:
    x = np.ones((count, 2, 4, 5))
    y = layers.forward(layer, x)
    with pytest.raises(ValueError, match=f"batch has {count} rows, expected the inputs and then a reference for each"):
        layers.backward(layer, y, y, x, rule=modes.DEEPLIFT[type(layer)])


@pytest.mark.parametrize("dtype", cases.FLOATS)
@FEW
@given(data=st.data())
def test_shape_and_dtype(dtype: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single(("relu", "sigmoid", "pool", "lrn", "batch_norm", "softmax"), dtype=dtype))
    x = np.concatenate([x, -x])
    y = layers.forward(layer, x)
    found = layers.backward(layer, y, y, x, rule=modes.DEEPLIFT[type(layer)])[0]
    np.testing.assert_equal((found.shape, found.dtype.name), (x.shape, dtype))
    np.testing.assert_equal(bool(np.isfinite(found).all()), True)
