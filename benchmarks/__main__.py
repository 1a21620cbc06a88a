"""Run the benchmarks and write the tables and the picture of docs/benchmarks.md: ``python -m benchmarks``.

Without PyTorch, captum or zennit the columns of these are empty; CONTRIBUTING.md says how to install them.
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
    "layers": (single.measured, rows.table),
    "tiles": (tiles.measured, tiles.table),
    "networks": (networks.measured, rows.table),
    "methods": (methods.measured, rows.table),
    "occlusion": (occlusion.measured, rows.table),
    "costs": (costs.measured, costs.table),
    "growth": (growth.measured, growth.table),
}
ROUNDS, QUICK_ROUNDS = 9, 3


def main() -> None:
    """Run the groups that were asked for; each writes its table as soon as it is done."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, to see that all works; written where --out says"
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="which groups to run")
    parser.add_argument("--threads", type=int, help="threads of BLAS and of PyTorch; all cores otherwise")
    parser.add_argument(
        "--suffix", default="", help="what to add to the tables' names, to keep those of another setting"
    )
    parser.add_argument("--out", type=Path, help="where to write; docs/ otherwise, or nowhere for --quick")
    given = parser.parse_args()
    out = given.out or (None if given.quick else DOCS)
    with threadpool_limits(given.threads, "blas"):
        if given.threads and find_spec("torch") is not None:
            import torch

            torch.set_num_threads(given.threads)
        run(given.only, QUICK_ROUNDS if given.quick else ROUNDS, given.quick, out, given.suffix)


def run(groups: list[str], rounds: int, quick: bool, out: Path | None, suffix: str = "") -> None:
    """Measure the groups, print their tables and write them below `out` (None: nowhere)."""
    for name in groups:
        print(f"measuring {name} ...", flush=True)
        measured, table = GROUPS[name]
        start, busy = perf_counter(), load()
        found = measured(rounds, quick)
        text = f"{table(found)}\n{setting(rounds, busy)}\n"
        print(f"{name}, {perf_counter() - start:.0f} s\n\n{text}", flush=True)
        if out is not None:
            write(out, f"{name}{suffix}", text)
            if name == "growth":
                plot.draw(found, out / "_static" / f"benchmarks_growth{suffix}.png")


def write(out: Path, name: str, text: str) -> None:
    """Write a table below `out`, and make the folder for pictures."""
    for folder in (out / "benchmarks", out / "_static"):
        folder.mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / f"{name}.inc").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
