"""Costs beside computation: import time, loading a model of 500 MB, and peak memory of VGG-16 forward and back."""

import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import scipy.io

from benchmarks import networks
from benchmarks.rows import markdown
from benchmarks.timing import side_by_side
from refvis import load, save

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """One measured amount in `unit`, the amount beside it, and the most that it may be (None: no goal)."""

    what: str
    amount: float
    compared: str
    other: float
    goal: float | None
    unit: str = "s"


def measure(rounds: int, quick: bool) -> list[Cost]:
    """Return the costs of importing, of loading and of memory, in this order."""
    return [_importing(rounds), *_loading(1 if quick else 3), *_memory()]


def _importing(rounds: int) -> Cost:
    """Time imports in new processes. The goal is the larger of 0.6 s and NumPy's time plus 0.2 s."""

    def import_module(module: str) -> None:
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=ROOT)

    times = side_by_side({name: lambda name=name: import_module(name) for name in ("refvis", "numpy")}, rounds)  # type: ignore[misc]
    numpy = times["numpy"].median
    return Cost(
        "`import refvis`, a new process", times["refvis"].median, "`import numpy`", numpy, max(0.6, numpy + 0.2)
    )


def _loading(rounds: int) -> list[Cost]:
    """Load VGG-16 compressed, as `save` writes it, and uncompressed. The files are in the system's cache."""
    with TemporaryDirectory() as folder:
        packed, plain = Path(folder) / "packed.mat", Path(folder) / "plain.mat"
        save(networks.network("VGG-16"), packed)
        net = scipy.io.loadmat(packed)["net"]
        scipy.io.savemat(plain, {"net": net}, long_field_names=True)
        del net
        return [
            _load_cost(plain, "reading the file", plain.read_bytes, rounds, 1.5),
            _load_cost(packed, "reading the file", packed.read_bytes, rounds),
            _load_cost(packed, "unpacking it with zlib", lambda: _inflate(packed), rounds),
        ]


def _load_cost(path: Path, what: str, other: Callable[[], object], rounds: int, goal: float | None = None) -> Cost:
    """Compare loading a file with `other`, which does `what`; `goal` is a multiple of that time."""
    times = side_by_side({"load": lambda: load(path), what: other}, rounds)
    title, least = f"`refvis.load`, {path.stat().st_size / 1e6:.0f} MB, {path.stem}", times[what].median
    return Cost(title, times["load"].median, what, least, goal and goal * least)


def _inflate(path: Path) -> int:
    """Inflate the one variable of a file, keep nothing, and return its size in bytes."""
    inflater, size = zlib.decompressobj(), 0
    with path.open("rb") as file:
        file.seek(128 + 8)  # the file's header, and the tag of its only element
        while piece := file.read(1 << 18):
            size += len(inflater.decompress(piece))
    return size


def _memory() -> list[Cost]:
    """Run `benchmarks.peak` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    megabytes = json.loads(done.stdout)
    kept = megabytes["weights"] + megabytes["trace"]
    costs = [Cost("VGG-16, forward + gradient: arrays", megabytes["arrays"], "weights + trace", kept, 1.3 * kept, "MB")]
    if "process" in megabytes:
        costs.append(Cost("the same: whole process", megabytes["process"], "weights + trace", kept, None, "MB"))
    return costs


def table(costs: list[Cost]) -> str:
    """Return the costs as a Markdown table."""
    head = ["", "refvis", "compared with", "", "ratio", "goal"]
    return markdown(
        head,
        [
            [
                cost.what,
                _amount(cost.amount, cost.unit),
                cost.compared,
                _amount(cost.other, cost.unit),
                f"{cost.amount / cost.other:.2f}",
                "" if cost.goal is None else _amount(cost.goal, cost.unit),
            ]
            for cost in costs
        ],
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit == "s" else f"{value:.0f} {unit}"
