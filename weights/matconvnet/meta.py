"""Meta data of a model: class names and the preprocessing of images, in plain Python values."""

from typing import Any

from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.mat.whole_numbers import require_input_sizes
from refvis.weights.matconvnet.fields import describe, is_empty
from refvis.weights.matconvnet.model import Remark
from refvis.weights.matconvnet.normalization import OUTSIDE, is_number, read_normalization
from refvis.weights.matconvnet.plain_values import AddRemark, left_out, plain, without_opaque

OLD_FIELDS = ("classes", "normalization", "inputSize")
"""Fields that files from before `meta` hold beside the layers."""

MOST_NAMES = 10**6
"""The most numbers that are names of classes: as text, each takes fifty bytes or more."""

BESIDE = (*OLD_FIELDS, *OUTSIDE)
"""All fields beside the layers that belong to meta."""


def read_meta(net: dict[str, Tree], place: str, report: list[Remark], channels: int | None = None) -> dict[str, Any]:
    """Return ``net.meta`` (absent, empty or a struct) with the older fields beside it, in plain Python values.

    ``classes`` becomes {"name": [...], "description": [...]}. ``normalization`` becomes a dict: imageSize and border
    are tuples of ints, cropSize a tuple of floats, averageImage and imageStd are H x W x C, or C numbers, or None.
    Averages and deviations that stand elsewhere, or have another of MatConvNet's names, move there.
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
    require_input_sizes(values, f"{prefix}meta.")
    values = gather_normalization(values, {f"{prefix}meta.": values, prefix: net}, report)

    def add_remark(place: str, kind: Any, text: str, advice: str = "") -> None:
        report.append(Remark(f"{prefix}meta.{place}", kind, text, advice))

    others = {name: value for name, value in values.items() if name not in ("classes", "normalization")}
    meta = {name: plain(value) for name, value in without_opaque(others, "", add_remark).items()}
    if isinstance(values.get("normalization"), dict):
        meta["normalization"] = read_normalization(
            values["normalization"], lambda name, *remark: add_remark(f"normalization.{name}", *remark)
        )
    elif not is_empty(values.get("normalization", [])):
        add_remark("normalization", "warning", f"{describe(values['normalization'])}, expected a struct: not applied")
    if "classes" in values and not is_empty(values["classes"]):
        meta["classes"] = read_classes(values["classes"], add_remark, channels)
    return meta


def gather_normalization(
    meta: dict[str, Tree], levels: dict[str, dict[str, Tree]], report: list[Remark]
) -> dict[str, Tree]:
    """Return `meta` with the averages and deviations of all `levels` (by place) in its normalization."""
    normalization = meta.get("normalization", {})
    if not isinstance(normalization, dict) and not is_empty(normalization):
        return meta
    gathered = dict(normalization) if isinstance(normalization, dict) else {}
    moved: set[str] = set()
    for prefix, level in levels.items():
        for name, own in OUTSIDE.items():
            if name not in level or is_empty(level[name]):
                continue
            if is_empty(gathered.get(own, [])):
                gathered[own] = level[name]
                text = f"moved into meta.normalization.{own}"
                report.append(Remark(f"{prefix}{name}", "changed", text))
                moved.add(name)
            elif level is not meta:
                report.append(Remark(f"{prefix}{name}", "ignored", f"meta.normalization.{own} was used instead"))
    if not moved:
        return meta
    return {**{name: value for name, value in meta.items() if name not in moved}, "normalization": gathered}


def read_classes(value: Tree, add_remark: AddRemark, channels: int | None) -> dict[str, Any]:
    """Return the class names as {"name": [...], "description": [...]}, from a struct or a plain cell of names.

    A description that has one text, and not one for each name, describes the data. It is kept, and names no class.
    """
    values = value if isinstance(value, dict) else {"name": value}
    others = {name: entry for name, entry in values.items() if name not in ("name", "description")}
    readable = without_opaque(others, "classes", add_remark)
    result: dict[str, Any] = {}
    for name, entry in values.items():
        if name in readable:
            result[name] = plain(readable[name])
        elif name not in others:
            listed = texts(entry)
            if isinstance(listed, str):
                add_remark(f"classes.{name}", "warning", f"{listed}: it names no class")
            else:
                result[name] = listed
    first, second = ("name", "description") if "name" in result else ("description", "name")
    count = len(result.get(first, []))
    about_data = first == "description" and count == 1 and channels not in (None, 1)
    if first in result and second not in result and not about_data:
        result[second] = list(result[first])
        add_remark(f"classes.{second}", "default", f"{second} was absent, set to {first}")
    elif about_data or len(result.get("description", [])) not in (0, count):
        text = (
            f"number of texts is {len(result['description'])}, not {count} as that of the names, which are the labels"
        )
        text = "it describes the data: no class has a name" if about_data else text
        add_remark("classes.description", "ignored", text)
    if channels is not None and count not in (0, channels) and not about_data:
        add_remark("classes", "warning", f"{count} class names for {channels} outputs")
    return result


def texts(value: Tree) -> list[str] | str:
    """Return a cell of texts, the rows of one text, or numbers, as a list of str; for other values, why not, a str."""
    if is_number(value) and value.size > MOST_NAMES:
        return f"{describe(value)}, expected at most {MOST_NAMES:,} names"
    if is_number(value):
        return [f"{number:.15g}" for number in value.ravel(order="F").tolist()]
    listed: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        while isinstance(entry, list) and len(entry) == 1:  # a name in a cell of its own
            entry = entry[0]
        if isinstance(entry, str):
            listed.append(entry.rstrip())
        elif is_empty(entry):
            listed.append("")
        elif is_number(entry) and entry.size == 1:
            listed.append(f"{entry.item():.15g}")
        else:
            return left_out(entry) if isinstance(entry, Opaque) else f"{describe(entry)}, expected text"
    return listed
