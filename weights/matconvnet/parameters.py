"""What the layers of a model file have in common: arrays of weights, and geometry."""

from typing import Any

import numpy as np

from refvis.weights.mat.tree import Tree
from refvis.weights.matconvnet.fields import Fields, describe, is_empty


def restored_filters(fields: Fields, filters: Any) -> Any:
    """Return filters of FH x FW x C x K (MATLAB drops trailing axes of 1) as K x FH x FW x C, contiguous."""
    if filters is None:
        return None
    if filters.ndim > 4:
        raise fields.error("weights{1}", describe(filters), "at most four axes, FH x FW x C x K")
    return fields.once(filters, last_axis_first)


def last_axis_first(array: Any) -> Any:
    """Return an array of up to four axes with four, the last one first, contiguous."""
    array = array.reshape(array.shape + (1,) * (4 - array.ndim))
    return np.ascontiguousarray(array.transpose(3, 0, 1, 2))


def single(array: Any) -> Any:
    """Return an array as float32."""
    return array.astype("float32")


def flat(array: Any) -> Any:
    """Return an array as one row of numbers, in MATLAB's order."""
    return array.reshape(-1, order="F")


def parameters(fields: Fields, old_names: tuple[str, ...]) -> list[Any]:
    """Return a layer's arrays, None for those absent or empty, from `weights` or the fields of older files."""
    weights = fields.take("weights")
    if weights is None:
        if old_names[0] not in fields.values:
            raise fields.error("", "neither weights nor filters", "a cell weights = {filters, biases}")
        weights = [fields.take(name) for name in old_names]
        places = list(old_names)
        fields.remark("changed", f"the older fields {' and '.join(old_names)} were read as weights")
    else:
        if not isinstance(weights, list):
            raise fields.error("weights", describe(weights), "a cell {filters, biases}")
        places = [f"weights{{{i + 1}}}" for i in range(max(len(weights), len(old_names)))]
    if len(weights) > len(old_names):
        fields.remark("ignored", f"{len(weights)} arrays, of which {len(old_names)} are used", "weights")
    if not weights or is_empty(weights[0] if weights[0] is not None else []):
        fields.remark("warning", "no filters: each channel passes through", places[0])
    arrays = [parameter(fields, value, place) for value, place in zip(weights, places, strict=False)]
    return (arrays + [None] * len(old_names))[: len(old_names)]


def parameter(fields: Fields, value: Tree | None, place: str) -> Any:
    """Return one array of weights, float32 or float64 as stored; None where there is none."""
    if value is None or is_empty(value):
        return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise fields.error(place, describe(value), "an array of real single or double numbers")
    if value.dtype.kind != "f":
        fields.remark("changed", f"{value.dtype} was made float32", place)
        value = fields.once(value, single)
    bad = not_finite(value)
    if bad:
        fields.remark("warning", f"{bad} of {value.size} numbers are NaN or infinite", place)
    return value


def not_finite(value: Any) -> int:
    """Return how many numbers are NaN or infinite."""
    with np.errstate(all="ignore"):
        if np.isfinite(value.sum()):  # neither leaves a sum again, and a sum takes no memory
            return 0
    return int(value.size - np.isfinite(value).sum())


def geometry(fields: Fields, name: str, default: int) -> Any:
    """Return a geometry field as one number or a tuple of them, whole."""
    values = fields.numbers(name, (default,), (1, 2, 4) if name in ("pad", "crop") else (1, 2))
    whole = tuple(int(value) for value in values)
    if whole != values:
        raise fields.error(name, f"{values}", "whole numbers")
    return whole[0] if len(whole) == 1 else whole
