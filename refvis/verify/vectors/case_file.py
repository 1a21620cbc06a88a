"""A network's case as a file: inputs, parameters, variables, and for each mode the seed and all signals.

HDF5 (.h5) and NumPy (.npz), with the same names:

    network                                     the layers as JSON: name, type, fields, inputs, output
    inputs/NAME                                 N x H x W x C
    parameters/LAYER/FIELD
    variables/NAME
    modes/MODE/seed/NAME                        the signal that the backward pass starts from
    modes/MODE/signals/NAME
    modes/MODE/parameter_gradients/LAYER/FIELD  of the mode "gradient"

Each dataset of a .h5 file says its axes in the attribute "axes": "N,H,W,C", for filters "K,H,W,C". Languages that store
columns first (MATLAB, Julia, Fortran) see the axes in reverse: C x W x H x N. A "/" within a name is written "%2F".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from refvis import layers
from refvis.layers import Array, Graph, Node
from refvis.verify.case import arrays_of
from refvis.verify.networks.facts import end_of
from refvis.verify.networks.recording import escaped, read_arrays
from refvis.version import __version__
from refvis.weights.whole_files import write_whole

SCHEMA = "refvis_case_v1"


@dataclass(frozen=True)
class NetworkCase:
    """A network with its input, and what it gives.

    net     the network
    inputs  its inputs by name, N x H x W x C
    arrays  everything that was computed, by the names of the file
    modes   names of the modes
    """

    net: Graph
    inputs: Mapping[str, Array]
    arrays: Mapping[str, Array]
    modes: tuple[str, ...]

    def seed(self, mode: str) -> dict[str, Array]:
        """Return the signals from which the backward pass of a mode starts, by variable."""
        start = f"modes/{mode}/seed/"
        return {name[len(start) :]: array for name, array in self.arrays.items() if name.startswith(start)}


def network_case(
    net: Graph, x: Array, names: Sequence[str] = ("gradient",), seed: Mapping[str, Array] | None = None
) -> NetworkCase:
    """Return the case of a network for an input, with the signals of the named modes.

        x      N x H x W x C, float32 or float64; everything is computed in its dtype
        names  of modes
        seed   name of a variable or layer -> the signal there. Default: one at the strongest score of each image

    Raises ValueError for an unknown mode and for a layer without a rule.
    """
    trace = net.forward(x)
    start = {net.variable(name): value for name, value in (seed or strongest(net, trace)).items()}
    arrays: dict[str, Array] = {f"variables/{name}": values for name, values in trace.items()}
    for node in net.nodes:
        arrays |= {f"parameters/{node.name}/{name}": array for name, array in arrays_of(node.layer).items()}
    for mode in names:
        arrays |= {f"modes/{mode}/seed/{name}": signal for name, signal in start.items()}
        signals = net.backward(trace, start, mode)
        arrays |= {f"modes/{mode}/signals/{name}": signal for name, signal in signals.items()}
        if mode == "gradient":
            gradients = net.parameter_gradients(trace, start)
            arrays |= {f"modes/gradient/parameter_gradients/{a}/{b}": one for (a, b), one in gradients.items()}
    return NetworkCase(net, {net.inputs[0]: x}, arrays, tuple(names))


def strongest(net: Graph, trace: Mapping[str, Array]) -> dict[str, Array]:
    """Return one at the channel of the scores that is the strongest in the sum over positions, for each image."""
    values = trace[end_of(net)]
    seed = np.zeros_like(values)
    for image, channel in enumerate(values.sum(axis=(1, 2)).argmax(axis=1)):
        seed[image, ..., channel] = 1
    return {end_of(net): seed}


def write_case(path: str | Path, case: NetworkCase) -> None:
    """Write a case to a .h5 or .npz file, whole or not at all. Raises ValueError for another ending."""
    path = Path(path)
    arrays = {**{f"inputs/{name}": x for name, x in case.inputs.items()}, **case.arrays}
    header = json.dumps(
        {"schema": SCHEMA, "refvis": __version__, "nodes": [_node_json(node) for node in case.net.nodes]}
    )
    if path.suffix == ".h5":
        write_whole(path, lambda file: _write_hdf5(file, header, arrays))
    elif path.suffix == ".npz":
        named: dict[str, Any] = {_path(name): array for name, array in arrays.items()}
        write_whole(path, lambda file: np.savez(file, network=np.array(header), **named))
    else:
        raise ValueError(f"{path} ends in {path.suffix!r}, expected .h5 or .npz")


def read_case(path: str | Path) -> NetworkCase:
    """Return the case of a file that `write_case` wrote. Raises ValueError for another file."""
    path = Path(path)
    arrays = read_arrays(path)
    header = _header(path, arrays.pop("network", None))
    nodes = tuple(_node(one, arrays) for one in header["nodes"])
    start = "inputs/"
    inputs = {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}
    kept = {name: array for name, array in arrays.items() if not name.startswith(start)}
    names = dict.fromkeys(name.split("/")[1] for name in kept if name.startswith("modes/"))
    return NetworkCase(Graph(nodes), inputs, kept, tuple(names))


def _header(path: Path, value: Any) -> dict[str, Any]:
    text = value
    if path.suffix == ".h5":
        import h5py

        with h5py.File(path) as file:
            text = file.attrs.get("network")
    try:
        header = json.loads(str(text))
        if header["schema"] != SCHEMA:
            raise KeyError("schema")
    except (ValueError, TypeError, KeyError):
        raise ValueError(
            f"{path} is no case of refvis ({SCHEMA}): make one with 'refvis vectors MODEL IMAGE'"
        ) from None
    return dict(header)


def _write_hdf5(target: IO[bytes], header: str, arrays: Mapping[str, Array]) -> None:
    """Make the file in memory and write its bytes: HDF5 itself crashes on a full disk."""
    import h5py

    with h5py.File("case", "w", driver="core", backing_store=False) as file:
        file.attrs["network"] = header
        file.attrs["axes"] = "N,H,W,C"
        for name, array in arrays.items():
            dataset = file.create_dataset(_path(name), data=array)
            dataset.attrs["axes"] = _axes(name, array)
        file.flush()
        target.write(file.id.get_file_image())


def _axes(name: str, array: Array) -> str:
    if array.ndim == 4:
        return "K,H,W,C" if "filters" in name else "N,H,W,C"
    return {1: "K", 2: "K,C"}.get(array.ndim, "")


def _path(name: str) -> str:
    """Return a name of this module with its own parts escaped: the "/" of layers' names is no separator."""
    parts = name.split("/")
    fixed = {"inputs": 1, "variables": 1}.get(parts[0], 0)
    if parts[0] in ("inputs", "variables"):
        return f"{parts[0]}/{escaped('/'.join(parts[fixed:]))}"
    if parts[0] == "parameters":
        return f"parameters/{escaped('/'.join(parts[1:-1]))}/{parts[-1]}"
    if parts[2] == "parameter_gradients":
        return f"{'/'.join(parts[:3])}/{escaped('/'.join(parts[3:-1]))}/{parts[-1]}"
    return f"{'/'.join(parts[:3])}/{escaped('/'.join(parts[3:]))}"


def _node_json(node: Node) -> dict[str, Any]:
    values = {one.name: getattr(node.layer, one.name) for one in fields(node.layer)}
    plain = {name: value for name, value in values.items() if not getattr(value, "ndim", 0)}
    return {
        "name": node.name,
        "type": type(node.layer).__name__,
        "fields": json.loads(json.dumps(plain, default=str)),
        "inputs": list(node.inputs),
        "output": node.output,
    }


def _node(given: Mapping[str, Any], arrays: Mapping[str, Array]) -> Node:
    start = f"parameters/{given['name']}/"
    own = {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}
    kind = getattr(layers, str(given["type"]), None)
    if kind is None:
        raise ValueError(f"layer {given['name']!r} is of type {given['type']!r}, which this version does not have")
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in given["fields"].items()}
    return Node(given["name"], kind(**{**plain, **own}), tuple(given["inputs"]), given["output"])
