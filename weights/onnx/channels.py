"""Operators of ONNX that pick or shuffle channels, as the layer Select."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from refvis.layers import Select, SubPixel
from refvis.weights.onnx.folding import slices
from refvis.weights.onnx.layout import Atom, Feature, Unmapped
from refvis.weights.onnx.operation import Operation


def channel_axis(x: Feature, axis: int) -> int:
    """Return the axis, counted from 0; raise Unmapped unless it is the variable's axis of channels."""
    dims, axes = x.known
    axis = axis + len(dims) if axis < 0 else axis
    if not 0 < axis < len(dims) or dims[axis] != axes[3]:
        raise Unmapped(f"it takes parts along axis {axis} of a value of shape {x.shape}, which is not the channels")
    return axis


def selected(op: Operation, x: Feature, axis: int, channels: Sequence[int], number: int = 0, part: str = "") -> Feature:
    """Return what a Select of these channels writes, as output `number` of the operator, or as a layer beside it."""
    dims, axes = x.known
    kept = (Atom(len(channels)),) if len(channels) > 1 else ()
    variable = op.emit(Select(channels), x, part=part, number=number)
    return Feature(variable, (*dims[:axis], kept, *dims[axis + 1 :]), (*axes[:3], kept))


def split(op: Operation) -> tuple[Feature, ...]:
    """Return what a Split of the channels writes: sizes are an attribute, since opset 13 an input; else equal parts."""
    x = op.feature()
    axis = channel_axis(x, int(op.number("axis", 0)))
    count, parts = x.own_shape[3], len(op.outputs)
    given = op.optional(1, "sizes")
    each = -(-count // parts)
    equal = [min(each, count - each * part) for part in range(parts)]
    sizes = op.numbers("split", equal) if given is None else [int(one) for one in given]
    if len(sizes) != parts or sum(sizes) != count or min(sizes) < 1:
        raise Unmapped(f"it splits {count} channels into parts of {sizes}")
    ends = np.cumsum(sizes).tolist()
    return tuple(
        selected(op, x, axis, range(end - size, end), number)
        for number, (size, end) in enumerate(zip(sizes, ends, strict=True))
    )


def channel_slice(op: Operation) -> Feature:
    """Return what a Slice of the channels writes; slices of other axes have to take all of them."""
    x = op.feature()
    given = [op.optional(number, name) for number, name in enumerate(("starts", "ends", "axes", "steps"), 1)]
    parts = slices(op.attributes, len(x.shape), *given)
    cut = [axis for axis, part in enumerate(parts) if range(x.shape[axis])[part] != range(x.shape[axis])]
    if not cut:
        return x
    if len(cut) > 1:
        raise Unmapped(f"it takes parts along the axes {cut}")
    axis = channel_axis(x, cut[0])
    channels = range(x.shape[axis])[parts[axis]]
    if not channels:
        raise Unmapped("it takes no channels")
    return selected(op, x, axis, channels)


def gather(op: Operation) -> Feature:
    """Return what a Gather of constant channels writes; a single number leaves the axis out."""
    x, index = op.feature(), op.array(1, "indices")
    axis = channel_axis(x, int(op.number("axis", 0)))
    count = x.own_shape[3]
    channels = [int(one) % count for one in index.ravel() if -count <= one < count]
    if index.ndim > 1 or not channels or len(channels) != index.size:
        raise Unmapped(f"it gathers channels {index.tolist()} of {count}")
    y = selected(op, x, axis, channels)
    dims, _ = y.known
    return y if index.ndim else replace(y, dims=(*dims[:axis], *dims[axis + 1 :]))


def depth_to_space(op: Operation) -> Feature:
    """Return what a DepthToSpace writes: its channels are selected in the order of SubPixel, which follows."""
    x, s = op.map(), int(op.number("blocksize", 0))
    count = x.own_shape[3]
    if s < 1 or count % (s * s) or len(x.shape) != 4:
        raise Unmapped(f"it makes blocks of {s} x {s} pixels of {count} channels")
    shape, order = {"DCR": ((s, s, -1), (2, 1, 0)), "CRD": ((-1, s, s), (0, 2, 1))}[op.attribute("mode", "DCR")]
    numbers = np.arange(count).reshape(shape).transpose(order)  # channel of the output, column, row
    return op.mapped(SubPixel(s), selected(op, x, 1, numbers.ravel().tolist(), part="order"))


def in_order(op: Operation, value: Feature) -> Feature:
    """Return a value as a map: channels that ONNX reshaped and transposed among themselves are selected in its order.

    Raises Unmapped where other axes moved.
    """
    dims, axes = value.known
    if value.is_map:
        return value
    hidden = {4: (dims[2:4], axes[1:3]), 3: (dims[2:3], axes[2:3]), 2: ((), ())}.get(len(dims))
    if hidden is None or hidden[0] != hidden[1] or dims[0] != axes[0] or set(dims[1]) != set(axes[3]):
        raise Unmapped(f"its input, of shape {value.shape}, was reshaped or transposed before")
    numbers = np.arange(value.own_shape[3]).reshape([atom.size for atom in axes[3]])
    order = numbers.transpose([axes[3].index(atom) for atom in dims[1]]).ravel().tolist()
    return selected(op, replace(value, axes=(*axes[:3], dims[1])), 1, order, part="order")
