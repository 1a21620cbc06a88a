"""The worker process: it makes files from their names, and sends how each ended, how long it took, and its memory."""

import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fuzz.crafted import crafted
from fuzz.files import write_seed

LIMIT, SECONDS = 512 << 20, 120
"""The memory limit in bytes, and the time until a worker counts as hanging, on a machine that has much else to do."""

SAMPLE = 20
"""Every so many mutated files go through all stages, as all crafted files do."""


def crafted_names() -> list[str]:
    """Return the names of the crafted files. The name of a mutated one is its seed."""
    return [f"crafted {name}" for name, _ in crafted()]


def make(name: str, path: Path, writers: dict[str, Any]) -> None:
    """Write the file of that name."""
    if name.startswith("crafted "):
        writers[name.removeprefix("crafted ")](path)
    else:
        write_seed(int(name), path)


def work(listed: list[str], folder: str, results: Connection) -> None:
    """Make the files, and send for each: how its stages ended, seconds of the slowest, and memory in bytes."""
    os.nice(10)
    os.environ["REFVIS_MEMORY_LIMIT"] = str(LIMIT)
    from fuzz.stages import outcome

    writers = dict(crafted())
    for name in listed:
        path = Path(folder) / "file.mat"
        path.unlink(missing_ok=True)
        make(name, path, writers)
        results.send("made")
        before = memory(reset=True)
        found = outcome(path, thorough=not name.isdigit() or int(name) % SAMPLE == 0)
        results.send((dict(found), found.seconds, memory() - before))


def memory(reset: bool = False) -> int:
    """Return this process's largest memory in bytes since the last reset; after a reset that of now. Linux only."""
    if not Path("/proc/self/clear_refs").exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def results(listed: list[str]) -> Iterator[tuple[str, dict[str, str], float, int]]:
    """Yield (name, outcomes, seconds, bytes) for each file; a worker that ends or hangs is a fault of its file."""
    while listed:
        context = multiprocessing.get_context("spawn")
        receive, send = context.Pipe(duplex=False)
        with TemporaryDirectory() as folder:
            worker = context.Process(target=work, args=(listed, folder, send))
            worker.start()
            send.close()
            done: list[str] = []
            try:
                for name in listed:
                    done.append(name)
                    for task in ("making it", "its stages"):
                        if not receive.poll(SECONDS):
                            yield name, {"all": f"fault: {task} took more than {SECONDS} s"}, float(SECONDS), 0
                            raise TimeoutError
                        answer = receive.recv()
                    yield name, *answer
            except TimeoutError:
                pass
            except EOFError:
                worker.join(5)
                yield done[-1], {"all": f"fault: the process ended with {worker.exitcode}"}, 0.0, 0
            finally:
                worker.kill()
                worker.join()
        listed = listed[len(done) :]
