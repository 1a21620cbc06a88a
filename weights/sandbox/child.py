"""The process in the sandbox: it reads one file and sends the values to its parent.

It has only the memory and the time that it is given, so that a hostile file can end this process and nothing else.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import Limits, Tree
from refvis.weights.sandbox import messages

OUT_OF_MEMORY, FAILED = 77, 78
"""Exit codes of a child that could not answer."""


def main(arguments: str) -> None:
    """Read the file that the `arguments` (JSON) name, and write its values to the original standard output."""
    task: dict[str, Any] = json.loads(arguments)
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to standard error, not into the answer
    limit_process(task["memory"], task["seconds"])
    try:
        try:
            variables = reader(task["kind"])(task["path"], Limits(**task["limits"]))
        except ModelFormatError as error:
            messages.send_error(stream, error)
        else:
            messages.send(stream, variables)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException:
        os._exit(FAILED)
    stream.close()
    os._exit(0)  # at once: after a damaged file, the HDF5 library can crash while it cleans up


def reader(kind: str) -> Callable[[str, Limits], dict[str, Tree]]:
    """Return the function that reads files of a kind, "mat" or "onnx"."""
    if kind == "mat":
        return read_mat
    from refvis.weights.onnx.file import read_file  # here, since it needs a package that may not be installed

    return read_file


def limit_process(memory: int, seconds: float) -> None:
    """Bound this process to `memory` bytes and `seconds` of computing, as far as the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, int(seconds) + 2), (resource.RLIMIT_CORE, 0)]
    for kind, limit in limits:
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):  # macOS cannot bound the address space
            print(f"refvis: no limit {kind}", file=sys.stderr)
