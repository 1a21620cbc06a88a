"""Layers and networks on a GPU, beside NumPy: ``python -m benchmarks.gpu``, where CuPy is installed and finds a GPU.

Each is computed once by NumPy and twice on the GPU. The table has the times, the difference (its length over that of
NumPy's result), and whether the GPU's two results are equal bit for bit. The command exits with 1 if they are not,
or if a difference exceeds `MOST`. Single layers are also timed on the GPU by definition: by array operations, without
kernels.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import TESTS

sys.path.append(str(TESTS))

from benchmarks import networks, single
from benchmarks.timing import Times, side_by_side
from benchmarks.work import Work, of_layer
from refvis import exact
from refvis.machine.probe import machine

MOST = {"forward": 1e-4, "gradient": 0.05}
"""Largest difference that rounding in float32 explains. Deep gradients differ more, where a maximum or a ReLU
depends on the last bits (`rows.AGREEMENT`)."""
NETWORKS = ("AlexNet", "VGG-16")


@dataclass(frozen=True)
class Row:
    """One computation, forward or with the gradient: times by library, the difference, and whether it repeats."""

    title: str
    what: str
    times: dict[str, Times]
    difference: float
    repeated: bool

    @property
    def right(self) -> bool:
        """Whether the GPU's result is NumPy's to rounding, and the same twice."""
        return self.repeated and self.difference <= MOST[self.what]


def works(images: int) -> Iterator[tuple[str, Work]]:
    """Yield titles and the work that is timed."""
    for name, (layer, shape, *_) in single.cases().items():
        yield name, of_layer(layer, *shape)
    for name in NETWORKS:
        yield f"{name}, {images} image{'s' * (images > 1)}", networks.work(name, images)


def on_gpu(work: Work) -> Work:
    """Return the work with its arrays on the GPU."""
    import cupy

    return Work(work.graph.to("cupy"), cupy.asarray(work.x), cupy.asarray(work.seed))


def rows(title: str, work: Work, rounds: int, finish: Callable[[], Any]) -> Iterator[Row]:
    """Yield a row for forward and one for forward with gradient; `finish` waits for the GPU."""
    far = on_gpu(work)
    for what in ("forward", "gradient"):
        own, gpu = getattr(work, what), getattr(far, what)
        expected, y, again = own(), gpu().get(), gpu().get()
        ways = {"NumPy": own, "CuPy": partial(_run_and_wait, gpu, finish)}
        if len(work.graph.nodes) == 1:
            ways["definition"] = exact()(ways["CuPy"])
        difference = float(np.linalg.norm(y - expected) / np.linalg.norm(expected))
        yield Row(title, what, side_by_side(ways, rounds), difference, y.tobytes() == again.tobytes())


def _run_and_wait(function: Callable[[], Any], finish: Callable[[], Any]) -> None:
    function()
    finish()


def table(results: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| | NumPy, ms | CuPy, ms | times as fast | CuPy by definition, ms | difference | twice the same |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results:
        numpy, cupy = (row.times[name].median for name in ("NumPy", "CuPy"))
        exactly = f"{1e3 * row.times['definition'].median:.3f}" if "definition" in row.times else ""
        figures = f"{1e3 * numpy:.2f} | {1e3 * cupy:.3f} | {numpy / cupy:.1f} | {exactly} | {row.difference:.1e}"
        lines.append(f"| {row.title}: {row.what} | {figures} | {'yes' if row.repeated else 'NO'} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table with the GPU's name; exit with a message if there is no GPU."""
    parser = ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1, help="images that go through a network at once")
    given = parser.parse_args()
    here = machine()
    if not here.gpus.names:
        why = f"CuPy {here.gpus.cupy} finds none ({here.gpus.problem})" if here.gpus.cupy else "CuPy is not installed"
        sys.exit(f"no GPU to compute on: {why}")
    import cupy

    done = []
    for title, work in works(given.images):
        done += rows(title, work, given.rounds, cupy.cuda.Device().synchronize)
        print(f"{title}: done", file=sys.stderr, flush=True)
    print(table(done))
    print(
        f"\n*{here.gpus.names[0]}, CuPy {here.gpus.cupy}; {here.processor}, NumPy {here.numpy}; {given.rounds} rounds.*"
    )
    wrong = [f"{row.title}, {row.what}" for row in done if not row.right]
    if wrong:
        sys.exit(f"differ by more than {MOST}, or from one time to the next: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
