"""Winograd's convolution is the definition within a bound that follows from its matrices; where it must not go."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refvis
from refvis import layers
from refvis.layers import conv, winograd, winograd_outputs
from refvis.layers.base import border
from refvis.layers.fast import conv as fast_conv
from refvis.layers.fast import conv_winograd
from refvis.layers.fast.winograd import error_bound, transforms

SIZES = st.integers(1, 13)


@pytest.fixture(autouse=True)
def small_layers_too() -> Iterator[None]:
    """Let layers of any size go by tiles, and count tiles of a few images into several chunks."""
    small = {"FEWEST_CHANNELS": 1, "FEWEST_PIXELS": 1, "FEWEST_PRODUCTS": 1}
    small |= {"CHUNK_BYTES": 3000, "THREAD_BYTES": 9000, "CHUNK_TILES": 3}
    with mock.patch.multiple(conv_winograd, **small), mock.patch.object(fast_conv, "FEW", 0):
        yield


@pytest.mark.parametrize(("outputs", "taps"), [(2, 3), (4, 3), (2, 5), (1, 3), (3, 1)])
def test_the_matrices_filter_exactly(outputs: int, taps: int) -> None:
    A, G, B = ([[Fraction(v).limit_denominator(1000) for v in row] for row in one] for one in transforms(outputs, taps))
    random = np.random.default_rng(0)
    d, g = ([Fraction(int(v)) for v in random.integers(-9, 10, count)] for count in (outputs + taps - 1, taps))
    products = [
        sum(a * b for a, b in zip(row, g, strict=True)) * sum(a * b for a, b in zip(line, d, strict=True))
        for row, line in zip(G, B, strict=True)
    ]
    for i in range(outputs):
        assert sum(row[i] * p for row, p in zip(A, products, strict=True)) == sum(g[k] * d[i + k] for k in range(taps))


def test_the_matrices_of_the_smallest_are_those_of_lavin_and_gray() -> None:
    A, G, B = (np.array(one) for one in transforms(2, 3))
    np.testing.assert_array_equal(np.abs(A.T), [[1, 1, 1, 0], [0, 1, 1, 1]])
    np.testing.assert_array_equal(np.abs(G), [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(np.abs(B), [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]])


def test_more_points_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"F\(6, 3\) needs 7 points"):
        transforms(6, 3)


@st.composite
def cases(draw: st.DrawFn) -> tuple[layers.Conv, np.ndarray, np.ndarray]:
    """A layer of 3 x 3 filters in groups, its input, and a signal: signed values of very different sizes, and zeros."""
    groups, count, depth = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    pad = draw(st.tuples(*[st.integers(0, 3)] * 4))
    shape = draw(st.integers(1, 3)), draw(SIZES), draw(SIZES), groups * depth
    shape = shape[0], max(shape[1], 3 - pad[0] - pad[1]), max(shape[2], 3 - pad[2] - pad[3]), shape[3]
    random = np.random.default_rng(draw(st.integers(0, 999)))

    def values(*size: int) -> np.ndarray:
        found = random.standard_normal(size, "float32") * np.float32(10) ** random.integers(-4, 5, size)
        return np.where(random.random(size) < 0.2, 0, found).astype("float32")

    layer = layers.Conv(values(groups * count, 3, 3, depth), values(groups * count), pad=pad)
    x = values(*shape)
    return layer, x, values(*conv.output_shape(layer, x.shape))


def bounds(layer: layers.Conv, x: np.ndarray, signal: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds on the rounding error of the output, biases included, and of the gradient."""
    groups = conv.groups(layer, x.shape[3])
    f = conv.filters_like(layer, x)
    top, _, left, _ = layer.pad
    wide = np.pad(signal, [(0, 0), (2, 2), (2, 2), (0, 0)])
    y, dx = [], []
    wide = wide[:, top:, left:]  # tiles begin where the input does, and the last ones may reach beyond its end
    for g, part, back in zip(
        f, np.split(border.padded(x, layer.pad), groups, 3), np.split(wide, groups, 3), strict=True
    ):
        y.append(error_bound(part, g, outputs))
        turned = g[:, ::-1, ::-1].transpose(3, 1, 2, 0)
        dx.append(error_bound(back, turned, outputs)[:, : x.shape[1], : x.shape[2]])
    exact = np.abs(conv.forward(layer, x.astype(float)))
    return np.concatenate(y, 3) + 2.0**-23 * (exact + np.abs(layer.biases)), np.concatenate(dx, 3)


@settings(max_examples=60)
@given(cases(), st.sampled_from([2, 4]))
def test_tiles_are_the_definition_within_the_bound(
    case: tuple[layers.Conv, np.ndarray, np.ndarray], outputs: int
) -> None:
    layer, x, signal = case
    with mock.patch.object(conv_winograd, "correlate", wraps=conv_winograd.correlate) as correlate, winograd(outputs):
        y = layers.forward(layer, x)
        (dx,) = layers.backward(layer, signal, y, x)
    single = x.shape[1:3] == (3, 3) and not any(layer.pad)  # whose gradient is one product
    assert correlate.call_count == conv.groups(layer, x.shape[3]) * (1 if single else 2)
    assert y.dtype == dx.dtype == np.float32
    up, down = bounds(layer, x, signal, outputs)
    assert (np.abs(y - conv.forward(layer, x.astype(float))) <= up).all()
    assert (np.abs(dx - conv.gradient(layer, signal.astype(float), None, x.astype(float))[0]) <= down).all()


RANDOM = np.random.default_rng(6)
X = RANDOM.standard_normal((2, 11, 9, 6), "float32")
LAYER = layers.Conv(RANDOM.standard_normal((8, 3, 3, 6), "float32"), pad=1)


def test_the_bound_is_of_use() -> None:
    """It is below what one of the terms in the sum contributes, and grows with the tile."""
    wide = border.padded(X, LAYER.pad)
    typical = np.abs(conv.forward(LAYER, X)).mean()
    two, four = (error_bound(wide, LAYER.filters, outputs).mean() for outputs in (2, 4))
    assert two < four < 0.01 * typical
    assert two < 0.001 * typical


@pytest.mark.parametrize("outputs", [0, 2, 4])
def test_the_switch_says_how(outputs: int) -> None:
    before = winograd_outputs()
    with mock.patch.object(conv_winograd, "correlate", wraps=conv_winograd.correlate) as correlate, winograd(outputs):
        assert winograd_outputs() == outputs
        layers.forward(LAYER, X)
    assert [call.args[-1] for call in correlate.call_args_list] == ([outputs] if outputs else [])
    assert winograd_outputs() == before


def test_the_switch_refuses_other_tiles() -> None:
    with pytest.raises(ValueError, match="outputs is 3, expected one of 0, 2, 4"):
        refvis.winograd(3)


@pytest.mark.parametrize("shape", [(8, 3, 2, 6), (8, 3, 3, 5), (8, 27)])
def test_the_bound_refuses_other_filters(shape: tuple[int, ...]) -> None:
    with pytest.raises(layers.ShapeError, match=f"filters have shape {re.escape(str(shape))}"):
        error_bound(X, np.ones(shape), 2)


@pytest.mark.parametrize("changed", [{"stride": 2}, {"dilate": 2}, {"filters": LAYER.filters[:, :, :2]}])
def test_other_geometry_goes_by_direct_sums(changed: dict[str, object]) -> None:
    layer = replace(LAYER, **changed)
    with mock.patch.object(conv_winograd, "correlate", side_effect=AssertionError):
        layers.backward(layer, layers.forward(layer, X), None, X)


@pytest.mark.parametrize(("threads", "fewest", "goes"), [(1, 9505, True), (2, 9505, False), (2, 9504, True)])
def test_several_threads_share_out_small_layers_as_direct_sums(threads: int, fewest: int, goes: bool) -> None:
    assert X[..., 0].size * 6 * 8 == 9504
    with (
        mock.patch.multiple(conv_winograd, FEWEST_PRODUCTS=fewest, workers=lambda like: threads),
        mock.patch.object(conv_winograd, "correlate", wraps=conv_winograd.correlate) as correlate,
    ):
        layers.forward(LAYER, X)
    assert correlate.called == goes


def test_float64_goes_by_direct_sums() -> None:
    with mock.patch.object(conv_winograd, "correlate", side_effect=AssertionError):
        layers.forward(LAYER, X.astype(float))


@pytest.mark.parametrize("mode", ["epsilon", "z_plus", "epsilon_gamma_box", "epsilon_alpha2_beta1_flat"])
def test_relevance_rules_go_by_direct_sums(mode: str) -> None:
    net = refvis.chain({"conv": LAYER, "relu": layers.ReLU(), "conv2": layers.Conv(np.ones((1, 11, 9, 8), "float32"))})
    trace = net.forward(X)
    with mock.patch.object(conv_winograd, "correlate", side_effect=AssertionError):
        net.backward(trace, {"conv2": np.ones_like(trace.output)}, mode)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_stays_where_it_reaches(value: float) -> None:
    x = X.copy()
    x[1, 4, 5, 2] = value
    with np.errstate(all="ignore"):
        expected = conv.forward(LAYER, x)
        found = layers.forward(LAYER, x)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    assert np.isfinite(found[0]).all()
