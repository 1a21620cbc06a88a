"""The struct arrays of a DagNN file, and the arrays in its `params`."""

from dataclasses import dataclass

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Tree
from refvis.weights.matconvnet.fields import describe, is_empty
from refvis.weights.matconvnet.model import Remark


def is_one(value: Tree) -> bool:
    """Whether a value is a single 1, as learning rates are unless someone set them."""
    return getattr(value, "size", 0) == 1 and bool(value == 1)


def structs(net: dict[str, Tree], name: str, prefix: str) -> list[dict[str, Tree]]:
    """Return a struct array as a list of dicts; [] where it is absent or empty."""
    value = net.get(name, [])
    listed = [value] if isinstance(value, dict) and value else [] if is_empty(value) else value
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ModelFormatError(describe(value), "a struct array", "", f"{prefix}{name}")
    return listed


@dataclass(frozen=True)
class Parameter:
    """One of a DagNN's arrays, and where it stands."""

    value: Tree
    place: str


def parameters(net: dict[str, Tree], prefix: str) -> dict[str, Parameter]:
    """Return the arrays by name."""
    found: dict[str, Parameter] = {}
    for index, values in enumerate(structs(net, "params", prefix)):
        place = f"{prefix}params({index + 1})"
        name = values.get("name")
        if not isinstance(name, str) or not name:
            raise ModelFormatError(describe(name), "text", "", f"{place}.name")
        if name in found:
            raise ModelFormatError(f"a second parameter named {name!r}", "one", "", f"{place}.name")
        found[name] = Parameter(values.get("value", []), f"{place}.value")
    return found


def report_params(net: dict[str, Tree], prefix: str, taken: set[str], report: list[Remark]) -> None:
    """Add remarks on parameters that no layer uses, and on their fields that nothing uses."""
    listed = structs(net, "params", prefix)
    unused = sorted({values["name"] for values in listed} - taken)
    if unused:
        report.append(Remark(f"{prefix}params", "ignored", f"no layer uses {', '.join(unused)}"))
    extra = {name for values in listed for name, value in values.items() if not is_one(value)} - {"name", "value"}
    if extra:
        report.append(Remark(f"{prefix}params", "ignored", f"not used: {', '.join(sorted(extra))}"))
