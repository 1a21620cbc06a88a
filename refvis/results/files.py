"""Files of results: HDF5 with every array, or a PNG picture, both with the record of how the result was made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from refvis.layers import Array
from refvis.results.record import Record
from refvis.weights.whole_files import write_bytes


def png(picture: Array, enlarge: int = 1, record: Record | None = None) -> bytes:
    """Return a picture (H x W x 3 uint8) as a PNG file, each pixel as a square of `enlarge` x `enlarge` pixels.

    The record is stored as texts of the file, under the names that its attributes have in an .h5 file.

    >>> import numpy as np
    >>> from refvis.results import png
    >>> png(np.zeros((2, 2, 3), "uint8"), enlarge=4)[1:4]
    b'PNG'
    """
    import io

    from PIL import Image, PngImagePlugin

    texts, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    for name, value in (record.flat() if record else {}).items():
        texts.add_itxt(name, str(value))
    Image.fromarray(picture.repeat(enlarge, axis=0).repeat(enlarge, axis=1)).save(buffer, "png", pnginfo=texts)
    return buffer.getvalue()


def h5(fill: Callable[[Any], None]) -> bytes:
    """Return the HDF5 file that ``fill(file)`` fills; `file` is an open h5py file, in memory.

    The HDF5 library never writes to a disk itself: it crashes the process where the disk is full.

    >>> from refvis.results.files import h5
    >>> h5(lambda file: file.create_dataset("values", data=[1, 2]))[1:4]
    b'HDF'
    """
    import h5py

    with h5py.File("result.h5", "w", driver="core", backing_store=False) as file:
        fill(file)
        file.flush()
        return bytes(file.id.get_file_image())


def write_h5(group: Any, arrays: dict[str, Array], record: Record) -> None:
    """Write arrays as datasets, and the record as attributes, into an open h5py file or group.

    >>> import h5py, numpy as np
    >>> from refvis.results import Record, write_h5
    >>> with h5py.File("result.h5", "w", driver="core", backing_store=False) as file:
    ...     write_h5(file, {"values": np.zeros(3)}, Record("mine", {"at": "x1"}, "net", "0123"))
    ...     sorted(file), file.attrs["method"], file.attrs["parameter at"]
    (['values'], 'mine', 'x1')
    """
    for name, array in arrays.items():
        group.create_dataset(name, data=array, compression="gzip" if array.ndim else None)
    group.attrs.update(record.flat())


def save_result(path: str | Path, arrays: dict[str, Array], record: Record, picture: Callable[[], Array]) -> None:
    """Write a result, whole or not at all: its arrays as .h5, or the picture that `picture()` returns as .png.

    Raises ValueError for another suffix.
    """
    if check_suffix(path) == ".h5":
        write_bytes(path, h5(lambda file: write_h5(file, arrays, record)))
    else:
        write_bytes(path, png(picture(), record=record))


def check_suffix(path: str | Path) -> str:
    """Return the suffix of a result's file in lower case; ValueError unless it is .png or .h5."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".h5"):
        raise ValueError(f"cannot write {str(path)!r}: expected a name that ends in .png or .h5")
    return suffix
