"""A file of another implementation, held to the case of a network that it ran."""

from dataclasses import replace
from pathlib import Path

from refvis.layers import Array
from refvis.verify.networks.recording import SIGNALS, read_arrays
from refvis.verify.networks.report import NetworkReport
from refvis.verify.networks.verification import network
from refvis.verify.vectors.case_file import NetworkCase, read_case


def verify_file(theirs: str | Path, against: str | Path, layout: str | None = None) -> list[NetworkReport]:
    """Return a report on the variables of a file, and one on the signals of each mode that it has.

        theirs   a file or folder of arrays, with the names of the case: "variables/NAME", "modes/MODE/signals/NAME";
                 where the case has one mode, "signals/NAME" will do
        against  the case that `refvis vectors MODEL IMAGE` wrote
        layout   the order of axes in `theirs`. Default: guessed where the sizes tell

    Raises ValueError for files that cannot be read, and where no name is known.
    """
    case = read_case(against)
    arrays = {name: array for name, array in read_arrays(Path(theirs)).items() if name != "network"}
    x = next(iter(case.inputs.values()))
    reports = []
    values = {name: array for name, array in arrays.items() if not name.startswith(("modes/", SIGNALS))}
    names = {name: array for name, array in values.items() if not name.startswith(("parameters/", "inputs/"))}
    if names:
        reports.append(replace(network(case.net, x, names, layout=layout), name="forward pass"))
    for mode in case.modes:
        signals = _signals(case, mode, arrays)
        if signals:
            seed = case.seed(mode)
            report = network(case.net, x, {**names, **signals}, seed=seed, mode=mode, layout=layout)
            reports.append(replace(report, name=mode))
    if not reports:
        raise ValueError(
            f"{theirs} has none of the names of {against}, expected variables/NAME or modes/MODE/signals/NAME: it has "
            f"{', '.join(list(arrays)[:6]) or 'no arrays'}"
        )
    return reports


def _signals(case: NetworkCase, mode: str, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return a file's signals of a mode, by "signals/NAME"."""
    start = f"modes/{mode}/{SIGNALS}"
    found = {f"{SIGNALS}{name[len(start) :]}": array for name, array in arrays.items() if name.startswith(start)}
    if not found and len(case.modes) == 1:
        found = {name: array for name, array in arrays.items() if name.startswith(SIGNALS)}
    return found
