"""What runs in the child process that ``isolate=True`` starts: one file is read, its values are sent to the parent.

The process has no more memory and time than it is given, so that a hostile file can end it and nothing else.
"""

import json
import os
import sys
from typing import Any

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import Limits
from refvis.weights.sandbox import wire


def main(arguments: str) -> None:
    """Read the file that the `arguments` (JSON) name, and write it to what was the standard output."""
    given: dict[str, Any] = json.loads(arguments)
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not get between
    bound(given["memory"], given["seconds"])
    try:
        try:
            value = read_mat(given["path"], Limits(**given["limits"]))
        except ModelFormatError as error:
            wire.send_error(stream, error)
        else:
            wire.send(stream, value)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException:
        os._exit(BROKEN)
    stream.close()
    os._exit(0)  # a damaged HDF5 file can crash while its library cleans up


OUT_OF_MEMORY, BROKEN = 77, 78
"""How the process ends where it cannot say more."""


def bound(memory: int, seconds: float) -> None:
    """Let this process have so many bytes of memory and seconds of computing, where the system can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, int(seconds) + 2), (resource.RLIMIT_CORE, 0)]
    for kind, limit in limits:
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):  # macOS knows no bound of the address space
            print(f"refvis: no limit {kind}", file=sys.stderr)
