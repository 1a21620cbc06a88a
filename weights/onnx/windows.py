"""Convolutions, pooling and padding of ONNX as layers.

ONNX's filters are K x C/G x FH x FW, and its pads [top, left, bottom, right]. Rows are axis 2, so a signal along one
axis, N x C x W, is an image of one row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.layers import Conv, ConvTranspose, Pool
from refvis.layers.base.geometry import dilated_size
from refvis.weights.onnx.layout import Feature, Unmapped
from refvis.weights.onnx.operation import Operation

Array = NDArray[Any]


def two(values: Sequence[int], fill: int) -> tuple[int, int]:
    """Return (y, x); one number is that of the columns."""
    if len(values) not in (1, 2):
        raise Unmapped(f"it works on {len(values)} axes, expected one or two")
    return (fill, values[0]) if len(values) == 1 else (values[0], values[1])


def extents(op: Operation) -> tuple[int, int]:
    """Return height and width of the input."""
    return op.map().own_shape[1], op.map().own_shape[2]


def pads(
    op: Operation, size: tuple[int, int], stride: tuple[int, int], dilate: tuple[int, int] = (1, 1)
) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a window, given in numbers or by `auto_pad`."""
    auto = op.attribute("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        both: list[int] = []
        for extent, taps, step, apart in zip(extents(op), size, stride, dilate, strict=True):
            whole = max(0, (-(-extent // step) - 1) * step + dilated_size(taps, apart) - extent)
            half = whole // 2
            both += [half, whole - half] if auto == "SAME_UPPER" else [whole - half, half]
        return both[0], both[1], both[2], both[3]
    return sides(op.numbers("pads", [0, 0, 0, 0]) if auto != "VALID" else [0, 0, 0, 0])


def sides(numbers: Sequence[int]) -> tuple[int, int, int, int]:
    """Return ONNX's pads, those of all beginnings before those of all ends, as (top, bottom, left, right)."""
    if len(numbers) not in (2, 4):
        raise Unmapped(f"it has {len(numbers)} pads, expected two or four")
    if min(numbers) < 0:
        raise Unmapped("its pads are negative")
    (top, left), (bottom, right) = (two(numbers[: len(numbers) // 2], 0), two(numbers[len(numbers) // 2 :], 0))
    return top, bottom, left, right


def filters(op: Operation) -> Array:
    """Return the filters, K x FH x FW x C/G (of a transposed convolution C x FH x FW x K/G)."""
    array = op.array(1, "filters")
    if array.ndim == 3:
        array = array[:, :, None]
    if array.ndim != 4:
        raise Unmapped(f"its filters have {array.ndim} axes, expected three or four")
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def conv(op: Operation) -> Feature:
    """Return what a Conv writes."""
    weights, x = filters(op), op.map()
    stride, dilate = (two(op.numbers(name, [1, 1]), 1) for name in ("strides", "dilations"))
    pad = pads(op, (weights.shape[1], weights.shape[2]), stride, dilate)
    groups = int(op.number("group", 1))
    if x.dims is not None and x.own_shape[3] != groups * weights.shape[3]:
        raise ValueError(
            f"the input has {x.own_shape[3]} channels, the filters have {weights.shape[3]} in {groups} group(s)"
        )
    return op.mapped(Conv(weights, op.optional(2, "biases"), stride, pad, dilate), x)


def conv_transpose(op: Operation) -> Feature:
    """Return what a ConvTranspose writes."""
    weights, x = filters(op), op.map()
    groups = int(op.number("group", 1))
    stride, dilate = (two(op.numbers(name, [1, 1]), 1) for name in ("strides", "dilations"))
    more = two(op.numbers("output_padding", [0, 0]), 0)
    weights = spread(weights, dilate)
    crop = crops(op, (weights.shape[1], weights.shape[2]), stride, more)
    # An end that output_padding enlarges beyond the crop is rows of zeros: longer filters make them.
    longer = [max(0, -end) for end in (crop[1], crop[3])]
    if any(longer):
        weights = np.pad(weights, ((0, 0), (0, longer[0]), (0, longer[1]), (0, 0)))
    if min(crop[0], crop[2]) < 0:
        raise Unmapped("its pads are negative")
    layer = ConvTranspose(
        weights, op.optional(2, "biases"), stride, (crop[0], max(0, crop[1]), crop[2], max(0, crop[3])), groups
    )
    return op.mapped(layer, x)


def spread(weights: Array, dilate: tuple[int, int]) -> Array:
    """Return dilated filters, with the zeros between their taps written out."""
    if dilate == (1, 1):
        return weights
    sizes = [dilated_size(extent, apart) for extent, apart in zip(weights.shape[1:3], dilate, strict=True)]
    wide = np.zeros((len(weights), *sizes, weights.shape[3]), weights.dtype)
    wide[:, :: dilate[0], :: dilate[1]] = weights
    return wide


def crops(
    op: Operation, size: tuple[int, int], stride: tuple[int, int], more: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return what is cut off at (top, bottom, left, right), less the output padding; a negative end is to be added."""
    auto, wanted = op.attribute("auto_pad", "NOTSET"), op.attribute("output_shape")
    if wanted is None and auto not in ("SAME_UPPER", "SAME_LOWER"):
        top, bottom, left, right = sides(op.numbers("pads", [0, 0, 0, 0]) if auto != "VALID" else [0, 0, 0, 0])
        return top, bottom - more[0], left, right - more[1]
    both: list[int] = []
    target = None if wanted is None else two(op.numbers("output_shape")[-2:], 1)
    for axis, (extent, taps, step) in enumerate(zip(extents(op), size, stride, strict=True)):
        end = extent * step if target is None else target[axis]
        whole = step * (extent - 1) + taps + more[axis] - end
        half = whole // 2
        before = half if auto == "SAME_UPPER" else whole - half
        both += [before, whole - before - more[axis]]
    return both[0], both[1], both[2], both[3]


def pool(op: Operation) -> Feature:
    """Return what a MaxPool or AveragePool writes.

    MatConvNet's averages never count the padding. Where ONNX's do, the image is padded before, by a layer of its own.
    """
    method, x = ("max" if op.kind == "MaxPool" else "avg"), op.map()
    if any(apart != 1 for apart in op.numbers("dilations", [1, 1])):
        raise Unmapped("it pools with dilations")
    size = two(op.numbers("kernel_shape"), 1)
    stride = two(op.numbers("strides", [1] * len(op.numbers("kernel_shape"))), 1)
    pad = pads(op, size, stride)
    final = pad
    if op.number("ceil_mode", 0) and op.attribute("auto_pad", "NOTSET") == "NOTSET":
        final = rounded_up(x, size, stride, pad)
    if op.number("count_include_pad", 0) and method == "avg" and any(pad):
        counted = (pad[0], min(pad[1], final[1]), pad[2], min(pad[3], final[3]))
        x = op.mapped(Conv(None, pad=counted), x, part="pad")
        final = (0, final[1] - counted[1], 0, final[3] - counted[3])
    return op.mapped(Pool(size, stride, final, method), x)


def rounded_up(
    x: Feature, size: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    """Return the pad for an output size that is rounded up: enough at the end for one more window.

    A pad that is larger by ``stride - 1`` rounds up for images of every size. It has to be smaller than the window;
    where it is not, it is fitted to the size of this input.
    """
    (top, bottom), (left, right) = (
        (before, after + step - 1 if after + step - 1 < taps else fitted(x.own_shape[axis], taps, step, before, after))
        for axis, taps, step, before, after in zip((1, 2), size, stride, pad[::2], pad[1::2], strict=True)
    )
    return top, bottom, left, right


def fitted(extent: int, taps: int, step: int, before: int, after: int) -> int:
    """Return the pad at the end for windows of `taps` pixels whose number is rounded up.

    A window that would begin beyond the image and the pad before it is left out.
    """
    count = -(-(extent + before + after - taps) // step) + 1
    if (count - 1) * step >= extent + before:
        count -= 1
    return max(0, (count - 1) * step + taps - extent - before)


def global_pool(op: Operation) -> Feature:
    """Return what a GlobalAveragePool or GlobalMaxPool writes: the pooling of the whole input."""
    x = op.map()
    method = "max" if op.kind == "GlobalMaxPool" else "avg"
    return op.mapped(Pool((x.own_shape[1], x.own_shape[2]), method=method), x)


def pad(op: Operation) -> Feature:
    """Return what a Pad writes: a convolution without filters pads by zeros."""
    x = op.map()
    rank = len(x.known[0])
    given = op.optional(1, "pads")
    numbers = op.numbers("pads") if given is None else [int(one) for one in given]
    axes = op.optional(3, "axes")
    if axes is not None:
        full = [0] * (2 * rank)
        for number, axis in enumerate(np.ravel(axes).tolist()):
            full[axis % rank], full[axis % rank + rank] = numbers[number], numbers[number + len(numbers) // 2]
        numbers = full
    if len(numbers) != 2 * rank or rank < 3:
        raise Unmapped(f"it has {len(numbers)} pads for an input of {rank} axes")
    if any(numbers[axis] for axis in (0, 1, rank, rank + 1)):
        raise Unmapped("it pads images or channels")
    value = op.optional(2, "value")
    fill = op.attribute("value", 0.0) if value is None else float(np.ravel(value)[0])
    if op.attribute("mode", "constant") != "constant" or (fill != 0 and any(numbers)):
        raise Unmapped("it pads by other values than zero")
    if not any(numbers):
        return x
    return op.mapped(Conv(None, pad=sides(numbers[2:rank] + numbers[rank + 2 :])), x)
