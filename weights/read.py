"""Reader of networks from .mat files: it finds the network among the variables, wherever it stands."""

from pathlib import Path
from typing import Any

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import DEFAULT_LIMITS, Limits, Opaque, Tree
from refvis.weights.matconvnet.dag import FIELDS as DAG_FIELDS
from refvis.weights.matconvnet.dag import is_dag, read_dag
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.simplenn import read_simplenn

PLACES = ("", "net", "model.net", "model")
"""Usual places of a network in a file, in the order of the search."""


def read_model(
    path: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    isolate: bool = False,
    seconds: float | None = None,
    memory: int | None = None,
) -> Model:
    """Return the network in the MatConvNet .mat file `path` as a `Model`: nodes, meta data and remarks.

    ``refvis.load`` makes a `Network` of it, and is what most programs call.

    Parameters:

        path      a .mat file of version 5, 6, 7 or 7.3, with a simplenn network or a DagNN
        limits    how much the file may hold. Default: 4 GB, 2 million values, 64 levels
        isolate   read the file in a child process, so that a file that crashes or hangs a library is an error, too
        seconds   time of that process in s. Default: 10, and one for each 20 MB of the file
        memory    memory of that process in bytes. Default: 1 GB, and six times the file's size

    Raises FileNotFoundError, and ModelFormatError naming the file, the place in it, what was found and what was
    expected.

    >>> from refvis.weights import bundled_path, read_model
    >>> model = read_model(bundled_path("scenes"))
    >>> model.nodes[0].name, model.meta["classes"]["name"][:2]
    ('conv1', ['fish', 'house'])
    """
    if isolate:
        from refvis.weights.sandbox.parent import read_mat_in_sandbox  # here, since most programs start no process

        variables = read_mat_in_sandbox(path, limits, seconds, memory)
    else:
        variables = read_mat(path, limits)
    try:
        report: list[Remark] = []
        place = find_network(variables)
        report_neighbours(variables, place, report)
        net = value_at(variables, place)
        return (read_dag if is_dag(net) else read_simplenn)(net, place, report)
    except ModelFormatError as error:
        error.path = path
        raise


def value_at(variables: dict[str, Tree], place: str) -> Any:
    """Return the value at a place such as ``model.net``; None if there is none."""
    value: Any = variables
    for name in place.split(".") if place else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value


def find_network(variables: dict[str, Tree]) -> str:
    """Return the place of the network, or raise ModelFormatError."""
    others = [name for name in variables if name not in PLACES]
    for place in (*PLACES, *others):
        value = value_at(variables, place)
        if isinstance(value, Opaque) and (place in PLACES or "dagnn" in value.class_name.lower()):
            raise ModelFormatError(
                f"an object of class {value.class_name}",
                "a struct",
                "only MATLAB can read objects; make it a struct there (a DagNN by net = net.saveobj()) and save that",
                place,
            )
        if isinstance(value, dict) and "layers" in value:
            return place
    names = ", ".join(list(variables)[:8]) or "nothing"
    raise ModelFormatError(
        f"the variables {names}", "layers (at top level, under net, or under model.net)", "the file holds no network"
    )


def report_neighbours(variables: dict[str, Tree], place: str, report: list[Remark]) -> None:
    """Add a remark for everything that stands beside the network and is not part of it."""
    net = value_at(variables, place)
    own = DAG_FIELDS if is_dag(net) else ("layers", "meta", "classes", "normalization")
    if not place:
        others = [name for name in variables if name not in own]
        report.extend(Remark(name, "ignored", "not part of the network") for name in others)
        return
    parts = place.split(".")
    for depth in range(len(parts)):
        above = ".".join(parts[:depth])
        prefix = f"{above}." if above else ""
        report.extend(
            Remark(f"{prefix}{name}", "ignored", "not part of the network")
            for name in value_at(variables, above)
            if name != parts[depth]
        )
    report.extend(Remark(f"{place}.{name}", "ignored", "not used") for name in net if name not in own)
