"""Reads a .mat file in a child process with limits of memory and time: whatever the file does, the caller lives on."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import require_file
from refvis.weights.mat.tree import Limits, Tree
from refvis.weights.sandbox import wire
from refvis.weights.sandbox.child import OUT_OF_MEMORY

SECONDS, MEMORY = 10.0, 2**30
"""The limits of a small file; large ones get more of both, see `bounds`."""

# The child has the parent's path, and takes the two packages as they are: without what their __init__ would import.
START = """
import json, sys, types
paths, packages = json.loads(sys.argv[1])
sys.path[:] = paths
for name, folder in packages.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from refvis.weights.sandbox.child import main
main(sys.argv[2])
"""


def bounds(path: Path, seconds: float | None, memory: int | None) -> tuple[float, int]:
    """Return the limits for a file: as given, else 10 s and a second per 20 MB, 1 GB and six times the file's size."""
    size = path.stat().st_size
    return (SECONDS + size / 20e6 if seconds is None else seconds), (MEMORY + 6 * size if memory is None else memory)


def read_mat_isolated(
    path: str | Path, limits: Limits, seconds: float | None = None, memory: int | None = None
) -> dict[str, Tree]:
    """Return the variables of the .mat file `path`, read in a child process with `seconds` and `memory` (bytes).

    Raises what ``read_mat`` raises; and ModelFormatError where the child runs out of memory or time, or crashes.
    """
    path = require_file(path)
    seconds, memory = bounds(path, seconds, memory)
    given = {"path": str(path.absolute()), "limits": asdict(limits), "seconds": seconds, "memory": memory}
    line, quiet = command(given), subprocess.DEVNULL
    with subprocess.Popen(line, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, env=environment()) as child:
        late = threading.Event()
        timer = threading.Timer(seconds, stop, (child, late))
        timer.start()
        try:
            return received(child, limits)
        except ModelFormatError as error:
            error.path = path
            raise
        except MemoryError:  # the parent's own
            raise
        except Exception as error:  # whatever it was that came, it was no answer
            raise ended(path, exit_code(child), late.is_set(), seconds, memory) from error
        finally:
            timer.cancel()
            child.kill()


def stop(child: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    """End a child whose time is over."""
    late.set()
    child.kill()


def exit_code(child: "subprocess.Popen[bytes]") -> int:
    """Return how a child ended that has stopped answering; one that lives on is ended."""
    try:
        return child.wait(timeout=1)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def received(child: "subprocess.Popen[bytes]", limits: Limits) -> dict[str, Tree]:
    """Return the child's answer."""
    if child.stdout is None:
        raise EOFError("the child has no output")
    value = wire.receive(child.stdout, limits)
    if not isinstance(value, dict):
        raise ValueError("an answer without variables")
    return value


def command(given: dict[str, object]) -> list[str]:
    """Return the command line of the child."""
    if not sys.executable:
        raise OSError("isolate=True starts a Python process, but sys.executable is empty here: use isolate=False")
    packages = {name: str(next(iter(sys.modules[name].__path__))) for name in ("refvis", "refvis.weights")}
    return [sys.executable, "-P", "-c", START, json.dumps([sys.path, packages]), json.dumps(given)]


def environment() -> dict[str, str]:
    """Return the environment of the child: one thread, since each takes memory of its own."""
    return os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}


def ended(path: Path, code: int, late: bool, seconds: float, memory: int) -> ModelFormatError:
    """Return the error for a child that ended without an answer."""
    advice = "the file is damaged or hostile; a sound one that needs more is read with larger seconds= and memory="
    if late:
        found, expected = "a file whose reading takes too long", f"at most {seconds:g} s"
    elif code == OUT_OF_MEMORY:
        found, expected = "a file whose reading takes too much memory", f"at most {memory:,} bytes"
    else:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        found, expected = f"a file that ends the process that reads it ({name})", "a whole .mat file"
    return ModelFormatError(found, expected, advice, path=path)
