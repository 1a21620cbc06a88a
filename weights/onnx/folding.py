"""Folding: operators whose inputs are all constants, computed while the model is read.

Exporters write the sizes of a reshape, or of a resized image, as little computations on shapes. With the size of the
input known they are constants. Each function here takes arrays and the node's attributes, and returns an array.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.weights.onnx.layout import Unmapped
from refvis.weights.onnx.tensors import KINDS

Array = NDArray[Any]
Attributes = Mapping[str, Any]

LARGEST = 2**28
"""Most values that folding makes; a file cannot ask for more memory by a small number that says how much."""


def fold(op: str, inputs: Sequence[Array | None], attributes: Attributes) -> Array:
    """Return what an operator makes of constants; raise Unmapped for an operator that is not known, or fails."""
    function = FOLDED.get(op)
    if function is None:
        raise Unmapped("it is not known here")
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(function(attributes, *inputs))
            if array.dtype.kind not in "biuf":
                raise TypeError(f"a constant of the type {array.dtype}")
            return array
    except (ValueError, TypeError, IndexError, AttributeError, KeyError, OverflowError, ArithmeticError) as error:
        raise Unmapped(f"its constants make no sense ({error})") from error


def limited(shape: Any) -> tuple[int, ...]:
    """Return a shape as ints, or raise ValueError if it is larger than `LARGEST`."""
    sizes = tuple(int(extent) for extent in np.ravel(shape))
    if math.prod(sizes) > LARGEST or min(sizes, default=0) < 0:
        raise ValueError(f"a constant of shape {sizes}")
    return sizes


def constant(attributes: Attributes) -> Array:
    """Return the value of a Constant: its one attribute."""
    if len(attributes) != 1:
        raise ValueError(f"a Constant with {len(attributes)} attributes")
    ((name, value),) = attributes.items()
    if name in ("value_int", "value_ints"):
        return np.asarray(value, "int64")
    return value if name == "value" else np.asarray(value, "float32")


def constant_of_shape(attributes: Attributes, shape: Array) -> Array:
    """Return an array of one value, by default 0."""
    return np.full(limited(shape), np.ravel(attributes.get("value", np.float32(0)))[0])


def cast(attributes: Attributes, x: Array) -> Array:
    """Return the array in another type; half floats stay floats of 32 bits."""
    kind = KINDS[attributes["to"]]
    return x.astype("float32" if kind in ("float16", "bfloat16") else kind)


def shape(attributes: Attributes, x: Array) -> Array:
    """Return the shape, or the part of it from `start` to `end`."""
    return np.asarray(x.shape[attributes.get("start", 0) : attributes.get("end")], "int64")


def axes_of(attributes: Attributes, given: Array | None) -> tuple[int, ...] | None:
    """Return axes: since opset 13 an input, before an attribute."""
    axes = attributes.get("axes") if given is None else given
    return None if axes is None else tuple(int(axis) for axis in np.ravel(axes))


def squeeze(attributes: Attributes, x: Array, axes: Array | None = None) -> Array:
    """Return the array without axes of size 1."""
    return np.squeeze(x, axes_of(attributes, axes))


def unsqueeze(attributes: Attributes, x: Array, axes: Array | None = None) -> Array:
    """Return the array with new axes of size 1."""
    return np.expand_dims(x, axes_of(attributes, axes) or ())


def target_shape(shape: tuple[int, ...], wanted: Any, allow_zero: int = 0) -> tuple[int, ...]:
    """Return a reshape's result for an input of that shape: 0 keeps an axis, -1 takes what is left."""
    sizes = [int(extent) for extent in np.ravel(wanted)]
    if not allow_zero:
        sizes = [shape[axis] if extent == 0 else extent for axis, extent in enumerate(sizes)]
    if -1 in sizes:
        rest = -math.prod(sizes)
        sizes[sizes.index(-1)] = math.prod(shape) // max(1, rest)
    return tuple(sizes)


def reshape(attributes: Attributes, x: Array, wanted: Array) -> Array:
    """Return the array with another shape."""
    return x.reshape(target_shape(x.shape, wanted, attributes.get("allowzero", 0)))


def slices(attributes: Attributes, rank: int, *given: Array | None) -> tuple[slice, ...]:
    """Return a slice of each axis; since opset 10 starts, ends, axes and steps are inputs, before attributes."""
    values = [None if one is None else np.ravel(one).tolist() for one in (*given, None, None, None, None)[:4]]
    starts, ends, axes, steps = (
        attributes.get(name) if value is None else value
        for name, value in zip(("starts", "ends", "axes", "steps"), values, strict=True)
    )
    parts = [slice(None)] * rank
    for number, (start, end) in enumerate(zip(starts or (), ends or (), strict=True)):
        step = steps[number] if steps else 1
        backward_to_first = step < 0 and end < -(2**31)
        parts[axes[number] if axes else number] = slice(start, None if backward_to_first else end, step)
    return tuple(parts)


def where(attributes: Attributes, condition: Array, x: Array, y: Array) -> Array:
    """Return values of x where the condition holds, else of y."""
    limited(np.broadcast_shapes(condition.shape, x.shape, y.shape))
    return np.where(condition, x, y)


def expand(attributes: Attributes, x: Array, wanted: Array) -> Array:
    """Return the array repeated along axes of size 1."""
    return np.broadcast_to(x, limited(np.broadcast_shapes(x.shape, limited(wanted))))


def sequence(attributes: Attributes, start: Array, limit: Array, delta: Array) -> Array:
    """Return the numbers from start to before limit, in steps of delta."""
    limited([max(0, int(np.ceil((limit - start) / delta)))])
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


def divide(attributes: Attributes, x: Array, y: Array) -> Array:
    """Return the quotient; of whole numbers, without its fraction."""
    return np.trunc(x / y).astype(x.dtype) if x.dtype.kind in "iu" else x / y


def reduced(function: Callable[..., Any]) -> Callable[..., Array]:
    """Return an operator that reduces axes by a function of NumPy."""

    def reduce(attributes: Attributes, x: Array, axes: Array | None = None) -> Array:
        chosen = axes_of(attributes, axes)
        if not chosen and attributes.get("noop_with_empty_axes"):
            return x
        return np.asarray(function(x, axis=chosen or None, keepdims=bool(attributes.get("keepdims", 1))))

    return reduce


def pointwise(function: Callable[..., Any]) -> Callable[..., Array]:
    """Return an operator that applies a function of NumPy to arrays that broadcast."""

    def apply(attributes: Attributes, *inputs: Array) -> Array:
        limited(np.broadcast_shapes(*(one.shape for one in inputs)))
        return np.asarray(function(*inputs))

    return apply


FOLDED: dict[str, Callable[..., Array]] = {
    "Abs": pointwise(np.abs),
    "Add": pointwise(np.add),
    "And": pointwise(np.logical_and),
    "Cast": cast,
    "Ceil": pointwise(np.ceil),
    "Concat": lambda attributes, *arrays: np.concatenate(arrays, axis=attributes["axis"]),
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Div": divide,
    "Equal": pointwise(np.equal),
    "Exp": pointwise(np.exp),
    "Expand": expand,
    "Floor": pointwise(np.floor),
    "Gather": lambda attributes, x, index: np.take(x, index, axis=attributes.get("axis", 0)),
    "Greater": pointwise(np.greater),
    "Identity": lambda attributes, x: x,
    "Less": pointwise(np.less),
    "Max": lambda attributes, *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays)),
    "Min": lambda attributes, *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays)),
    "Mod": pointwise(np.mod),
    "Mul": pointwise(np.multiply),
    "Neg": pointwise(np.negative),
    "Not": pointwise(np.logical_not),
    "Pow": lambda attributes, x, y: np.power(x, y).astype(x.dtype),
    "Range": sequence,
    "Reciprocal": pointwise(np.reciprocal),
    "ReduceMax": reduced(np.max),
    "ReduceMean": reduced(np.mean),
    "ReduceMin": reduced(np.min),
    "ReduceProd": reduced(np.prod),
    "ReduceSum": reduced(np.sum),
    "Reshape": reshape,
    "Shape": shape,
    "Size": lambda attributes, x: np.array(x.size),
    "Slice": lambda attributes, x, *given: x[slices(attributes, x.ndim, *given)],
    "Sqrt": pointwise(np.sqrt),
    "Squeeze": squeeze,
    "Sub": pointwise(np.subtract),
    "Sum": lambda attributes, *arrays: np.add.reduce(np.broadcast_arrays(*arrays)),
    "Transpose": lambda attributes, x: np.transpose(x, attributes.get("perm")),
    "Unsqueeze": unsqueeze,
    "Where": where,
}
"""Operator -> the function that computes it."""
