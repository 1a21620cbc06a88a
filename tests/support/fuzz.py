"""Damages model files at random and reads them: ``PYTHONPATH=tests python -m support.fuzz --count 10000``.

Each has to end in a network or a ModelFormatError. Many are read by one worker process, for speed; a file that ends the
worker, or takes it too long, is read again with ``isolate=True``, which has to turn that into a ModelFormatError.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from support.damage import mutated, sound_files

from refvis.weights import read_model
from refvis.weights.sandbox.child import limit_process
from refvis.weights.sandbox.parent import MEMORY, SECONDS

FINE = ("network", "ModelFormatError")


def outcome(path: Path, isolate: bool = False) -> str:
    """Return what reading a file ends in: "network", or the name of an exception."""
    try:
        read_model(path, isolate=isolate)
    except Exception as error:
        return type(error).__name__
    return "network"


def work(files: Sequence[bytes], folder: str, seeds: range, results: Connection) -> None:
    """Read the damaged files of these seeds, one after the other, and report each."""
    limit_process(MEMORY, 10**6)
    path = Path(folder) / "damaged.mat"
    for seed in seeds:
        path.write_bytes(mutated(files, seed))
        results.send(outcome(path))


def answers(files: Sequence[bytes], folder: str, seeds: range) -> Iterator[str]:
    """Yield the outcomes of a worker in turn; the last one is "crash" or "hang" if it did not come to its end."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    worker = context.Process(target=work, args=(files, folder, seeds, send))
    worker.start()
    send.close()
    try:
        for number, _ in enumerate(seeds):
            if not receive.poll(SECONDS + (30 if number == 0 else 0)):  # the first waits for the process to start
                yield "hang"
                return
            yield receive.recv()
    except EOFError:
        yield "crash"
    finally:
        worker.kill()
        worker.join()


def run(files: Sequence[bytes], count: int, first: int = 0) -> tuple[Counter[str], dict[int, str]]:
    """Return how often each outcome came up, and the seeds that ended in neither a network nor a ModelFormatError."""
    counts: Counter[str] = Counter()
    odd: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        seed = first
        while seed < first + count:
            for found in answers(files, folder, range(seed, first + count)):
                if found not in FINE:
                    found = f"{found}, with isolate=True {isolated(mutated(files, seed), folder)}"
                    odd |= {} if found.endswith("ModelFormatError") and found[0] in "chM" else {seed: found}
                counts[found] += 1
                seed += 1
    return counts, odd


def isolated(data: bytes, folder: str) -> str:
    """Return the outcome of reading a file's content with ``isolate=True``."""
    path = Path(folder) / "again.mat"
    path.write_bytes(data)
    return outcome(path, isolate=True)


def main() -> int:
    """Run, print the counts, and return 1 if any file ended in anything else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many damaged files")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("files", nargs="*", type=Path, help="further sound files to damage")
    given = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        files = [*sound_files(Path(folder)), *(path.read_bytes() for path in given.files)]
    counts, odd = run(files, given.count, given.first)
    for found, number in sorted(counts.items()):
        print(f"{number:7,}  {found}")
    print(f"{counts.total():7,}  files in {time.monotonic() - start:.0f} s")
    for seed, found in odd.items():
        print(f"seed {seed}: {found}")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
