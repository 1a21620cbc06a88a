"""Reader of .mat files of every version that can hold a network: v5, v6, v7, and v7.3 (HDF5)."""

from pathlib import Path

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import DEFAULT_LIMITS, Limits, Tree
from refvis.weights.regular_files import special_kind

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
EXPECTED = "a MATLAB .mat file (v5, v6, v7 or v7.3)"

# First bytes of other kinds of file, with advice for those that people take for a model.
SIGNATURES = (
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"GIF8", "a GIF image", ""),
    (
        b"PK\x03\x04",
        "a ZIP archive",
        "unpack it first; refvis does not read PyTorch's .pt files, which are ZIP archives too",
    ),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"%PDF", "a PDF document", ""),
    (b"\x80", "a Python pickle", ""),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with git lfs pull"),
    (b"# Created by Octave", "Octave's own text format", "save it again in Octave with save -v7"),
    (b"<!DOCTYPE", "a web page", "the download probably failed: fetch the file itself"),
    (b"<html", "a web page", "the download probably failed: fetch the file itself"),
)


def read_mat(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, Tree]:
    """Return the variables of the .mat file `path` by name, in plain Python values.

    `path` is a file of MATLAB's version 5, 6, 7 or 7.3; `limits` bound what it may hold. A struct becomes a dict, a
    struct array a list of dicts, a cell a list, text a str, numbers an array of MATLAB's shape and class, anything
    else an `Opaque`. Raises FileNotFoundError if there is no such file, and ModelFormatError if it is not a .mat file,
    is damaged, or declares more than `limits` allow.

    >>> from refvis.weights import bundled_path, read_mat
    >>> variables = read_mat(bundled_path("scenes"))
    >>> variables["net"]["layers"][0]["type"]
    'conv'
    """
    path = require_file(path)
    try:
        return _read(path, limits)
    except ModelFormatError as error:
        error.path = path
        raise


def require_file(path: str | Path, expected: str = EXPECTED) -> Path:
    """Return `path` as a Path; `expected` is what its file should be.

    Raises FileNotFoundError if there is no such file, and ModelFormatError for a folder, a named pipe or a device.
    """
    path = Path(path)
    if path.is_dir():
        raise ModelFormatError("a folder", expected, "give the path of a file in it", path=path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file, expected {expected}")
    special = special_kind(path.stat().st_mode)
    if special:
        raise ModelFormatError(special, expected, "save the model in a file first", path=path)
    return path


def _read(path: Path, limits: Limits) -> dict[str, Tree]:
    # The readers are imported here, so that a format's library is loaded only for a file that needs it.
    with path.open("rb") as file:
        start = file.read(8192)
    if has_hdf5_signature(start):
        from refvis.weights.mat.hdf5 import read_hdf5

        return read_hdf5(path, limits)
    if start[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        from refvis.weights.mat.v5 import read_v5

        return read_v5(path, limits)
    raise not_a_mat_file_error(start)


def has_hdf5_signature(start: bytes) -> bool:
    """Whether HDF5's signature stands at one of its places: 0, 512 (MATLAB's), 1024, 2048 or 4096."""
    return any(start[at : at + 8] == HDF5_SIGNATURE for at in (0, 512, 1024, 2048, 4096))


def not_a_mat_file_error(start: bytes) -> ModelFormatError:
    """Return the error that names the kind of file that begins with the bytes `start`."""
    if not start.strip(b"\x00"):
        return ModelFormatError("an empty file" if not start else "a file of zeros", EXPECTED, "fetch it again")
    for signature, name, advice in SIGNATURES:
        if start.lstrip().lower().startswith(signature.lower()):
            return ModelFormatError(f"looks like {name}", EXPECTED, advice)
    if start.startswith(b"MATLAB"):
        return ModelFormatError("a .mat file cut off in its header", EXPECTED, "fetch it again")
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):
        return ModelFormatError(f"looks like text, beginning {start[:30].decode('utf-8', 'replace')!r}", EXPECTED)
    return ModelFormatError(
        f"an unknown kind of file, beginning {start[:8].hex(' ')}",
        EXPECTED,
        "a file of MATLAB 4 or older cannot hold a network",
    )
