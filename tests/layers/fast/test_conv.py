"""The fast convolution is the definition, whatever the tiles, the geometry and the memory order.

Two sums of n products differ by at most (n + 2) roundings of the sum of the products' sizes, in either dtype: that is
the bound here, and it is computed by the definition on absolute values.
"""

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import conv, conv_transpose
from refvis.layers.base import border
from refvis.layers.fast import conv as fast_conv
from refvis.layers.fast import conv_transpose as fast_conv_transpose

TILES = [1, 100, 1000, 5000, fast_conv.TILE_BYTES]
LAYOUTS = {
    "contiguous": lambda x: x,
    "fortran": np.asfortranarray,
    "turned": lambda x: np.ascontiguousarray(x[:, ::-1, ::-1])[:, ::-1, ::-1],
    "every other": lambda x: np.repeat(np.repeat(x, 2, axis=2), 2, axis=3)[:, :, ::2, ::2],
    "channels first": lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
}


def absolute(layer: layers.Conv) -> layers.Conv:
    parts = {name: getattr(layer, name) for name in ("filters", "biases")}
    return replace(layer, **{name: np.abs(part, dtype=float) for name, part in parts.items() if part is not None})


def assert_sums_agree(found: np.ndarray, expected: np.ndarray, sizes: np.ndarray, terms: int) -> None:
    np.testing.assert_equal((found.dtype, found.shape), (expected.dtype, expected.shape))
    bound = (terms + 2) * np.finfo(found.dtype).eps * sizes
    over = np.abs(found.astype(float) - expected) - bound
    np.testing.assert_array_less(over, np.finfo(found.dtype).tiny)


def tiled(size: int) -> Any:
    return mock.patch.object(fast_conv, "TILE_BYTES", size)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(data=st.data(), tile=st.sampled_from(TILES))
def test_fast_is_the_definition(layout: str, data: st.DataObject, tile: int) -> None:
    layer, (x,) = data.draw(cases.single(("conv",)))
    g = LAYOUTS[layout](cases.like(data.draw, conv.forward(layer, x)))
    x = LAYOUTS[layout](x)
    plain, size, sizes = absolute(layer), np.abs(x, dtype=float), np.abs(g, dtype=float)
    kernels, fh, fw, depth = layer.filters.shape
    groups = x.shape[3] // depth
    with tiled(tile):
        y = fast_conv.forward(layer, x)
        (dx,) = fast_conv.gradient(layer, g, y, x)
        parameters = fast_conv.parameter_gradients(layer, g, y, x)

    assert_sums_agree(y, conv.forward(layer, x), conv.forward(plain, size), fh * fw * depth + 1)
    (bound,) = conv.gradient(plain, sizes, None, size)
    assert_sums_agree(dx, conv.gradient(layer, g, None, x)[0], bound, fh * fw * kernels // groups)
    expected = conv.parameter_gradients(layer, g, None, x)
    bounds = conv.parameter_gradients(plain, sizes, None, size)
    np.testing.assert_equal(list(parameters), list(expected))
    for name, found in parameters.items():
        assert_sums_agree(found, expected[name], bounds[name], g.size // kernels)


@settings(max_examples=80)
@given(cases.single(("conv_transpose",)), st.data(), st.sampled_from(TILES))
def test_fast_transpose_is_the_definition(case: cases.Case, data: st.DataObject, tile: int) -> None:
    layer, (x,) = case
    channels, fh, fw, each = layer.filters.shape
    stamps = channels // layer.groups * fh * fw
    plain = replace(
        layer, **{n: np.abs(v, dtype=float) for n in ("filters", "biases") if (v := getattr(layer, n)) is not None}
    )
    g = cases.like(data.draw, conv_transpose.forward(layer, x))
    size, sizes = np.abs(x, dtype=float), np.abs(g, dtype=float)
    with tiled(tile):
        y = fast_conv_transpose.forward(layer, x)
        (dx,) = fast_conv_transpose.gradient(layer, g, y, x)
        parameters = fast_conv_transpose.parameter_gradients(layer, g, y, x)

    assert_sums_agree(y, conv_transpose.forward(layer, x), conv_transpose.forward(plain, size), stamps + 1)
    (bound,) = conv_transpose.gradient(plain, sizes, None, size)
    assert_sums_agree(dx, conv_transpose.gradient(layer, g, None, x)[0], bound, fh * fw * each)
    expected = conv_transpose.parameter_gradients(layer, g, None, x)
    bounds = conv_transpose.parameter_gradients(plain, sizes, None, size)
    np.testing.assert_equal(list(parameters), list(expected))
    for name, found in parameters.items():
        assert_sums_agree(found, expected[name], bounds[name], g.size)


@given(cases.single(("subsample",)), st.data())
def test_without_filters_both_are_one(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    y = fast_conv.forward(layer, x)
    g = cases.like(data.draw, y)
    np.testing.assert_array_equal(y, conv.forward(layer, x), strict=True)
    np.testing.assert_array_equal(fast_conv.gradient(layer, g, y, x)[0], conv.gradient(layer, g, y, x)[0], strict=True)
    expected = conv.parameter_gradients(layer, g, y, x)
    np.testing.assert_equal(fast_conv.parameter_gradients(layer, g, y, x), expected)


@pytest.mark.parametrize(
    ("rows_per_tile", "expected"),
    [
        (1, [(n, 1) for n in (1, 1, 1) for _ in range(5)]),
        (2, [(1, 2), (1, 2), (1, 1)] * 3),
        (5, [(1, 5)] * 3),
        (10, [(2, 5), (1, 5)]),
        (99, [(3, 5)]),
    ],
)
def test_tiles_hold_some_rows_or_some_images(rows_per_tile: int, expected: list[tuple[int, int]]) -> None:
    layer, x = layers.Conv(np.ones((1, 2, 3, 4))), np.arange(3 * 6 * 9 * 4.0).reshape(3, 6, 9, 4)
    found, seen = [], []
    with tiled(rows_per_tile * 7 * 24 * x.itemsize):
        for images, rows, columns in fast_conv._tiles(layer, x, (5, 7)):
            found.append((len(range(3)[images]), len(range(5)[rows])))
            seen.append(columns.copy())
    np.testing.assert_equal(found, expected)
    np.testing.assert_array_equal(np.concatenate(seen), fast_conv._windows(layer, x, (5, 7)).reshape(-1, 24))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("pad", [0, (1, 0, 0, 2)])
def test_filters_of_groups_that_see_all_of_the_image(count: int, pad: int | tuple[int, ...]) -> None:
    random = np.random.default_rng(count)
    x = random.standard_normal((count, 4, 5, 6))
    height, width = border.padded(x, layers.Conv(None, None, pad=pad).pad).shape[1:3]
    layer = layers.Conv(random.standard_normal((4, height, width, 3)), pad=pad)
    g = random.standard_normal((count, 1, 1, 4))
    np.testing.assert_allclose(fast_conv.forward(layer, x), conv.forward(layer, x), atol=1e-12)
    (found,), (expected,) = fast_conv.gradient(layer, g, None, x), conv.gradient(layer, g, None, x)
    np.testing.assert_allclose(found, expected, atol=1e-12)
