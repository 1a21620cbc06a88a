"""Reader of networks from files: of ONNX, and of .mat files, where it finds the network among the variables."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from refvis.layers import memory_limit_bytes
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import DEFAULT_LIMITS, Limits, Opaque, Tree
from refvis.weights.matconvnet.dag import FIELDS as DAG_FIELDS
from refvis.weights.matconvnet.dag import is_dag, read_dag
from refvis.weights.matconvnet.meta import BESIDE
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.normalization import OUTSIDE
from refvis.weights.matconvnet.simplenn import read_simplenn
from refvis.weights.onnx.file import is_onnx, read_file
from refvis.weights.onnx.read import read_onnx

PLACES = ("", "net", "model.net", "model")
"""Usual places of a network in a file, in the order of the search."""

LEVELS = 3
"""Levels of structs and cells in which networks are searched."""

LISTED = 8
"""Most names that an error lists."""

STEP = re.compile(r"([^.{}()]+)|\{(\d+)\}|\((\d+)\)")
"""One step on the way to a value: a field's name, or the number of an entry, {3} or (3)."""


def read_model(
    path: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    isolate: bool = False,
    seconds: float | None = None,
    memory: int | None = None,
    network: str | None = None,
    size: tuple[int, int] | None = None,
) -> Model:
    """Return the network in the file `path`, of MatConvNet or ONNX, as a `Model`: nodes, meta data and remarks.

    ``refvis.load`` makes a `Network` of it, and is what most programs call.

    Parameters:

        path      a .mat file of version 5, 6, 7 or 7.3, with a simplenn network or a DagNN; or an ONNX file
        limits    how much the file may hold. Default: 4 GB, 2 million values, 64 levels; never more than half of
                  `refvis.memory_limit`
        isolate   read the file in a child process, so that a file that crashes or hangs a library is an error, too
        seconds   time of that process in s. Default: 10, and one for each 20 MB of the file
        memory    memory of that process in bytes. Default: 1 GB, and six times the file's size
        network   the place of the network in a file that holds several: "netD", "nets{3}". Default: the only one, or
                  the one at a usual place (net, model.net, model, or at top level)
        size      height and width of the input, for an ONNX file that leaves them open. Default: 224 x 224

    Raises FileNotFoundError, ModuleNotFoundError for an ONNX file without the package `onnx`, ValueError for `network`
    or `size` with a file of the other kind, and ModelFormatError naming the file, the place in it, what was found and
    what was expected.

    >>> from refvis.weights import bundled_path, read_model
    >>> model = read_model(bundled_path("scenes"))
    >>> model.nodes[0].name, model.meta["classes"]["name"][:2]
    ('conv1', ['fish', 'house'])
    """
    onnx = is_onnx(path)
    if onnx and network is not None:
        raise ValueError(f"network is {network!r}, but {path} is an ONNX file, which holds one network: leave it out")
    if size is not None and not onnx:
        raise ValueError(f"size is {size}, but {path} is a .mat file: net.with_images(size=...) sets the input size")
    limits = replace(limits, memory=memory_limit_bytes() // 2)
    if isolate:
        from refvis.weights.sandbox.parent import read_in_sandbox  # here, since most programs start no process

        variables = read_in_sandbox(path, limits, seconds, memory, "onnx" if onnx else "mat")
    else:
        variables = (read_file if onnx else read_mat)(path, limits)
    try:
        if onnx:
            return read_onnx(variables, size)
        report: list[Remark] = []
        place = find_network(variables) if network is None else check_network(variables, network)
        report_neighbours(variables, place, report)
        net = value_at(variables, place)
        if place and "." not in place:  # variables beside the network's own
            net = {**{name: variables[name] for name in OUTSIDE if name in variables}, **net}
        return (read_dag if is_dag(net) else read_simplenn)(net, place, report)
    except ModelFormatError as error:
        error.path = path
        raise


def value_at(variables: dict[str, Tree], place: str) -> Any:
    """Return the value at a place such as ``model.net`` or ``nets{3}``; None if there is none."""
    value: Any = variables
    for name, *numbers in STEP.findall(place):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        elif isinstance(value, list):
            index = int("".join(numbers)) - 1
            value = value[index] if 0 <= index < len(value) else None
        elif numbers != ["1", ""] and numbers != ["", "1"]:  # a cell or struct array of one may be the value itself
            value = None
    return value


def is_network(value: Tree) -> bool:
    """Whether a value is a struct with layers."""
    return isinstance(value, dict) and "layers" in value


def networks(value: Tree, place: str = "", levels: int = LEVELS) -> Iterator[str]:
    """Yield the places of all networks in a value, down to so many levels of structs and cells."""
    if is_network(value):
        yield place
    elif levels and isinstance(value, dict):
        for name, entry in value.items():
            yield from networks(entry, f"{place}.{name}" if place else name, levels - 1)
    elif levels and isinstance(value, list):
        for number, entry in enumerate(value, 1):
            yield from networks(entry, f"{place}{{{number}}}", levels - 1)


def check_network(variables: dict[str, Tree], place: str) -> str:
    """Return the place of the network that a user names, or raise ModelFormatError."""
    value = value_at(variables, place)
    refuse_object(value, place)
    if not place or not is_network(value):
        found = "no such value" if value is None or not place else "no struct with layers"
        raise ModelFormatError(found, f"one of the file's networks: {list_names(list(networks(variables)))}", "", place)
    return place


def find_network(variables: dict[str, Tree]) -> str:
    """Return the place of the network: a usual one, or that of the only network; or raise ModelFormatError."""
    for place in PLACES:
        value = value_at(variables, place)
        refuse_object(value, place)
        if is_network(value):
            return place
    places = list(networks(variables))
    if len(places) == 1:
        return places[0]
    if places:
        advice = f"choose it with network={places[0]!r}, or --network"
        raise ModelFormatError(f"{len(places)} networks: {list_names(places)}", "one", advice)
    for name, value in variables.items():
        if isinstance(value, Opaque) and "dagnn" in value.class_name.lower():
            refuse_object(value, name)
    names = ", ".join(list(variables)[:LISTED]) or "nothing"
    raise ModelFormatError(
        f"the variables {names}", "layers (at top level, under net, or under model.net)", "the file holds no network"
    )


def refuse_object(value: Tree, place: str) -> None:
    """Raise ModelFormatError if the value that is to be the network is an object."""
    if isinstance(value, Opaque):
        raise ModelFormatError(
            f"an object of class {value.class_name}",
            "a struct",
            "only MATLAB can read objects; make it a struct there (a DagNN by net = net.saveobj()) and save that",
            place,
        )


def list_names(places: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f", and {len(places) - LISTED} more" if len(places) > LISTED else ""
    return (", ".join(places[:LISTED]) or "none") + more


def report_neighbours(variables: dict[str, Tree], place: str, report: list[Remark]) -> None:
    """Add a remark for everything that stands beside the network and is not part of it."""
    net = value_at(variables, place)
    own = (*(DAG_FIELDS if is_dag(net) else ("layers", "meta")), *BESIDE)
    if not place:
        others = [name for name in variables if name not in own]
        report.extend(Remark(name, "ignored", "not part of the network") for name in others)
        return
    steps = [match.group() for match in STEP.finditer(place)]
    above = ""
    for depth, step in enumerate(steps):
        level = value_at(variables, above)
        if isinstance(level, dict):
            prefix = f"{above}." if above else ""
            used = (step, *OUTSIDE) if depth == 0 and len(steps) == 1 else (step,)
            report.extend(
                Remark(f"{prefix}{name}", "ignored", neighbour(value))
                for name, value in level.items()
                if name not in used
            )
        elif isinstance(level, list) and len(level) > 1:
            report.append(Remark(above, "ignored", f"the other {len(level) - 1} of its {len(level)} values"))
        above = f"{above}.{step}" if above and step[0] not in "{(" else f"{above}{step}"
    report.extend(Remark(f"{place}.{name}", "ignored", "not used") for name in net if name not in own)


def neighbour(value: Tree) -> str:
    """Return the remark on a value that stands beside the network."""
    return "another network (network= or --network chooses it)" if is_network(value) else "not part of the network"
