"""Sizes of inputs that meta data hold, under each of MatConvNet's names."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from refvis.weights.mat.whole_numbers import MOST_AXES


def stored_size(meta: dict[str, Any], name: str) -> tuple[int, ...] | None:
    """Return the size of the input `name` by the meta data, (height, width, ...), or None if they do not say.

    It is normalization.imageSize, inputSize, or inputs: numbers, a cell {name, size}, or structs with name and size.
    """
    normalization = meta.get("normalization")
    places = (
        normalization.get("imageSize") if isinstance(normalization, dict) else None,
        meta.get("inputSize"),
        meta.get("inputs"),
    )
    for place in places:
        listed = dict(_sizes(place))
        for size in (listed.get(name), *listed.values()):
            if size is not None and len(size) >= 2 and all(map(isfinite, size[:3])) and min(size[:2]) >= 1:
                return tuple(int(extent) for extent in size[:3])
    return None


def _sizes(value: Any, name: str = "") -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield sizes with the names of their inputs, "" where there is none."""
    if isinstance(value, dict):
        yield from _sizes(value.get("size"), str(value.get("name", "")))
    elif isinstance(value, list):
        for before, entry in zip(("", *value), value, strict=False):
            yield from _sizes(entry, before if isinstance(before, str) else "")
    elif isinstance(value, tuple) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub"):
        numbers = tuple(np.ravel(np.asarray(value))[: MOST_AXES + 1].tolist())
        if len(numbers) <= MOST_AXES and all(isinstance(number, int | float) for number in numbers):
            yield name, numbers
