"""Atomic writing: a file is written whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | Path, write: Callable[[Path], None]) -> None:
    """Call ``write(part)`` on a temporary file in the same folder, then move it to `path` in one step.

    After an error or an interruption the file that stood at `path` is unchanged, and the temporary file is gone.
    Raises FileNotFoundError if the folder does not exist.
    """
    path = Path(path)
    require_folder(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o666 & ~_umask())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to the file at `path` atomically."""

    def write(part: Path) -> None:
        part.write_bytes(data)

    write_atomically(path, write)


def require_folder(path: Path) -> None:
    """Raise FileNotFoundError unless the folder that `path` is to be written into exists."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
