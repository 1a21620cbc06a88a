"""Resize and Upsample of ONNX as the layer Resize."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.layers import Resize
from refvis.layers.exported.resize import COORDINATES
from refvis.weights.onnx.layout import Feature, Unmapped
from refvis.weights.onnx.operation import Operation

METHODS = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear"}


def resize(op: Operation) -> Feature:
    """Return what a Resize or Upsample writes. Before opset 11 coordinates are asymmetric, and rounded down."""
    x, old = op.map(), op.opset < 11 or op.kind == "Upsample"
    method = METHODS.get(op.attribute("mode", "nearest"))
    if method is None or op.number("antialias", 0) or op.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unmapped("it interpolates in another way than by the nearest or the two nearest pixels")
    coordinates = "asymmetric" if old else op.attribute("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if old else op.attribute("nearest_mode", "round_prefer_floor")
    if coordinates not in COORDINATES:
        raise Unmapped(f"its coordinates are {coordinates!r}")
    scale, size = scale_and_size(op, x, 1 if old else 2)
    return op.mapped(Resize(scale, size, method, coordinates, rounding), x)


def scale_and_size(op: Operation, x: Feature, at: int) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """Return (y, x) of the scale, or of the size; only rows and columns may change."""
    if op.kind == "Upsample" and op.opset < 9:
        if op.attribute("scales") is None:
            return (float(op.number("height_scale", 1)), float(op.number("width_scale", 1))), None
        scales: NDArray[Any] | None = np.asarray(op.attribute("scales"), "float32")
    else:
        scales = op.optional(at, "scales")
    if scales is not None and scales.size:
        both = along(op, x, scales, 1.0)
        return (both[0], both[1]), None
    both = along(op, x, op.array(3, "sizes"), None)
    return None, (int(both[0]), int(both[1]))


def along(op: Operation, x: Feature, given: NDArray[Any], same: float | None) -> list[float]:
    """Return the values for rows and columns of those for all axes, or for `axes`; others have to change nothing."""
    rank = len(x.known[0])
    axes = [axis % rank for axis in op.numbers("axes", list(range(rank)))]
    if len(given) != len(axes) or rank not in (3, 4):
        raise Unmapped(f"it has {len(given)} sizes for {len(axes)} axes")
    values: list[float] = [1.0] * rank if same is not None else [float(extent) for extent in x.shape]
    for axis, value in zip(axes, given.tolist(), strict=True):
        if axis < 2 and value != values[axis]:
            raise Unmapped("it resizes images or channels")
        values[axis] = value
    return values[2:] if rank == 4 else [1.0, values[2]]
