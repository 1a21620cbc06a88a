"""Arithmetic of ONNX as layers: Add, Sub, Mul, Div and Neg with constants and among features, Sum, Concat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.layers import Concat, Scale, Sum
from refvis.weights.onnx.layout import MAP_ORDER, Feature, Unmapped, constant_in
from refvis.weights.onnx.operation import Operation

Array = NDArray[Any]
ONE = np.ones(1, "float32")


def add(op: Operation) -> Feature:
    """Return what an Add or Sum of two or more inputs writes."""
    features = [one for one in op.inputs if isinstance(one, Feature)]
    constants = [one for one in op.inputs if not isinstance(one, Feature)]
    total = total_of(op, features, last=not constants)
    for number, constant in enumerate(constants, 1):
        total = shifted(op, total, constant, "" if number == len(constants) else f"offset{number}")
    return total


def subtract(op: Operation) -> Feature:
    """Return what a Sub writes."""
    x, y = op.given(0), op.given(1)
    if isinstance(y, Feature):
        negative = op.pointwise(Scale(-ONE), y, part="negative")
        return total_of(op, [x, negative]) if isinstance(x, Feature) else shifted(op, negative, x)
    return shifted(op, op.feature(0), -op.array(1, "offset"))


def total_of(op: Operation, features: Sequence[Feature], last: bool = True) -> Feature:
    """Return the sum of features; `last` says that it is the operator's output. Smaller ones repeat."""
    if len(features) == 1:
        return features[0]
    if all(same_layout(features[0], one) for one in features[1:]):
        return op.pointwise(Sum(), *features, part="" if last else "sum")
    total = features[0]
    for number, other in enumerate(features[1:], 2):
        part = "" if last and number == len(features) else f"sum{number}"
        same = same_layout(total, other)
        large, small = (total, other) if same else larger(total, other)
        total = op.pointwise(Sum() if same else Scale(ONE), large, small, part=part)
    return total


def shifted(op: Operation, x: Feature, constant: Array | None, part: str = "") -> Feature:
    """Return a feature plus a constant."""
    if constant is None:
        raise Unmapped("one of its inputs is left out")
    offset = constant_in(x, constant)
    return op.pointwise(Scale(np.ones(1, offset.dtype), offset), x, part=part)


def multiply(op: Operation) -> Feature:
    """Return what a Mul writes. Of two features of one size, the output of a sigmoid or softmax is the factor."""
    x, y = op.given(0), op.given(1)
    if isinstance(x, Feature) and isinstance(y, Feature):
        if same_layout(x, y):
            large, small = (y, x) if x.gate and not y.gate else (x, y)
        else:
            large, small = larger(x, y)
        return op.pointwise(Scale(), large, small)
    value, factor = (x, y) if isinstance(x, Feature) else (y, x)
    if factor is None or value is None:
        raise Unmapped("one of its inputs is left out")
    return op.pointwise(Scale(constant_in(value, factor)), value)


def divide(op: Operation) -> Feature:
    """Return what a Div by a constant writes: its reciprocal is the factor."""
    x, divisor = op.feature(0), op.array(1, "divisor")
    if divisor.dtype.kind != "f":
        raise Unmapped("it divides by whole numbers")
    return op.pointwise(Scale(constant_in(x, 1 / divisor)), x)


def negative(op: Operation) -> Feature:
    """Return what a Neg writes."""
    return op.pointwise(Scale(-ONE), op.feature())


def same_layout(x: Feature, y: Feature) -> bool:
    """Return whether two features have one size, and their axes lie alike."""
    return x.shape == y.shape and places(x) == places(y)


def places(x: Feature) -> list[list[tuple[int, int, int]]]:
    """Return for each axis that ONNX sees where it lies: axis, number and size of its atoms."""
    dims, axes = x.known
    numbers = {atom: (axis, number) for axis, atoms in enumerate(axes) for number, atom in enumerate(atoms)}
    return [[(*numbers[atom], atom.size) for atom in atoms] for atoms in dims]


def larger(x: Feature, y: Feature) -> tuple[Feature, Feature]:
    """Return the larger and the smaller of two maps of which one repeats along the other's axes."""
    for large, small in ((x, y), (y, x)):
        if len(large.known[0]) != len(small.known[0]) or not (large.is_map and small.is_map):
            continue
        if all(one in (1, own) for one, own in zip(small.own_shape, large.own_shape, strict=True)):
            return large, small
    raise Unmapped(f"values of the shapes {x.shape} and {y.shape} meet")


def concat(op: Operation) -> Feature:
    """Return what a Concat writes."""
    features = [op.map(number) for number in range(len(op.inputs))]
    dims, _ = features[0].known
    axis = int(op.number("axis", 1)) % len(dims)
    own = {4: MAP_ORDER, 3: (0, 3, 2), 2: (0, 3)}[len(dims)][axis]
    if own == 0:
        raise Unmapped("it joins images")
    if len(features) == 1:
        return features[0]
    return op.mapped(Concat(own), *features)
