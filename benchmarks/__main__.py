"""Run the benchmarks and write the tables and the picture of docs/benchmarks.md: ``python -m benchmarks``.

If PyTorch, captum or zennit is missing, its column is empty. CONTRIBUTING.md explains how to install them.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from threadpoolctl import threadpool_limits

from benchmarks import TESTS

sys.path.append(str(TESTS))

from benchmarks import costs, growth, methods, networks, occlusion, plot, rows, single, tiles
from benchmarks.setting import load, setting

DOCS = Path(__file__).resolve().parents[1] / "docs"
GROUPS: dict[str, tuple[Callable[..., list], Callable[..., str]]] = {  # type: ignore[type-arg]
    "layers": (single.measure, rows.table),
    "tiles": (tiles.measure, tiles.table),
    "networks": (networks.measure, rows.table),
    "methods": (methods.measure, rows.table),
    "occlusion": (occlusion.measure, rows.table),
    "costs": (costs.measure, costs.table),
    "growth": (growth.measure, growth.table),
}
ROUNDS, QUICK_ROUNDS = 9, 3


def main() -> None:
    """Read the command line and run the selected groups."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few rounds, as a check; tables are written only with --out",
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups to run (default: all)")
    parser.add_argument("--threads", type=int, help="threads of BLAS and of PyTorch (default: all cores)")
    parser.add_argument(
        "--suffix", default="", help="suffix of the files' names, to keep the tables of another setting"
    )
    parser.add_argument("--out", type=Path, help="folder for tables and picture (default: docs/; with --quick: none)")
    given = parser.parse_args()
    out = given.out or (None if given.quick else DOCS)
    with threadpool_limits(given.threads, "blas"):
        if given.threads and find_spec("torch") is not None:
            import torch

            torch.set_num_threads(given.threads)
        run(given.only, QUICK_ROUNDS if given.quick else ROUNDS, given.quick, out, given.suffix)


def run(groups: list[str], rounds: int, quick: bool, out: Path | None, suffix: str = "") -> None:
    """Measure each group, print its table, and write it below `out` as soon as it is complete (None: nowhere)."""
    for name in groups:
        print(f"measuring {name} ...", flush=True)
        measure, table = GROUPS[name]
        start, busy = perf_counter(), load()
        results = measure(rounds, quick)
        text = f"{table(results)}\n{setting(rounds, busy)}\n"
        print(f"{name}, {perf_counter() - start:.0f} s\n\n{text}", flush=True)
        if out is not None:
            write(out, f"{name}{suffix}", text)
            if name == "growth":
                plot.draw(results, out / "_static" / f"benchmarks_growth{suffix}.png")


def write(out: Path, name: str, text: str) -> None:
    """Write a table below `out`, and make the folder for the picture."""
    for folder in (out / "benchmarks", out / "_static"):
        folder.mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / f"{name}.inc").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
