"""Operators of ONNX that move axes: they change the account of the axes, and need no layer."""

from dataclasses import replace

import numpy as np

from refvis.layers import Pool
from refvis.weights.onnx.folding import target_shape
from refvis.weights.onnx.layout import Feature, Unmapped, reshaped, transposed
from refvis.weights.onnx.operation import Operation


def flatten(op: Operation) -> Feature:
    """Return what a Flatten makes of its input: the axes before its own joined, and those from there on."""
    x = op.feature()
    axis = int(op.number("axis", 1))
    rank = len(x.shape)
    axis = axis + rank if axis < 0 else axis
    return reshaped(x, [int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:]))])


def reshape(op: Operation) -> Feature:
    """Return what a Reshape to a constant shape makes of its input."""
    x = op.feature()
    wanted = op.numbers("shape") if op.opset < 5 else op.array(1, "shape").tolist()
    return reshaped(x, target_shape(x.shape, wanted, int(op.number("allowzero", 0))))


def transpose(op: Operation) -> Feature:
    """Return what a Transpose makes of its input."""
    x = op.feature()
    rank = len(x.known[0])
    return transposed(x, op.numbers("perm", list(range(rank))[::-1]))


def axes_of(op: Operation) -> list[int] | None:
    """Return axes: since opset 13 (18 where it reduces) an input, before an attribute; None for all."""
    given = op.optional(1, "axes")
    if given is not None:
        return [int(axis) for axis in given.ravel()]
    return None if op.attribute("axes") is None else op.numbers("axes")


def squeeze(op: Operation) -> Feature:
    """Return what a Squeeze makes of its input."""
    x = op.feature()
    dims, _ = x.known
    given = axes_of(op)
    gone = [axis for axis, atoms in enumerate(dims) if not atoms]
    if given is not None:
        wanted = [axis % len(dims) for axis in given]
        if not set(wanted) <= set(gone):
            raise Unmapped(f"it removes the axes {given} of a value of shape {x.shape}")
        gone = wanted
    return replace(x, dims=tuple(atoms for axis, atoms in enumerate(dims) if axis not in gone))


def unsqueeze(op: Operation) -> Feature:
    """Return what an Unsqueeze makes of its input."""
    x = op.feature()
    dims, given = list(x.known[0]), axes_of(op) or []
    rank = len(dims) + len(given)
    for axis in sorted(axis % rank for axis in given):
        dims.insert(axis, ())
    return replace(x, dims=tuple(dims))


def reduce(op: Operation) -> Feature:
    """Return what a ReduceMean or ReduceMax over rows and columns writes: a pooling of the whole map."""
    x, given = op.feature(), axes_of(op)
    dims, axes = x.known
    if given is None:
        raise Unmapped("it reduces all axes")
    chosen = {axis % len(dims) for axis in given}
    atoms = [atom for axis in chosen for atom in dims[axis]]
    if sorted(map(id, atoms)) != sorted(map(id, axes[1] + axes[2])):
        raise Unmapped(f"it reduces the axes {sorted(chosen)} of a value of shape {x.shape}, not rows and columns")
    method = "max" if op.kind == "ReduceMax" else "avg"
    variable = op.emit(Pool((x.own_shape[1], x.own_shape[2]), method=method), x)
    kept = bool(op.number("keepdims", 1))
    left = tuple(() if axis in chosen else one for axis, one in enumerate(dims) if kept or axis not in chosen)
    return Feature(variable, left, (axes[0], (), (), axes[3]))


def expand(op: Operation) -> Feature:
    """Return the input of an Expand that repeats nothing."""
    x = op.feature()
    wanted = tuple(int(one) for one in op.array(1, "shape"))
    if np.broadcast_shapes(x.shape, wanted) != x.shape:
        raise Unmapped(f"it repeats a value of shape {x.shape} to {wanted}")
    return x
