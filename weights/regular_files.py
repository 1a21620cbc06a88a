"""Opening of files that a user names. A named pipe or a device, which could keep the reader waiting, is refused."""

import os
import stat
from pathlib import Path
from typing import IO

KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
"""Tests of a mode, and what a file is that passes: everything but regular files and folders."""


class IrregularFileError(OSError):
    """What a user names as a file is a named pipe, a device or a socket."""


def special_kind(mode: int) -> str:
    """Return what a file of that mode is, "a named pipe" for one; "" for a regular file or a folder."""
    return next((name for is_kind, name in KINDS if is_kind(mode)), "")


def open_regular(path: str | Path, what: str) -> IO[bytes]:
    """Return the file at `path`, open for reading; `what` names its contents in errors, such as "image".

    It returns at once, also for a named pipe that nobody writes to. Raises FileNotFoundError if there is no such file,
    IsADirectoryError for a folder, IrregularFileError for a named pipe, a device or a socket, and another OSError for
    what cannot be read.

    >>> from refvis.weights.regular_files import open_regular
    >>> open_regular("/dev/null", "image")
    Traceback (most recent call last):
    refvis.weights.regular_files.IrregularFileError: '/dev/null' is a device, expected a file: save the image first
    """
    name, flags = repr(str(path)), getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, os.O_RDONLY | flags)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no {what} {name}") from None
    except OSError as error:
        kind = PermissionError if isinstance(error, PermissionError) else OSError
        raise kind(f"cannot read the {what} {name}: {error.strerror}") from error
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{name} is a folder, expected a file: the {what}")
    raise IrregularFileError(f"{name} is {special_kind(mode)}, expected a file: save the {what} first")
