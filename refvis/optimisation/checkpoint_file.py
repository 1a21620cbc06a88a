"""File of a checkpoint: an .npz archive whose comment, which ends the file, is a checksum of all bytes before it.

So any change is found before a byte is interpreted.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from refvis.layers import Array
from refvis.weights.regular_files import open_regular

MARK = b"refvis checkpoint; SHA-256 of all bytes before it "
DIGITS = 64
"""The comment is the mark, and the digest in so many hexadecimal digits."""

ADVICE = "remove the file, and the run starts anew"


class CheckpointError(ValueError):
    """A file is no checkpoint, is damaged, or is that of another run.

    The message names the file, what was found, what was expected, and what to do.

    >>> from refvis.optimisation.checkpoint import CheckpointError
    >>> print(CheckpointError("run.npz", "z is 2 x 3 float64", "2 x 3 float32"))
    run.npz: z is 2 x 3 float64, expected 2 x 3 float32: remove the file, and the run starts anew
    """

    def __init__(self, path: Path | str, found: str, expected: str, advice: str = ADVICE) -> None:
        super().__init__(path, found, expected, advice)

    def __str__(self) -> str:
        path, found, expected, advice = self.args
        return f"{path}: {found}, expected {expected}: {advice}"


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Return the file with these arrays.

    >>> import numpy as np
    >>> from refvis.optimisation.checkpoint_file import pack
    >>> pack({"z": np.zeros(3)})[-84:-64]
    b'all bytes before it '
    """
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    with zipfile.ZipFile(archive, "a") as file:
        file.comment = MARK + b"0" * DIGITS
    data = archive.getvalue()[:-DIGITS]
    return data + hashlib.sha256(data).hexdigest().encode()


def unpack(path: Path) -> dict[str, Array]:
    """Return the arrays in the file `path`.

    Raises FileNotFoundError if there is no file, another OSError if it cannot be read, and CheckpointError unless its
    checksum is right.
    """
    with open_regular(path, "checkpoint") as file:
        data = file.read()
    body, mark, digest = data[:-DIGITS], data[-DIGITS - len(MARK) : -DIGITS], data[-DIGITS:]
    if mark != MARK:
        raise CheckpointError(path, _unsigned(data), "a refvis checkpoint, which ends with its checksum")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise CheckpointError(path, "the checksum is wrong: the file is damaged", "what refvis wrote")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # only a forged file comes here; zipfile and NumPy raise anything
        raise CheckpointError(path, f"no arrays ({error})", "a refvis checkpoint") from error


def _unsigned(data: bytes) -> str:
    """Return what a file without checksum is."""
    if not data:
        return "an empty file"
    if not data.startswith(b"PK"):
        return f"another kind of file, beginning {data[:8].hex(' ')}"
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "a file that is cut off or damaged"
    return "an .npz file without checksum, of an older refvis or of another program"
