"""A .mat file -> the network in it, wherever it stands."""

from pathlib import Path
from typing import Any

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import DEFAULT_LIMITS, Limits, Opaque, Tree
from refvis.weights.matconvnet.dag import OWN as DAG_OWN
from refvis.weights.matconvnet.dag import is_dag, read_dag
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.simplenn import read_simplenn

PLACES = ("", "net", "model.net", "model")
"""Where networks are found, in the order in which they are looked for."""


def read_model(
    path: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    isolate: bool = False,
    seconds: float | None = None,
    memory: int | None = None,
) -> Model:
    """Return the network in the MatConvNet .mat file `path`.

    With `isolate`, the file is read in a child process, which has `seconds` of time and `memory` (bytes); None: 10 s
    and 1 GB, and more for large files. Then a file that crashes a library underneath, or hangs it, is an error, too.
    Raises FileNotFoundError, or ModelFormatError naming the file, the place, what was found and what was expected.
    """
    variables = _isolated(path, limits, seconds, memory) if isolate else read_mat(path, limits)
    try:
        report: list[Remark] = []
        place = find(variables)
        report_siblings(variables, place, report)
        net = at(variables, place)
        return (read_dag if is_dag(net) else read_simplenn)(net, place, report)
    except ModelFormatError as error:
        error.path = path
        raise


def _isolated(path: str | Path, limits: Limits, seconds: float | None, memory: int | None) -> dict[str, Tree]:
    from refvis.weights.sandbox.parent import read_mat_isolated  # here, since most programs start no process

    return read_mat_isolated(path, limits, seconds, memory)


def at(variables: dict[str, Tree], place: str) -> Any:
    """Return the value at a place such as ``model.net``; None if there is none."""
    value: Any = variables
    for name in place.split(".") if place else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value


def find(variables: dict[str, Tree]) -> str:
    """Return the place of the network, or raise ModelFormatError."""
    others = [name for name in variables if name not in PLACES]
    for place in (*PLACES, *others):
        value = at(variables, place)
        if isinstance(value, Opaque) and (place in PLACES or "dagnn" in value.class_name.lower()):
            raise ModelFormatError(
                f"an object of class {value.class_name}",
                "a struct",
                "only MATLAB can read objects: make it a struct there (a DagNN: net = net.saveobj()) and save it again",
                place,
            )
        if isinstance(value, dict) and "layers" in value:
            return place
    names = ", ".join(list(variables)[:8]) or "nothing"
    raise ModelFormatError(
        f"the variables {names}", "layers (at top level, under net, or under model.net)", "the file holds no network"
    )


def report_siblings(variables: dict[str, Tree], place: str, report: list[Remark]) -> None:
    """Add a remark for everything that stands beside the network and is not part of it."""
    net = at(variables, place)
    own = DAG_OWN if is_dag(net) else ("layers", "meta", "classes", "normalization")
    if not place:
        others = [name for name in variables if name not in own]
        report.extend(Remark(name, "ignored", "beside the network") for name in others)
        return
    parts = place.split(".")
    for depth in range(len(parts)):
        above = ".".join(parts[:depth])
        prefix = f"{above}." if above else ""
        report.extend(
            Remark(f"{prefix}{name}", "ignored", "beside the network")
            for name in at(variables, above)
            if name != parts[depth]
        )
    report.extend(Remark(f"{place}.{name}", "ignored", "not used") for name in net if name not in own)
