"""Planted bugs of convolution: y[k, i, j] = b[k] + sum f[k, c, u, v] x[c, s i + d u - p, s j + d v - p]."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


class Geometry(NamedTuple):
    """A convolution's numbers, as this implementation reads them."""

    filters: np.ndarray
    group: int
    pad: tuple[int, int, int, int]
    stride: tuple[int, int]
    dilate: tuple[int, int]
    size: tuple[int, int]


def geometry(layer: Any, x: np.ndarray, bug: str) -> Geometry:
    filters = layer.filters if layer.filters is not None else np.ones((x.shape[1], 1, 1, 1), x.dtype)
    if bug == "flipped":
        filters = filters[:, :, ::-1, ::-1]
    if bug == "filter_height_for_width":
        filters = filters.reshape(*filters.shape[:2], filters.shape[3], filters.shape[2])
    top, bottom, left, right = layer.pad
    if bug == "pad_left_right_first":
        top, bottom, left, right = left, right, top, bottom
    stride = (layer.stride[0], layer.stride[0]) if bug == "stride_of_y_only" else layer.stride
    dilate = (1, 1) if bug == "no_dilation" else layer.dilate
    spans = [(size - 1) * step + 1 for size, step in zip(filters.shape[2:], dilate, strict=True)]
    spare = 1 if bug == "last_window_missing" else 0
    room = (x.shape[2] + top + bottom - spans[0] - spare, x.shape[3] + left + right - spans[1] - spare)
    height, width = (max(0, left_over // step + 1) for left_over, step in zip(room, stride, strict=True))
    return Geometry(filters, filters.shape[1], (top, bottom, left, right), stride, dilate, (height, width))


def padded(x: np.ndarray, pad: tuple[int, int, int, int]) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), pad[:2], pad[2:]))


def window(g: Geometry, channels: int, k: int, i: int, j: int, bug: str = "") -> tuple[slice, slice, slice]:
    groups = channels // g.group
    which = k // (len(g.filters) // groups)
    along = slice(which, None, groups) if bug == "groups_interleaved" else slice(which * g.group, (which + 1) * g.group)
    y, x = i * g.stride[0], j * g.stride[1]
    rows, columns = g.filters.shape[2:]
    return (
        along,
        slice(y, y + (rows - 1) * g.dilate[0] + 1, g.dilate[0]),
        slice(x, x + (columns - 1) * g.dilate[1] + 1, g.dilate[1]),
    )


def forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    if bug == "blue_for_red":
        x = x[:, ::-1]
    if bug == "read_as_channels_last":
        x = x.reshape(x.shape[0], *x.shape[2:], x.shape[1]).transpose(0, 3, 1, 2)
    g = geometry(layer, x, bug)
    image, channels = padded(x, g.pad), x.shape[1]
    y = np.zeros((len(x), len(g.filters), *g.size), np.float16 if bug == "half_precision" else x.dtype)
    for n, k, i, j in np.ndindex(y.shape):
        products = image[0 if bug == "first_image_again" else n][window(g, channels, k, i, j, bug)] * g.filters[k]
        y[n, k, i, j] = products[: 2 if bug == "two_channels" else None].sum()
    if layer.biases is not None:
        y += (2 if bug == "bias_twice" else 1) * layer.biases[:, None, None]
    return (y.swapaxes(2, 3) if bug == "output_transposed" else y).astype(x.dtype)


def backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    g = geometry(layer, x, bug)
    image = np.zeros_like(padded(x, g.pad))
    for n, k, i, j in np.ndindex(signal.shape):
        image[n][window(g, x.shape[1], k, i, j)] += g.filters[k] * signal[n, k, i, j]
    top, left = (0, 0) if bug == "pad_not_cut_off" else (g.pad[0], g.pad[2])
    return image[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def parameter_gradients(
    layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = ""
) -> dict[str, np.ndarray]:
    g = geometry(layer, x, bug)
    image, filters = padded(x, g.pad), np.zeros_like(g.filters)
    for n, k, i, j in np.ndindex(signal.shape):
        if bug == "last_image_only" and n < len(x) - 1:
            continue
        filters[k] += image[n][window(g, x.shape[1], k, i, j)] * signal[n, k, i, j]
    biases = signal.sum(axis=(0, 2, 3)) / (len(x) if bug == "bias_mean_over_images" else 1)
    own = {"filters": filters} if layer.filters is not None else {}
    return own | ({"biases": biases} if layer.biases is not None else {})


BUGS = (
    Planted("flipped", forward, "conv", "flip"),
    Planted("pad_left_right_first", forward, "conv", "pad.*(order|left)"),
    Planted("stride_of_y_only", forward, "conv", "stride"),
    Planted("no_dilation", forward, "conv", "dilat"),
    Planted(
        "groups_interleaved",
        forward,
        "conv",
        "interleav",
        slow=True,
        missed="no answer has interleaved input channels with outputs in blocks",
    ),
    Planted(
        "bias_twice", forward, "conv", "bias.*twice|twice.*bias", slow=True, missed="no answer adds the biases twice"
    ),
    Planted(
        "last_window_missing", forward, "conv", "window|size|border|row", missed="no answer leaves out the last window"
    ),
    Planted(
        "filter_height_for_width",
        forward,
        "conv",
        "filter.*(transpos|swap|height|width)",
        missed="no answer reads the filters' buffer with height for width",
    ),
    Planted("blue_for_red", forward, "conv", "channels.*(revers|order)|BGR", slow=True),
    Planted("read_as_channels_last", forward, "conv", "NCHW|NHWC|layout", slow=True),
    Planted("output_transposed", forward, "conv", "transpos|height.*width|rows and columns are swapped"),
    Planted("half_precision", forward, "conv", "float16|half|digits", slow=True),
    Planted("first_image_again", forward, "conv", "image", slow=True),
    Planted("two_channels", forward, "conv", "channel", missed="no case has three channels in a group", uncaught=True),
    Planted("flipped", backward, "conv", "flip", slow=True),
    Planted("pad_not_cut_off", backward, "conv", "pad|border|crop|shift"),
    Planted("last_image_only", parameter_gradients, "conv", "image", slow=True),
    Planted("bias_mean_over_images", parameter_gradients, "conv", "mean|averag|image"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", [forward, backward, parameter_gradients])
def test_a_right_convolution_agrees(function: Any, seed: int) -> None:
    require_agreement(function, "conv", seed)
