"""Names of variables, parameters and layers as MATLAB's field names, which a DagNN makes of them."""

import re
from collections.abc import Iterable
from typing import Any

from refvis.weights.mat.tree import Tree

LONGEST = 63
"""Characters that MATLAB allows in the name of a field."""

TABLE = "refvisNames"
"""The field of `meta` that holds the names which were changed: cells {name in the file, own name, ...}."""


def field_names(names: Iterable[str]) -> dict[str, str]:
    """Return each name with the valid one that stands for it in a file; valid names stay, and none occurs twice.

    Other characters than letters, digits and _ become _, and the name is cut; a number keeps names apart.
    """
    own = list(dict.fromkeys(names))
    taken = {name for name in own if is_valid(name)}
    counts: dict[str, int] = {}
    given = {}
    for name in own:
        if is_valid(name):
            given[name] = name
            continue
        base = re.sub(r"[^A-Za-z0-9_]", "_", name)
        base = (base if base[:1].isalpha() else f"x{base}")[: LONGEST - 10]
        new = base
        while new in taken:
            counts[base] = counts.get(base, 1) + 1
            new = f"{base}_{counts[base]}"
        taken.add(new)
        given[name] = new
    return given


def is_valid(name: str) -> bool:
    """Whether MATLAB takes the name for a field."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name) is not None


def changed(names: dict[str, str]) -> list[str]:
    """Return the cell {name in the file, own name, ...} of the names that differ."""
    return [text for own, new in names.items() if own != new for text in (new, own)]


def with_own_names(net: dict[str, Tree]) -> dict[str, Tree]:
    """Return a DagNN struct with the names that it was saved with, and without their table."""
    meta: Any = net.get("meta")
    if not isinstance(meta, dict) or not isinstance(meta.get(TABLE), dict):
        return net
    variables, layer_names = (own_names(meta[TABLE].get(kind)) for kind in ("variables", "layers"))
    layers: Any = net["layers"]
    listed = [layers] if isinstance(layers, dict) else layers
    if not isinstance(listed, list) or not all(isinstance(layer, dict) for layer in listed):
        return net

    def renamed(value: Any, names: dict[str, str]) -> Any:
        if isinstance(value, list):
            return [renamed(entry, names) if isinstance(entry, str) else entry for entry in value]
        return names.get(value, value) if isinstance(value, str) else value

    kinds = {"name": layer_names, "inputs": variables, "outputs": variables}
    own = [{key: renamed(value, kinds[key]) if key in kinds else value for key, value in one.items()} for one in listed]
    return {**net, "layers": own, "meta": {key: value for key, value in meta.items() if key != TABLE}}


def own_names(cell: Any) -> dict[str, str]:
    """Return name in the file -> own name, of a cell that `changed` made."""
    listed = [text for text in cell if isinstance(text, str)] if isinstance(cell, list) else []
    return dict(zip(listed[::2], listed[1::2], strict=False))
