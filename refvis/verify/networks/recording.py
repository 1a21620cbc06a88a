"""A recording: the variables and signals of a network as arrays by name, in memory, a file or a folder.

Names of variables may be those of the layers that write them. A signal at a variable has the name "signals/NAME"; a
variable may also be called "variables/NAME". In HDF5 files both are groups. A "/" within a name is written "%2F", as in
addresses.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from scipy.io.matlab import MatReadError

from refvis.layers import Array, Graph
from refvis.verify.foreign import as_numpy

SIGNALS, VARIABLES = "signals/", "variables/"


@dataclass
class Recording:
    """What an implementation computed.

    variables  name of a variable -> its values
    signals    name of a variable -> the signal there
    ignored    names that the network does not have
    """

    variables: dict[str, Array] = field(default_factory=dict)
    signals: dict[str, Array] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def dtype(self) -> Any:
        """The least exact dtype of all arrays; float64 if there is none of floats."""
        dtypes = [a.dtype for a in (*self.variables.values(), *self.signals.values()) if a.dtype.kind == "f"]
        return min(dtypes, key=lambda one: np.finfo(one).bits, default=np.dtype("float64"))


def recorded(theirs: Mapping[str, Any] | str | Path, net: Graph) -> Recording:
    """Return the arrays of a mapping, a file (.npz, .h5, .mat, .json) or a folder of .npy files, by variable.

    Raises ValueError for a file that cannot be read, for arrays that are not of real numbers, and where no name is one
    of the network's.
    """
    arrays = read_arrays(Path(theirs)) if isinstance(theirs, str | Path) else _flat(theirs)
    found = Recording()
    ignored = []
    for name, value in arrays.items():
        array = as_numpy(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name!r} is {array.dtype}, expected an array of real numbers")
        into, short = (found.signals, name[len(SIGNALS) :]) if name.startswith(SIGNALS) else (found.variables, name)
        variable = _variable(net, short.removeprefix(VARIABLES))
        if variable is None:
            ignored.append(name)
        else:
            into[variable] = array
    if not found.variables and not found.signals:
        own = ", ".join(node.name for node in net.nodes[:8])
        raise ValueError(
            f"none of the names {', '.join(map(repr, list(arrays)[:8])) or '(there are none)'} is one of the "
            f"network's, expected names of layers or variables such as {own}, or 'signals/NAME'"
        )
    found.ignored = tuple(ignored)
    return found


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file or folder by name; ValueError where it cannot be read."""
    if path.is_dir():
        return {unquote(one.stem): np.load(one, allow_pickle=False) for one in sorted(path.glob("*.npy"))}
    if not path.is_file():
        raise ValueError(f"{path} is not there, expected a file (.npz, .h5, .mat, .json) or a folder of .npy files")
    readers = {".npz": _read_npz, ".h5": _read_hdf5, ".hdf5": _read_hdf5, ".mat": _read_mat, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path} ends in {path.suffix!r}, expected {', '.join(readers)} or a folder of .npy files")
    try:
        return readers[path.suffix.lower()](path)
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError, MatReadError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _read_npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {unquote(name): file[name] for name in file.files}


def _read_hdf5(path: Path) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub":
            found["/".join(map(unquote, name.split("/")))] = np.asarray(item)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def _read_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    values = loadmat(path, struct_as_record=True, squeeze_me=False)
    return _flat({name: _plain(value) for name, value in values.items() if not name.startswith("__")})


def _plain(value: Any) -> Any:
    """Return a struct of MATLAB as a dict, other values as they are."""
    if isinstance(value, np.ndarray) and value.dtype.names and value.size == 1:
        return {name: _plain(value[name].item()) for name in value.dtype.names}
    return value


def _read_json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("expected an object of arrays by name")
    return _flat(values)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with names joined by "/"; {"shape", "data"} and lists become arrays."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and set(value) >= {"shape", "data"}:
            found[before + name] = np.array(value["data"], "float64").reshape(value["shape"])
        elif isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}/")
        else:
            found[before + name] = np.array(value) if isinstance(value, list | tuple) else value
    return found


def escaped(name: str) -> str:
    """Return a name as one part of a path in a file: "/" becomes "%2F"."""
    return quote(name, safe=" ()[]{},;:=+-_~!@#$^&*'")


def _variable(net: Graph, name: str) -> str | None:
    """Return the variable of that name, or that the layer of that name writes; None if there is none."""
    known = {node.output: node.output for node in net.nodes} | {node.name: node.output for node in net.nodes}
    return name if name in net.inputs else known.get(name)
