"""Files of seeds: a sound tree, mutated, written as v5, v7 or v7.3, and perhaps damaged byte by byte."""

import io
import random
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from fuzz.models import MODELS
from fuzz.mutate import mutate
from support.damage import damage
from support.matlab_files import V73, StructArray

FORMATS = ("v5", "v7", "hdf5", "hdf5 gzip")
ARRAYS = ("layers", "params", "vars")
"""Lists of structs that DagNN files hold as struct arrays."""


def write_seed(seed: int, path: Path) -> str:
    """Write the file of a seed; return its format."""
    draw = random.Random(seed)
    kind = draw.choice(FORMATS)
    tree = draw.choice(MODELS)()
    if draw.random() < 0.9:
        mutate(tree, draw)
    write(tree, path, kind)
    if kind.startswith("hdf5") and draw.random() < 0.15:
        tangle(path, draw)
    if draw.random() < 0.25:
        data = bytearray(path.read_bytes())
        damage(data, draw, [bytes(data)])
        path.write_bytes(data)
    return kind


def write(tree: dict[str, Any], path: Path, kind: str) -> None:
    """Write a tree in one of `FORMATS`."""
    if kind.startswith("hdf5"):
        try:
            V73(path, compression="gzip" if "gzip" in kind else None).write(grouped(tree))
            return
        except (KeyError, ValueError, TypeError, OSError):  # what no v7.3 file holds, such as a name with a slash
            pass
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scipy.io.savemat(buffer, for_scipy(tree), do_compression=kind == "v7", long_field_names=True)
    path.write_bytes(buffer.getvalue())


def is_struct_array(name: Any, value: Any) -> bool:
    """Whether a list is to be a struct array: structs with the same fields, in one of `ARRAYS` of a DagNN."""
    alike = isinstance(value, list) and value and all(isinstance(one, dict) and one for one in value)
    return bool(alike and name in ARRAYS and len({tuple(one) for one in value}) == 1)


def grouped(value: Any, name: Any = "") -> Any:
    """Return a tree with struct arrays marked."""
    if isinstance(value, dict):
        return {key: grouped(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        kind = StructArray if is_struct_array(name, value) else list
        return kind(grouped(entry) for entry in value)
    return value


def for_scipy(value: Any, name: Any = "") -> Any:
    """Return a tree as scipy writes it."""
    if isinstance(value, dict):
        names = {key: key for key in value if isinstance(key, str) and key.isidentifier() and key[0] != "_"}
        return {key[:60]: for_scipy(value[key], key) for key in names} or np.zeros((0, 0))
    if isinstance(value, list) and is_struct_array(name, value):
        array = np.empty((1, len(value)), [(key[:60], object) for key in value[0]])
        for index, one in enumerate(value):
            for key, entry in one.items():
                array[key[:60]][0, index] = for_scipy(entry, key)
        return array
    if isinstance(value, list):
        cell = np.empty((1, len(value)), object)
        for index, entry in enumerate(value):
            cell[0, index] = for_scipy(entry)
        return cell
    return value


def tangle(path: Path, draw: random.Random) -> None:
    """Change references, attributes or links of a v7.3 file, so that values contain themselves or are no values."""
    with h5py.File(path, "r+") as file:
        items: list[Any] = [file]
        file.visititems(lambda name, item: items.append(item))
        item, other = draw.choice(items), draw.choice(items[1:] or items)
        kind = draw.randrange(5)
        if kind == 0 and isinstance(item, h5py.Group):
            item[f"again{len(item)}"] = other  # a hard link, perhaps to a group around it
        elif kind == 1 and isinstance(item, h5py.Dataset) and item.dtype == h5py.ref_dtype and item.size:
            item[draw.randrange(len(item)), 0] = other.ref
        elif kind == 2:
            item.attrs["MATLAB_class"] = draw.choice(
                [np.bytes_("double"), np.bytes_("cell"), 3.5, np.bytes_("char"), [1, 2]]
            )
        elif kind == 3:
            item.attrs["MATLAB_empty"] = draw.choice([1, 0, "x", np.ones(3)])
        elif kind == 4 and isinstance(item, h5py.Group):
            item["soft"] = h5py.SoftLink("/net")
