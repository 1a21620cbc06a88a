"""Numbers of a file as sizes, counts and indices: whole, and no larger than an array can be.

Files hold doubles, which may be infinite, NaN or complex where a size is expected. This is the one place that turns
them into ints.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Tree

LARGEST = 2**31 - 1
"""The most pixels, channels or steps along one axis."""

MOST_VALUES, MOST_AXES = 2**48, 32
"""The most values that an array of MATLAB can have, and the most axes that are read here."""


def whole_numbers(values: Iterable[Any], place: str, least: int = 0, most: int = LARGEST) -> tuple[int, ...]:
    """Return numbers as ints; raise ModelFormatError with their `place` unless each is whole, in `least` ... `most`."""
    listed = list(values)
    if not all(is_whole(value) and least <= value <= most for value in listed):
        raise not_whole_error(listed, place, least, most)
    return tuple(int(value) for value in listed)


def not_whole_error(values: list[Any], place: str, least: int, most: int) -> ModelFormatError:
    """Return the error for numbers of which at least one is no whole number in `least` ... `most`."""
    found = " ".join(f"{value:g}" if isinstance(value, int | float | complex) else repr(value) for value in values[:8])
    return ModelFormatError(
        f"the number {found}" if len(values) == 1 else f"the numbers {found[:80]}",
        f"whole numbers in {least:,} ... {most:,}",
        "the file is damaged, or was edited",
        place,
    )


def is_whole(value: Any) -> bool:
    """Whether a value is a real number without a fraction; infinity and NaN are none."""
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def require_sizes(value: Tree, place: str) -> None:
    """Raise ModelFormatError for an array with numbers that no size is: infinite, NaN, complex or beyond `LARGEST`.

    Other values pass, since they say nothing about sizes: also arrays of more numbers than an array has axes. So does
    NaN after height, width and channels, as MatConvNet writes a number of images that is not known: [32 32 3 NaN].
    """
    if not isinstance(value, np.ndarray) or not 0 < value.size <= MOST_AXES or value.dtype.kind not in "fiuc":
        return
    listed = value.ravel(order="F")
    unknown = np.isnan(listed) & (np.arange(listed.size) >= 3)
    if listed.dtype.kind == "c" or not (unknown | (abs(listed.astype("float64")) <= LARGEST)).all():
        raise not_whole_error(listed.tolist(), place, -LARGEST, LARGEST)


def require_input_sizes(meta: dict[str, Tree], place: str) -> None:
    """Raise ModelFormatError for impossible sizes of inputs in the meta data of a model, which stand at `place`.

    MatConvNet's files hold `inputSize` or `inputs`: an array, a cell {name, array, ...}, or a struct (array) with the
    field `size`. The struct `normalization` holds `imageSize` and `border`.
    """
    normalization = meta.get("normalization")
    if isinstance(normalization, dict):
        for name in ("imageSize", "inputSize", "border"):
            require_sizes(normalization.get(name), f"{place}normalization.{name}")
    for name in ("inputSize", "inputs"):
        value = meta.get(name)
        for index, entry in enumerate(value if isinstance(value, list) else [value]):
            where = f"{place}{name}" + (f"{{{index + 1}}}" if isinstance(value, list) else "")
            if isinstance(entry, dict):
                require_sizes(entry.get("size"), f"{where}.size")
            else:
                require_sizes(entry, where)
