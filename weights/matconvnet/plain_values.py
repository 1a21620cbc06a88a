"""Plain Python values of a file's structs; what only MATLAB can read is left out and named in a remark."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.weights.mat.tree import Opaque, Tree

AddRemark = Callable[..., None]
"""``(place, kind, text, advice="")`` adds a remark to the report."""

LONGEST_ROW = 10_000
"""The most numbers of a row that become a tuple."""

ADVICE = {
    "gpuarray": "in MATLAB, net = vl_simplenn_move(net, 'cpu'), or net.move('cpu') for a DagNN; then save it again",
    "string": "in MATLAB, make it text by cellstr(...), and save it again",
    "sparse": "in MATLAB, make it a full array by full(...), and save it again",
}
"""Class of a value, in lower case -> what its owner does about it."""


def without_opaque(value: Tree, place: str, add_remark: AddRemark) -> Tree:
    """Return a value without what only MATLAB can read; each is named in a remark at its place.

    Such a field of a struct is left out, and such an entry of a cell is empty, so that the others keep their places.
    """
    if isinstance(value, dict):
        for name, entry in value.items():
            if isinstance(entry, Opaque):
                add_remark(f"{place}.{name}" if place else name, "ignored", left_out(entry))
        return {
            name: without_opaque(entry, f"{place}.{name}" if place else name, add_remark)
            for name, entry in value.items()
            if not isinstance(entry, Opaque)
        }
    if isinstance(value, list):
        opaque = [entry for entry in value if isinstance(entry, Opaque)]
        if opaque:
            count = f"{len(opaque)} of {len(value)} entries: " if len(value) > 1 else ""
            add_remark(place, "ignored", count + left_out(opaque[0]))
        return [
            np.zeros((0, 0)) if isinstance(entry, Opaque) else without_opaque(entry, f"{place}{{{i}}}", add_remark)
            for i, entry in enumerate(value, 1)
        ]
    return value


def left_out(value: Opaque) -> str:
    """Return the text of a remark on a value that is left out."""
    advice = opaque_advice(value)
    return f"an object of class {value.class_name}, which only MATLAB can read, was left out" + (
        f" ({advice})" if advice else ""
    )


def opaque_advice(value: Tree) -> str:
    """Return what to do in MATLAB about a value that only MATLAB can read; "" for all others."""
    return ADVICE.get(value.class_name.lower(), "") if isinstance(value, Opaque) else ""


def plain(value: Tree) -> Any:
    """Return a value in plain Python: a number for a single value, a tuple for a row, an array for other shapes.

    Rows of more than `LONGEST_ROW` numbers stay arrays: as a tuple, each number would take 32 bytes.
    """
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        if value.size == 1:
            return value.item()
        is_row = value.ndim == 2 and len(value) == 1 and value.size <= LONGEST_ROW
        return tuple(value.ravel().tolist()) if is_row else value
    return value
