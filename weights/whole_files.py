"""Writing of files, whole or not at all. Every file that refvis writes is written here."""

import io
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

Write = Callable[[IO[bytes]], None]
"""Write the contents of a file into an open one, which can seek."""


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to the file at `path`, whole or not at all, as `write_whole` does."""

    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_whole(path, write)


def write_whole(path: str | Path, write: Write) -> None:
    """Call ``write(file)`` on a temporary file in the same folder, then move it to `path` in one step.

    After an error or an interruption the file that stood at `path` is unchanged, and the temporary file is gone. A
    symbolic link stays, and the file that it leads to is replaced. The new file has the permissions of the file that it
    replaces, or those that the umask leaves. A device or a named pipe is written to directly.

    Raises FileNotFoundError if the folder does not exist, and OSError with the path and the reason.
    """
    target = require_writable(path)
    put = _write_through if _is_special(_mode(target)) else _replace
    try:
        put(target, write)
    except OSError as error:
        raise _error(type(error), path, error.strerror or str(error), error.errno) from error


def require_writable(path: str | Path) -> Path:
    """Return the file that writing to `path` replaces, with symbolic links followed; raise OSError if that must fail.

    Long computations call it before they start. It looks at the folder and at the permissions, and writes nothing.
    """
    path = Path(path)
    mode = _mode(path)
    if _is_special(mode):
        return path
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise _error(IsADirectoryError, path, "it is a folder, expected the name of a file")
    if not target.parent.is_dir():
        raise _error(FileNotFoundError, path, f"there is no folder {str(_folder_of(path, target))!r}")
    if mode is not None and not os.access(target, os.W_OK):
        raise _error(PermissionError, path, "the file is write-protected")
    _require_access(target.parent, path)
    return target


def require_writable_folder(folder: str | Path) -> None:
    """Raise OSError unless `folder` is one that files can be written into, or can be made."""
    folder = Path(folder)
    _mode(folder)
    there = Path(os.path.realpath(folder))
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise _error(NotADirectoryError, folder, f"{str(there)!r} is a file, expected a folder")
    _require_access(there, folder)


def _folder_of(path: Path, target: Path) -> Path:
    """Return the folder as the user wrote it, unless a symbolic link leads to another."""
    return target.parent if path.is_symlink() else path.parent


def _require_access(folder: Path, path: Path) -> None:
    """Raise PermissionError unless files can be made in the folder, for the sake of `path`."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _error(PermissionError, path, f"no permission to write into the folder {str(folder)!r}")


def _mode(path: Path) -> int | None:
    """Return the kind and permissions of the file at `path`, links followed; None if there is no such file."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # a loop of links, a name that is too long, a folder that may not be searched
        raise _error(type(error), path, error.strerror or str(error), error.errno) from error


def _is_special(mode: int | None) -> bool:
    """Return whether the mode is that of a device, a named pipe or a socket, which cannot be replaced."""
    return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _write_through(path: Path, write: Write) -> None:
    """Write to a device or named pipe. A pipe that nobody reads is an error, where opening it would wait for ever."""
    buffer = io.BytesIO()
    write(buffer)
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "wb") as file:
        os.set_blocking(handle, True)
        file.write(buffer.getvalue())


def _replace(target: Path, write: Write) -> None:
    """Write a temporary file beside the target and move it there, with both on the disk before this returns."""
    part = target.with_name(f".refvis-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            write(file)
            file.flush()
            _copy_permissions(target, part)
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _copy_permissions(target: Path, part: Path) -> None:
    """Give the part the owner, as far as the system lets it, and the permissions of the file that it will replace."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with suppress(OSError, AttributeError):  # only the superuser gives files away; Windows cannot at all
        os.chown(part, old.st_uid, old.st_gid)
    os.chmod(part, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Bring the folder's new entry to the disk, where the system can do that for folders."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _error(kind: type[OSError], path: Path | str, reason: str, number: int | None = None) -> OSError:
    """Return an error whose text is one sentence, without "[Errno 28]"."""
    error = kind(f"cannot write {str(path)!r}: {reason}")
    error.errno = number
    return error
