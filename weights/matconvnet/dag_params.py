"""Parameters of a DagNN file: the arrays in its `params`, and its struct arrays in general."""

from dataclasses import dataclass

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Tree
from refvis.weights.matconvnet.fields import describe, is_empty
from refvis.weights.matconvnet.model import Remark


def is_one(value: Tree) -> bool:
    """Whether a value is a single 1, the default of learning rates and weight decays."""
    return getattr(value, "size", 0) == 1 and bool(value == 1)


def is_default(name: str, param: dict[str, Tree]) -> bool:
    """Whether a field of a parameter is 1, or the learning rate of moments (C x 2 or none), 0.1."""
    if is_one(param[name]):
        return True
    moments: tuple[int, ...] = getattr(param.get("value"), "shape", ())
    rate = name == "learningRate" and getattr(param[name], "size", 0) == 1 and bool(param[name] == 0.1)
    return rate and len(moments) == 2 and moments[1] in (0, 2)


def structs(net: dict[str, Tree], name: str, prefix: str) -> list[dict[str, Tree]]:
    """Return the struct array `name` as a list of dicts; [] if it is absent or empty."""
    value = net.get(name, [])
    listed = [value] if isinstance(value, dict) and value else [] if is_empty(value) else value
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ModelFormatError(describe(value), "a struct array", "", f"{prefix}{name}")
    return listed


@dataclass(frozen=True)
class Parameter:
    """One array of a DagNN, and its place in the file."""

    value: Tree
    place: str


def parameters(net: dict[str, Tree], prefix: str) -> dict[str, Parameter]:
    """Return the arrays in `params` by name."""
    by_name: dict[str, Parameter] = {}
    for index, values in enumerate(structs(net, "params", prefix)):
        place = f"{prefix}params({index + 1})"
        name = values.get("name")
        if not isinstance(name, str) or not name:
            raise ModelFormatError(describe(name), "text", "", f"{place}.name")
        if name in by_name:
            raise ModelFormatError(f"a second parameter named {name!r}", "one", "", f"{place}.name")
        by_name[name] = Parameter(values.get("value", []), f"{place}.value")
    return by_name


def report_params(net: dict[str, Tree], prefix: str, used: set[str], report: list[Remark]) -> None:
    """Add remarks on the parameters that are not in `used`, and on the fields of parameters that are ignored."""
    listed = structs(net, "params", prefix)
    unused = sorted({values["name"] for values in listed} - used)
    if unused:
        report.append(Remark(f"{prefix}params", "ignored", f"no layer uses {', '.join(unused)}"))
    extra = {name for values in listed for name in values if not is_default(name, values)}
    extra -= {"name", "value"}
    if extra:
        report.append(Remark(f"{prefix}params", "ignored", f"not used: {', '.join(sorted(extra))}"))
