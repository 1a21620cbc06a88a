"""The caller's side of the sandbox: it starts the child process, bounds its time, and receives the values.

Whatever the file does to the child, the caller goes on.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat import matfile
from refvis.weights.mat.matfile import require_file
from refvis.weights.mat.tree import Limits, Tree
from refvis.weights.onnx import file
from refvis.weights.onnx.file import package
from refvis.weights.sandbox import messages
from refvis.weights.sandbox.child import OUT_OF_MEMORY

SECONDS, MEMORY = 10.0, 2**30
"""The limits for a small file; a large one gets more of both, see `process_limits`."""

# The child starts isolated (-I), without the current folder and PYTHONPATH; then it gets the folders of
# `import_folders`. The two packages are set up by hand, to skip what their __init__ would import.
BOOTSTRAP = """
import json, sys, types
paths, packages = json.loads(sys.argv[1])
sys.path[:] = paths
for name, folder in packages.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from refvis.weights.sandbox.child import main
main(sys.argv[2])
"""


EXPECTED = {"mat": matfile.EXPECTED, "onnx": file.EXPECTED}
"""What a file of each kind should be."""


def read_in_sandbox(
    path: str | Path, limits: Limits, seconds: float | None = None, memory: int | None = None, kind: str = "mat"
) -> dict[str, Tree]:
    """Return the plain values of the file `path`, read in a child process with `seconds` and `memory` (bytes).

    `kind` is "mat" or "onnx". Raises what ``read_mat`` or ``onnx.file.read_file`` raises, and ModelFormatError if the
    child crashes, or exceeds its memory or time.
    """
    path = require_file(path, EXPECTED[kind])
    if kind == "onnx":
        package()  # it has to be there, which the child cannot say
    seconds, memory = process_limits(path, seconds, memory)
    task = {"path": str(path.absolute()), "kind": kind, "limits": asdict(limits), "seconds": seconds, "memory": memory}
    line, quiet = command_line(task), subprocess.DEVNULL
    with subprocess.Popen(line, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, env=environment()) as child:
        timed_out = threading.Event()
        timer = threading.Timer(seconds, end_late_child, (child, timed_out))
        timer.start()
        try:
            return receive_variables(child, limits)
        except ModelFormatError as error:
            error.path = path
            raise
        except MemoryError:  # this process ran out of memory, not the child
            raise
        except Exception as error:  # the child sent something else, or nothing
            raise no_answer_error(path, exit_code(child), timed_out.is_set(), seconds, memory) from error
        finally:
            timer.cancel()
            child.kill()


def process_limits(path: Path, seconds: float | None, memory: int | None) -> tuple[float, int]:
    """Return the limits for a file: as given, else 10 s and a second per 20 MB, 1 GB and six times the file's size.

    Files beside it whose names begin with its own count, too: an ONNX model may keep its weights there.
    """
    size = sum(one.stat().st_size for one in path.parent.glob(f"{glob.escape(path.name)}*") if one.is_file())
    return (SECONDS + size / 20e6 if seconds is None else seconds), (MEMORY + 6 * size if memory is None else memory)


def end_late_child(child: "subprocess.Popen[bytes]", timed_out: threading.Event) -> None:
    """Kill a child whose time is over, and set `timed_out`."""
    timed_out.set()
    child.kill()


def exit_code(child: "subprocess.Popen[bytes]") -> int:
    """Return the exit code of a child that has stopped answering; one that still runs is killed."""
    try:
        return child.wait(timeout=1)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def receive_variables(child: "subprocess.Popen[bytes]", limits: Limits) -> dict[str, Tree]:
    """Return the variables that the child sends."""
    if child.stdout is None:
        raise EOFError("the child has no output")
    variables = messages.receive(child.stdout, limits)
    if not isinstance(variables, dict):
        raise ValueError("an answer without variables")
    return variables


def command_line(task: dict[str, object]) -> list[str]:
    """Return the command line of the child."""
    if not sys.executable:
        raise OSError("isolate=True starts a Python process, but sys.executable is empty here: use isolate=False")
    packages = {name: str(next(iter(sys.modules[name].__path__))) for name in ("refvis", "refvis.weights")}
    return [sys.executable, "-I", "-c", BOOTSTRAP, json.dumps([import_folders(), packages]), json.dumps(task)]


def import_folders() -> list[str]:
    """Return the folders from which the child imports: the absolute ones of this process, but not the current folder.

    A folder with a model may hold Python files, too, and "" (interactive sessions, ``python -c``) and other relative
    entries of `sys.path` lead there. NumPy's own folder comes last if it is not among the others.
    """
    absolute = [folder for folder in sys.path if isinstance(folder, str) and os.path.isabs(folder)]
    folders = [folder for folder in absolute if not is_current(folder)]
    own = str(Path(np.__file__).resolve().parents[1])
    return folders if own in map(os.path.realpath, folders) else [*folders, own]


def is_current(folder: str) -> bool:
    """Whether a folder is the current one, under whatever name."""
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:  # there is no such folder, which does no harm
        return False


def environment() -> dict[str, str]:
    """Return the environment of the child: one thread, since each thread takes memory of its own."""
    return os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}


def no_answer_error(path: Path, code: int, timed_out: bool, seconds: float, memory: int) -> ModelFormatError:
    """Return the error for a child that ended with the exit code `code` and without an answer."""
    advice = "the file is damaged or hostile; if it is sound, give more with seconds= and memory="
    if timed_out:
        found, expected = "reading took too long", f"at most {seconds:g} s"
    elif code == OUT_OF_MEMORY:
        found, expected = "reading took too much memory", f"at most {memory:,} bytes"
    else:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        found, expected = f"the process that read the file ended without a result ({name})", "a complete file"
    return ModelFormatError(found, expected, advice, path=path)
