"""Meta data of a model: class names and the preprocessing of images, in plain Python values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.matconvnet.fields import describe, is_empty
from refvis.weights.matconvnet.model import Remark

AddRemark = Callable[[str, Any, str], None]
"""``(place, kind, text)`` adds a remark to the report."""

OLD_FIELDS = ("classes", "normalization")
"""Fields that files from before `meta` hold beside the layers."""


def read_meta(net: dict[str, Tree], place: str, report: list[Remark], channels: int | None = None) -> dict[str, Any]:
    """Return ``net.meta`` (absent, empty or a struct) with the older fields beside it, in plain Python values.

    ``classes`` becomes {"name": [...], "description": [...]}. ``normalization`` becomes a dict: imageSize and border
    are tuples of ints, cropSize a tuple of floats, averageImage is H x W x C, or C numbers, or None.
    """
    prefix = f"{place}." if place else ""
    stored = net.get("meta", {})
    if not isinstance(stored, dict):
        if not is_empty(stored):
            report.append(Remark(f"{prefix}meta", "ignored", f"{describe(stored)}, expected a struct"))
        stored = {}
    values = dict(stored)
    for name in OLD_FIELDS:
        if name in net and name not in values:
            values[name] = net[name]
            report.append(Remark(f"{prefix}{name}", "changed", f"moved into meta.{name}"))
        elif name in net:
            report.append(Remark(f"{prefix}{name}", "ignored", f"meta.{name} was used instead"))

    def remark(place: str, kind: Any, text: str) -> None:
        report.append(Remark(f"{prefix}meta.{place}", kind, text))

    meta = {name: plain(value) for name, value in values.items() if name not in OLD_FIELDS}
    if isinstance(values.get("normalization"), dict):
        meta["normalization"] = read_normalization(values["normalization"], remark)
    if "classes" in values and not is_empty(values["classes"]):
        meta["classes"] = read_classes(values["classes"], remark, channels)
    return meta


def read_normalization(values: dict[str, Tree], remark: AddRemark) -> dict[str, Any]:
    """Return the normalization struct in plain values; a missing cropSize is computed from imageSize and border."""
    result = {name: plain(value) for name, value in values.items()}
    for name in ("imageSize", "border", "cropSize"):
        if name in values:
            result[name] = sizes(values[name], float if name == "cropSize" else int)
    if "averageImage" in values:
        result["averageImage"] = average_image(values["averageImage"], remark)
    size, border = result.get("imageSize"), result.get("border")
    if "cropSize" not in result and size and border and len(size) >= 2 and min(size[:2]) > 0 <= min(border):
        result["cropSize"] = tuple(size[i] / (size[i] + border[min(i, len(border) - 1)]) for i in (0, 1))
        text = "cropSize was absent, set to imageSize / (imageSize + border)"
        remark("normalization.cropSize", "default", text)
    return result


def sizes(value: Tree, number: type) -> tuple[Any, ...] | None:
    """Return numbers as a tuple, of ints if `number` is int and all are whole; None if there are no numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.size == 0:
        return None
    listed = value.ravel(order="F").tolist()
    whole = number is int and all(float(entry).is_integer() for entry in listed)
    return tuple(int(entry) if whole else float(entry) for entry in listed)


def average_image(value: Tree, remark: AddRemark) -> Any:
    """Return the average image, H x W x C, or C numbers if it is a single colour, or None."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        if not is_empty(value):
            remark("normalization.averageImage", "ignored", f"{describe(value)}, expected an array")
        return None
    if value.size == 0:
        return None
    one_colour = value.shape[:2] == (1, 1) or (value.ndim == 2 and 1 in value.shape and value.size <= 4)
    if one_colour:  # 1 x 1 x 3, or three numbers in a row or column
        return value.ravel(order="F")
    return np.ascontiguousarray(value if value.ndim > 2 else value[:, :, None])


def read_classes(value: Tree, remark: AddRemark, channels: int | None) -> dict[str, Any]:
    """Return the class names as {"name": [...], "description": [...]}, from a struct or a plain cell of names."""
    values = value if isinstance(value, dict) else {"name": value}
    result = {name: plain(entry) for name, entry in values.items()}
    for name in ("name", "description"):
        if name in values:
            result[name] = texts(values[name])
    first, second = ("name", "description") if "name" in result else ("description", "name")
    if first in result and second not in result:
        result[second] = list(result[first])
        remark(f"classes.{second}", "default", f"{second} was absent, set to {first}")
    count = len(result.get("name", []))
    if channels is not None and count not in (0, channels):
        remark("classes", "warning", f"{count} class names for {channels} outputs")
    return result


def texts(value: Tree) -> list[str]:
    """Return a cell of texts, or the rows of one text, as a list of str."""
    entries = value if isinstance(value, list) else [value]
    return [
        entry.rstrip() if isinstance(entry, str) else "" if is_empty(entry) else str(plain(entry)) for entry in entries
    ]


def plain(value: Tree) -> Any:
    """Return a value in plain Python: a number for a single value, a tuple for a row, an array for other shapes."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        if value.size == 1:
            return value.item()
        return tuple(value.ravel().tolist()) if value.ndim == 2 and len(value) == 1 else value
    return f"<{value.class_name}>" if isinstance(value, Opaque) else value
