"""Distances, regions, samplers and grids: the formula, the derivative in every input, dtypes, edges, errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import replicas_blocks as replicas
from support.cases import FLOATS, Case, generators, like
from support.numeric import assert_adjoint, central
from support.places import PLACED, placed

from refvis import layers
from refvis.layers import ShapeError, modes

REPLICAS = {
    "distance": replicas.distance,
    "regions": replicas.regions,
    "samples": replicas.samples,
    "affine": replicas.affine,
    "scaling": replicas.scaling,
}
ROUNDING = 1e-7
SMALL = settings(max_examples=30)
X = np.arange(2.0 * 4 * 5 * 3).reshape(2, 4, 5, 3)


@pytest.mark.parametrize("name", PLACED)
@SMALL
@given(data=st.data())
def test_forward_is_the_formula(name: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(placed((name,), "float64"))
    found = layers.forward(layer, *inputs)
    np.testing.assert_equal(found.shape, layers.output_shape(layer, *(one.shape for one in inputs)))
    np.testing.assert_allclose(found, REPLICAS[name](layer, *inputs), rtol=1e-12, atol=1e-12, strict=True)


@SMALL
@given(placed(("regions",), "float64"), st.data())
def test_region_gradient_is_the_formula(case: Case, data: st.DataObject) -> None:
    layer, (x, rois) = case
    signal = like(data.draw, layers.forward(layer, x, rois))
    dx, none = layers.backward(layer, signal, None, x, rois)
    np.testing.assert_allclose(dx, replicas.regions_gradient(layer, signal, x, rois), rtol=0, atol=1e-12, strict=True)
    np.testing.assert_array_equal(none, np.zeros(rois.shape), strict=True)


def off_the_kinks(name: str, case: Case, random: np.random.Generator) -> Case:
    """Return the case with inputs away from places that have no derivative."""
    layer, (x, *rest) = case
    if name == "distance":
        apart = random.uniform(0.1, 2, x.shape) * random.choice([-1, 1], x.shape)
        return Case(layer, (rest[0] + apart, *rest))
    if name == "regions":
        return Case(layer, (random.permutation(x.size).reshape(x.shape) / x.size, *rest))
    if name == "samples":
        extents = np.array(x.shape[1:3])
        pixel = random.integers(-2, extents + 1, rest[0].shape) + random.uniform(0.05, 0.95, rest[0].shape)
        return Case(layer, (x, pixel * 2 / np.maximum(extents - 1, 1) - 1))
    return case


@pytest.mark.parametrize("name", PLACED)
@SMALL
@given(data=st.data())
def test_gradient_is_the_derivative(name: str, data: st.DataObject) -> None:
    random = data.draw(generators())
    layer, inputs = off_the_kinks(name, data.draw(placed((name,), "float64")), random)
    g = like(data.draw, layers.forward(layer, *inputs))
    found = layers.backward(layer, g, None, *inputs)
    np.testing.assert_equal([one.shape for one in found], [one.shape for one in inputs])
    moving = {"distance": 2, "regions": 1, "samples": 2, "affine": 1, "scaling": 1}[name]
    for k in range(moving):
        u = random.uniform(-1, 1, inputs[k].shape)

        def moved(to: np.ndarray, k: int = k) -> np.ndarray:
            return layers.forward(layer, *inputs[:k], to, *inputs[k + 1 :])

        assert_adjoint(u, central(moved, inputs[k], u), g, found[k], ROUNDING)
    for one in found[moving:]:
        np.testing.assert_array_equal(one, np.zeros(one.shape))


@pytest.mark.parametrize("name", ["samples", "affine", "scaling"])
@SMALL
@given(data=st.data())
def test_linear_gradients_are_transposes(name: str, data: st.DataObject) -> None:
    layer, (x, *rest) = data.draw(placed((name,), "float64"))
    u = like(data.draw, x)
    ju = layers.forward(layer, u, *rest) - layers.forward(layer, np.zeros_like(x), *rest)
    g = like(data.draw, ju)
    assert_adjoint(u, ju, g, layers.backward(layer, g, None, x, *rest)[0], 1e-13)


@pytest.mark.parametrize("mix", [False, True], ids=["same", "other dtype beside"])
@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=80)
@given(data=st.data())
def test_dtypes_in_every_mode(dtype: str, mix: bool, data: st.DataObject) -> None:
    layer, (x, *rest) = data.draw(placed(dtype=dtype))
    if mix:
        rest = [one.astype({"float32": "float64", "float64": "float32"}[dtype]) for one in rest]
    y = layers.forward(layer, x, *rest)
    g = like(data.draw, y).astype("float64")
    rules = [mode[type(layer)] for mode in modes.MODES.values() if type(layer) in mode]
    np.testing.assert_equal(len(rules) >= 3, True)
    for rule in rules:
        found = layers.backward(layer, g, y, x, *rest, rule=rule)
        np.testing.assert_equal([one.dtype.name for one in (y, *found)], [dtype] * (2 + len(rest)))


@pytest.mark.parametrize("name", ["regions", "samples"])
@SMALL
@given(data=st.data())
def test_relevance_follows_the_values(name: str, data: st.DataObject) -> None:
    layer, (x, where) = data.draw(placed((name,), "float64"))
    y = layers.forward(layer, x, where)
    relevance = like(data.draw, y)
    found, none = layers.backward(layer, relevance, y, x, where, rule=modes.EPSILON[type(layer)])
    np.testing.assert_array_equal(none, np.zeros(where.shape), strict=True)
    if getattr(layer, "method", "avg") == "max":
        expected = layers.backward(layer, relevance, y, x, where)[0]
    else:
        share = relevance / (y + np.where(y >= 0, 1e-6, -1e-6))
        expected = x * layers.backward(layer, share, y, x, where)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "parameters"),
    [
        (layers.AffineGrid(4, 5), [1, 0, 0, 1, 0, 0]),
        (layers.UniformScalingGrid(4, 5), [1, 0, 0]),
    ],
    ids=["affine", "scaling"],
)
def test_identity(layer: Any, parameters: list[float]) -> None:
    grid = layers.forward(layer, np.tile(np.array(parameters, float), (2, 1, 1, 1)))
    np.testing.assert_allclose(layers.forward(layers.BilinearSampler(), X, grid), X, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([-1, 0, 0, 1, 0, 0], X[:, ::-1]),
        ([1, 0, 0, -1, 0, 0], X[:, :, ::-1]),
        ([1, 0, 0, 1, 2 / 3, 0], np.concatenate([X[:, 1:], 0 * X[:, :1]], axis=1)),
        ([1, 0, 0, 1, 0, -2 / 4], np.concatenate([0 * X[:, :, :1], X[:, :, :-1]], axis=2)),
    ],
    ids=["rows turned round", "columns turned round", "one row up", "one column to the right"],
)
def test_affine_maps_on_an_image(parameters: list[float], expected: np.ndarray) -> None:
    grid = layers.forward(layers.AffineGrid(4, 5), np.tile(np.array(parameters, float), (2, 1, 1, 1)))
    np.testing.assert_allclose(layers.forward(layers.BilinearSampler(), X, grid), expected, rtol=0, atol=1e-12)


def test_affine_maps_exchange_rows_and_columns() -> None:
    grid = layers.forward(layers.AffineGrid(5, 4), np.tile(np.array([0.0, 1, 1, 0, 0, 0]), (2, 1, 1, 1)))
    found = layers.forward(layers.BilinearSampler(), X, grid)
    np.testing.assert_allclose(found, X.transpose(0, 2, 1, 3), rtol=1e-13, atol=1e-13)


def test_sampling_between_pixels_and_over_the_edge() -> None:
    x = np.array([[1.0, 3.0], [5.0, 11.0]]).reshape(1, 2, 2, 1)
    grid = np.array([[[0, 0], [0, 1]], [[-2, -1], [2, 1]], [[-3.5, 0], [3, 0]], [[np.nan, 0], [1e30, -np.inf]]])
    found = layers.forward(layers.BilinearSampler(), x, grid[None])
    np.testing.assert_allclose(found[0, :, :, 0], [[5, 7], [0.5, 5.5], [0, 0], [0, 0]], rtol=1e-15)
    dx, dgrid = layers.backward(layers.BilinearSampler(), np.ones_like(found), found, x, grid[None])
    np.testing.assert_allclose(dx[0, :, :, 0], [[0.75, 0.75], [0.25, 1.25]], rtol=1e-15)
    np.testing.assert_array_equal(dgrid[0, 2:], np.zeros((2, 2, 2)))


def test_several_grids_per_image() -> None:
    parameters = np.array([[1.0, 0, 0], [0, -1, -1], [0, 1, 1], [1, 0, 0]]).reshape(4, 1, 1, 3)
    grid = layers.forward(layers.UniformScalingGrid(4, 5), parameters)
    found = layers.forward(layers.BilinearSampler(), X, grid)
    corners = [np.broadcast_to(corner, X.shape[1:]) for corner in (X[0, 0, 0], X[1, -1, -1])]
    np.testing.assert_allclose(found, [X[0], *corners, X[1]], rtol=1e-13, atol=1e-13)


def test_regions_count_from_one_and_hold_their_last_pixel() -> None:
    rois = np.array([[2.0, 2, 3, 4, 4]]).T
    found = layers.forward(layers.ROIPool(method="avg"), X, rois)
    np.testing.assert_allclose(found[0, 0, 0], X[1, 2:4, 1:4].mean(axis=(0, 1)))
    found = layers.forward(layers.ROIPool((1, 3)), X, rois)
    np.testing.assert_array_equal(found[0, 0], X[1, 3, 1:4])


def test_regions_round_halves_away_from_zero() -> None:
    # Columns 1.5 ... 2.5 become 2 ... 3, and -1.5 ... -0.5 become -2 ... -1, which are outside.
    rois = np.array([[1.0, 1, 1], [1.5, 1, -1.5], [1, 1, 1], [2.5, 1.4999, -0.5], [1, 1, 1]])
    found = layers.forward(layers.ROIPool(), X, rois)
    np.testing.assert_array_equal(found[:, 0, 0], [X[0, 0, 2], X[0, 0, 0], np.zeros(3)])


@pytest.mark.parametrize(("dtype", "column"), [("float32", 1), ("float64", 0)])
def test_corners_are_moved_in_the_precision_of_the_input(dtype: str, column: int) -> None:
    # Column 11 goes to 1.5 - 1e-9, which in single is 1.5.
    rois = np.array([[1, 11, 1, 11, 1]], dtype).T
    found = layers.forward(layers.ROIPool(transform=((0.5 - 1e-9) / 10, 1)), X.astype(dtype), rois)
    np.testing.assert_array_equal(found[0, 0, 0], X[0, 0, column])


def test_tiles_are_exact_where_single_precision_is_not() -> None:
    # 7 * (57 / 7) is more than 57 in single: tile 6 would end with pixel 58, the largest, which is not in the region.
    x = np.arange(60, dtype="float32").reshape(1, 60, 1, 1)
    found = layers.forward(layers.ROIPool((7, 1)), x, np.array([[1, 1, 1, 1, 57]], "float32").T)
    np.testing.assert_equal(float(np.ceil(np.float32(7) * (np.float32(57) / np.float32(7)))), 58.0)
    np.testing.assert_equal(found[0, 6, 0, 0], 56)


def test_a_region_without_pixels_is_zero_and_takes_nothing() -> None:
    x, rois = -1 - X, np.array([[1.0, 9, 9, 12, 12]]).T
    for method in ("max", "avg"):
        y = layers.forward(layers.ROIPool(2, method), x, rois)
        np.testing.assert_array_equal(y, np.zeros((1, 2, 2, 3)))
        dx, _ = layers.backward(layers.ROIPool(2, method), np.ones_like(y), y, x, rois)
        np.testing.assert_array_equal(dx, np.zeros(x.shape))


def test_distance_at_its_kink_and_below_its_bound() -> None:
    x, t = np.array([0.0, 0, 1e-4, 0]).reshape(1, 1, 2, 2), np.zeros((1, 1, 1, 2))
    for p in (0.5, 1, 1.5, 2, 3):
        layer = layers.PairwiseDistance(p)
        y = layers.forward(layer, x, t)
        dx, dt = layers.backward(layer, np.ones_like(y), y, x, t)
        np.testing.assert_array_equal(dx[0, 0, 0], [0, 0])
        np.testing.assert_allclose(dt[0, 0, 0], -dx.sum(axis=(0, 1, 2)))
    # Squared distance 1e-8, bound 1e-6: the slope is 1e-4 / 1e-3, not 1.
    dx, _ = layers.backward(layers.PairwiseDistance(), np.ones((1, 1, 2, 1)), None, x, t)
    np.testing.assert_allclose(dx[0, 0, 1], [0.1, 0])
    # For p below 1 it is the difference that is bounded: 0.5 * (1e-6)^-0.5, not 0.5 * (1e-8)^-0.5.
    layer = layers.PairwiseDistance(0.5, no_root=True)
    dx, _ = layers.backward(layer, np.ones((1, 1, 2, 1)), None, x * 1e-4, t)
    np.testing.assert_allclose(dx[0, 0, 1], [500, 0])


@pytest.mark.parametrize(
    "weight", [2, 2.0, np.float32(2), np.array(2), np.array([2]), np.full((1, 1, 1, 1), 2)], ids=repr
)
def test_one_weight_in_any_form(weight: Any) -> None:
    layer, plain = layers.PairwiseDistance(instance_weights=weight), layers.PairwiseDistance()
    x, t, g = X.astype("float32"), X[:, :1].astype("float32") + 1, np.ones((2, 4, 5, 1), "float32")
    np.testing.assert_array_equal(layers.forward(layer, x, t), 2 * layers.forward(plain, x, t), strict=True)
    expected = layers.backward(plain, 2 * g, None, x, t)
    for found, want in zip(layers.backward(layer, g, None, x, t), expected, strict=True):
        np.testing.assert_array_equal(found, want, strict=True)


def test_a_distance_is_an_objective() -> None:
    nodes = [
        layers.Node("sigmoid", layers.Sigmoid(), "x", "s"),
        layers.Node("distance", layers.PairwiseDistance(aggregate=True), ("s", "target"), "d"),
    ]
    graph = layers.Graph(nodes)
    trace = graph.forward(x=X)
    np.testing.assert_equal((set(trace), trace.ends), ({"x", "s"}, ("s",)))
    trace = graph.forward(x=X, target=X)
    np.testing.assert_equal(graph.backward(trace, {"d": np.ones((1, 1, 1, 1))})["target"].shape, X.shape)


def test_an_offset_below_its_bound_is_constant() -> None:
    layer, x, g = layers.NormOffset(2, 0.5), np.full((1, 1, 1, 2), 1e-5), np.array([3.0, -1]).reshape(1, 1, 1, 2)
    y = layers.forward(layer, x)
    np.testing.assert_allclose(y, x - 2e-4)
    np.testing.assert_array_equal(layers.backward(layer, g, y, x)[0], g)


@pytest.mark.parametrize("dtype", FLOATS)
def test_zeros_over_a_norm_of_zero(dtype: str) -> None:
    layer, x = layers.NormalizeLp(epsilon=0), np.array([0, 0, 3, -4]).reshape(1, 1, 2, 2).astype(dtype)
    y = layers.forward(layer, x)
    np.testing.assert_allclose(y.ravel(), [0, 0, 0.6, -0.8], rtol=1e-6)
    np.testing.assert_array_equal(layers.backward(layer, np.ones_like(x), y, x)[0][0, 0, 0], [0, 0])


def test_images_are_dimension_four_or_zero() -> None:
    found = [layers.forward(layers.NormalizeLp(dimensions=number), X) for number in (4, 0)]
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], X / np.sqrt((X**2).sum(axis=0, keepdims=True) + 0.01))


IMPOSSIBLE: dict[str, tuple[Any, str]] = {
    "p below 1": (lambda: layers.NormalizeLp(0.5), r"p 0.5 and epsilon 0.01, expected p >= 1, epsilon >= 0"),
    "epsilon": (lambda: layers.NormalizeLp(epsilon=-1), r"p 2.0 and epsilon -1.0, expected p >= 1"),
    "p nan": (lambda: layers.NormalizeLp(float("nan")), r"p nan and epsilon"),
    "dimension 5": (lambda: layers.NormalizeLp(dimensions=5), r"dimensions are 5, expected some of 1, 2, 3, 4"),
    "dimension twice": (lambda: layers.NormalizeLp(dimensions=(0, 4)), r"dimensions are \(0, 4\), expected .* once"),
    "window": (lambda: layers.SpatialNorm(0), r"SpatialNorm size is 0, expected"),
    "alpha": (lambda: layers.SpatialNorm(3, -1), r"SpatialNorm alpha is -1.0, expected 0 or more"),
    "p 0": (lambda: layers.PairwiseDistance(0), r"p 0.0 and epsilon 1e-06, expected both above 0"),
    "bound 0": (lambda: layers.PairwiseDistance(epsilon=0), r"p 2.0 and epsilon 0.0, expected both above 0"),
    "method": (lambda: layers.ROIPool(method="mean"), r"method is 'mean', expected 'max' or 'avg'"),
    "no tiles": (lambda: layers.ROIPool((2, 0)), r"ROIPool subdivisions is \(2, 0\), expected"),
    "transform": (
        lambda: layers.ROIPool(transform=(1, 2, 3)),
        r"transform is \(1, 2, 3\), expected one, two, or 2 x 3",
    ),
    "2 x 2": (
        lambda: layers.ROIPool(transform=np.eye(2)),
        r"transform is array[^,]*(,[^,]*)*, expected one, two, or 2",
    ),
    "text": (lambda: layers.ROIPool(transform="half"), r"transform is 'half', expected"),
    "height": (lambda: layers.AffineGrid(0, 3), r"AffineGrid height is 0, expected"),
    "width": (lambda: layers.UniformScalingGrid(3, 1.5), r"UniformScalingGrid width is 1.5, expected"),
}

ONE = np.ones((1, 1, 1, 1))
UNFIT: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "one input": (layers.PairwiseDistance(), (X,), r"takes two inputs, and weights as a third, found 1"),
    "four inputs": (layers.PairwiseDistance(), (X, X, ONE, ONE), r"and weights as a third, found 4"),
    "target": (layers.PairwiseDistance(), (X, X[:, :2]), r"target of shape \(2, 2, 5, 3\), expected \(2, 4, 5, 3\) or"),
    "target's channels": (layers.PairwiseDistance(), (X, X[..., :2]), r"target of shape \(2, 4, 5, 2\), expected"),
    "target of rank 3": (layers.PairwiseDistance(), (X, X[0]), r"target of shape \(4, 5, 3\), expected"),
    "weights": (layers.PairwiseDistance(), (X, X, X), r"weights of shape \(2, 4, 5, 3\), expected \(2, 4, 5, 1\)"),
    "own weights": (
        layers.PairwiseDistance(instance_weights=np.ones(3)),
        (X, X),
        r"instance weights of shape \(3,\), expected \(2, 4, 5, 1\) or one that broadcasts to it",
    ),
    "regions": (
        layers.ROIPool(),
        (X, np.ones((4, 5))),
        r"regions have shape \(4, 5\), expected 5 x R or R x 1 x 1 x 5",
    ),
    "no regions": (layers.ROIPool(), (X, np.ones((5, 0))), r"regions have shape \(5, 0\), expected .*, R at least 1"),
    "image 3": (
        layers.ROIPool(),
        (X, np.array([[3.0, 1, 1, 2, 2]]).T),
        r"region 0 lies in image 3.0, expected .* 1 ... 2",
    ),
    "image 0": (layers.ROIPool(), (X, np.array([[0, 1, 1, 2, 2]]).T), r"region 0 lies in image 0, expected"),
    "nan": (layers.ROIPool(), (X, np.array([[1, np.nan, 1, 2, 2]]).T), r"corner at \(nan, 1.0\), .* finite numbers"),
    "grid": (layers.BilinearSampler(), (X, np.zeros((2, 3, 4, 3))), r"grid has shape \(2, 3, 4, 3\), expected M x Ho"),
    "three grids": (layers.BilinearSampler(), (X, np.zeros((3, 3, 4, 2))), r"expected .*, M a multiple of 2"),
    "affine": (layers.AffineGrid(2, 3), (np.zeros((2, 1, 1, 3)),), r"parameters have shape .*, expected N x 1 x 1 x 6"),
    "scaling": (layers.UniformScalingGrid(2, 3), (np.zeros((2, 1, 2, 3)),), r"expected N x 1 x 1 x 3"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_fields(name: str) -> None:
    make, message = IMPOSSIBLE[name]
    with pytest.raises(ShapeError, match=message):
        make()


@pytest.mark.parametrize("name", UNFIT)
def test_inputs_that_do_not_fit(name: str) -> None:
    layer, inputs, message = UNFIT[name]
    with pytest.raises(ShapeError, match=message):
        layers.forward(layer, *inputs)


@pytest.mark.parametrize("kind", [layers.NormOffset, layers.PairwiseDistance, layers.AffineGrid])
def test_layers_without_a_relevance_rule(kind: type) -> None:
    np.testing.assert_equal(kind in modes.EPSILON, False)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.NormalizeLp(), ((3, 3), (1, 1), (0, 0))),
        (layers.NormalizeLp(spatial=True), None),
        (layers.SpatialNorm((2, 3)), ((4, 5), (1, 1), (0, -1))),
        (layers.NormOffset(), ((3, 3), (1, 1), (0, 0))),
    ],
    ids=repr,
)
def test_receptive_fields(layer: Any, expected: Any) -> None:
    graph = layers.Graph(layers.chain({"conv": layers.Conv(np.ones((1, 3, 3, 1))), "norm": layer}))
    np.testing.assert_equal(layers.receptive_fields(graph)["x2"], expected)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (layers.ROIPool(), ("x1", "rois")),
        (layers.BilinearSampler(), ("x1", "grid")),
        (layers.PairwiseDistance(aggregate=True), ("x1", "target")),
    ],
    ids=["regions", "sampler", "sum of distances"],
)
def test_layers_that_see_the_whole_image(layer: Any, inputs: tuple[str, ...]) -> None:
    nodes = [layers.Node("pool", layers.Pool(2), "x0", "x1"), layers.Node("end", layer, inputs, "y")]
    found = layers.receptive_fields(layers.Graph(nodes))
    np.testing.assert_equal((found["x1"], found["y"]), (((2, 2), (1, 1), (0, 0)), None))
