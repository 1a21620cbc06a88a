"""ONNX's convolutions and poolings as layers of refvis: arrays N x C x H x W (or N x C x W) in and out."""

from typing import Any

import numpy as np
from support.peers.onnx_outside import OutsideError

from refvis import layers

Attributes = dict[str, Any]
"""A node's attributes by name; with "version" of the operators, "outputs", their number, and "kept" by dropout."""
Outputs = tuple[np.ndarray, ...]


def to_nhwc(x: np.ndarray) -> np.ndarray:
    """Return N x C x H x W, or N x C x W with a height of 1, as N x H x W x C."""
    if x.ndim not in (3, 4):
        raise OutsideError(f"{x.ndim - 2} spatial axes")
    four = x[:, :, None] if x.ndim == 3 else x
    return np.ascontiguousarray(four.transpose(0, 2, 3, 1))


def from_nhwc(y: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return N x H x W x C with as many axes as `like` has."""
    four = y.transpose(0, 3, 1, 2)
    return four[:, :, 0] if like.ndim == 3 else four


def pair(values: Any) -> tuple[int, int]:
    """Return a value for each spatial axis, (1, w) where ONNX has one axis."""
    return (1, *values) if len(values) == 1 else tuple(values)


def window(at: Attributes, size: tuple[int, int], extent: tuple[int, int]) -> dict[str, Any]:
    """Return stride, dilation and pads (top, bottom, left, right) of a window, each as ONNX's attributes define them.

    Where the number of positions is rounded up, pads at the end grow until the last window fits; a window that would
    begin beyond the image and its pads is left out.
    """
    stride, dilate = pair(at.get("strides", (1, 1))), pair(at.get("dilations", (1, 1)))
    covered = [(n - 1) * d + 1 for n, d in zip(size, dilate, strict=True)]
    pads = _pads(at, extent, covered, stride)
    if at.get("ceil_mode", 0):
        for axis in (0, 1):
            before, after = pads[axis]
            over = extent[axis] + before + after - covered[axis]
            count = -(-over // stride[axis])
            if count * stride[axis] >= extent[axis] + before:
                count -= 1
            pads[axis] = before, max(after, count * stride[axis] + covered[axis] - extent[axis] - before)
    return {"stride": stride, "dilate": dilate, "pad": (*pads[0], *pads[1])}


def _pads(at: Attributes, extent: Any, covered: Any, stride: Any) -> list[tuple[int, int]]:
    """Return (before, after) for both axes; `auto_pad` SAME makes ceil(extent / stride) positions."""
    auto = at.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        total = [max((-(-n // s) - 1) * s + c - n, 0) for n, s, c in zip(extent, stride, covered, strict=True)]
        small = [(one // 2, one - one // 2) for one in total]
        return small if auto == "SAME_UPPER" else [(b, a) for a, b in small]
    given = at.get("pads", (0,) * 4) if auto == "NOTSET" else (0,) * 4
    if len(given) == 2:
        given = (0, given[0], 0, given[1])
    return [(given[0], given[2]), (given[1], given[3])]


def filters(weights: np.ndarray) -> np.ndarray:
    """Return filters K x C x FH x FW (or K x C x FW) as K x FH x FW x C."""
    return to_nhwc(weights)


def conv(at: Attributes, x: np.ndarray, weights: np.ndarray, biases: np.ndarray | None = None) -> Outputs:
    """Conv."""
    image, f = to_nhwc(x), filters(weights)
    shape = window(at, f.shape[1:3], image.shape[1:3])
    return (from_nhwc(layers.forward(layers.Conv(f, biases, **shape), image), x),)


def conv_transpose(at: Attributes, x: np.ndarray, weights: np.ndarray, biases: np.ndarray | None = None) -> Outputs:
    """ConvTranspose: a dilated filter is one with zeros between its taps; zeros at its end enlarge the output."""
    image, f = to_nhwc(x), _spread(filters(weights), pair(at.get("dilations", (1, 1))))
    stride, more = pair(at.get("strides", (1, 1))), pair(at.get("output_padding", (0, 0)))
    crop = _crops(at, image.shape[1:3], f.shape[1:3], stride, more)
    longer = [max(-end, 0) for _, end in crop]
    f = np.pad(f, ((0, 0), (0, longer[0]), (0, longer[1]), (0, 0)))
    quad = tuple(max(one, 0) for both in crop for one in both)
    layer = layers.ConvTranspose(f, biases, stride, quad, at.get("group", 1))
    return (from_nhwc(layers.forward(layer, image), x),)


def _spread(f: np.ndarray, dilate: tuple[int, int]) -> np.ndarray:
    height, width = ((n - 1) * d + 1 for n, d in zip(f.shape[1:3], dilate, strict=True))
    spread = np.zeros((len(f), height, width, f.shape[3]), f.dtype)
    spread[:, :: dilate[0], :: dilate[1]] = f
    return spread


def _crops(at: Attributes, extent: Any, size: Any, stride: Any, more: Any) -> list[tuple[int, int]]:
    """Return (before, after) for both axes; a negative number enlarges the output."""
    full = [s * (n - 1) + f for s, n, f in zip(stride, extent, size, strict=True)]
    wanted = pair(at["output_shape"]) if "output_shape" in at else None
    auto = at.get("auto_pad", b"NOTSET").decode()
    if wanted is None and auto.startswith("SAME"):
        wanted = tuple(n * s for n, s in zip(extent, stride, strict=True))
    if wanted is None:
        pads = _pads(at, extent, size, stride)
        return [(before, after - m) for (before, after), m in zip(pads, more, strict=True)]
    total = [n - w for n, w in zip(full, wanted, strict=True)]
    return [_shared_out(one, auto == "SAME_UPPER") for one in total]


def _shared_out(total: int, upper: bool) -> tuple[int, int]:
    """Return the crop before and after; an odd one goes to the end for SAME_UPPER, a missing row or column always."""
    if total < 0:
        return 0, total
    small, large = total // 2, total - total // 2
    return (small, large) if upper else (large, small)


def pool(method: str, at: Attributes, x: np.ndarray) -> tuple[layers.Pool, np.ndarray]:
    """Return the layer and its input N x H x W x C; pads that count are zeros around the image."""
    image, size = to_nhwc(x), pair(at["kernel_shape"])
    shape = window(at, size, image.shape[1:3])
    if shape.pop("dilate") != (1, 1):
        raise OutsideError("dilated pooling")
    if at.get("count_include_pad", 0):
        top, bottom, left, right = window(at | {"ceil_mode": 0}, size, image.shape[1:3])["pad"]
        image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))
        shape["pad"] = tuple(a - b for a, b in zip(shape["pad"], (top, bottom, left, right), strict=True))
    return layers.Pool(size, method=method, **shape), image


def average_pool(at: Attributes, x: np.ndarray) -> Outputs:
    """AveragePool."""
    return (from_nhwc(layers.forward(*pool("avg", at, x)), x),)


def max_pool(at: Attributes, x: np.ndarray) -> Outputs:
    """MaxPool, with the places of the maxima as its backward pass finds them."""
    if not np.issubdtype(x.dtype, np.floating):
        raise OutsideError(f"values are {x.dtype}; layers compute with float32 and float64")
    layer, image = pool("max", at, x)
    y = layers.forward(layer, image)
    if at["outputs"] == 1:
        return (from_nhwc(y, x),)
    return from_nhwc(y, x), _winners(layer, image, y, at.get("storage_order", 0))


def _winners(layer: layers.Pool, image: np.ndarray, y: np.ndarray, columns_first: int) -> np.ndarray:
    """Return the index of each window's winner in the image, N x C x H' x W', where a signal of 1 alone comes back."""
    places = np.zeros((len(y), y.shape[3], *y.shape[1:3]), np.int64)
    for at in np.ndindex(*places.shape):
        n, c, i, j = at
        signal = np.zeros_like(y)
        signal[n, i, j, c] = 1
        (back,) = layers.backward(layer, signal, y, image)
        row, column = (int(one[0]) for one in np.nonzero(back[n, :, :, c]))
        inside = column * image.shape[1] + row if columns_first else row * image.shape[2] + column
        places[at] = (n * image.shape[3] + c) * image.shape[1] * image.shape[2] + inside
    return places


def global_pool(method: str, at: Attributes, x: np.ndarray) -> Outputs:
    """GlobalAveragePool and GlobalMaxPool: one window as large as the image."""
    image = to_nhwc(x)
    return (from_nhwc(layers.forward(layers.Pool(image.shape[1:3], method=method), image), x),)


def max_unpool(at: Attributes, x: np.ndarray, places: np.ndarray, shape: np.ndarray | None = None) -> Outputs:
    """MaxUnpool: the backward pass of max pooling, over an image that has its maxima at the given places."""
    size, stride = pair(at["kernel_shape"]), pair(at["strides"])
    extent = [s * (n - 1) + f for s, n, f in zip(stride, x.shape[2:], size, strict=True)]
    image = np.zeros((*x.shape[:2], *extent), x.dtype)
    image.ravel()[places.ravel()] = 1
    wanted = image.shape if shape is None else tuple(int(n) for n in shape)
    image = np.pad(image, [(0, w - n) for w, n in zip(wanted, image.shape, strict=True)])
    layer = layers.Pool(size, stride)
    (back,) = layers.backward(layer, to_nhwc(x), None, to_nhwc(image))
    return (from_nhwc(back, x),)
