"""Results as files: HDF5 with all that was computed, or a picture; both with the record of how it was made."""

from pathlib import Path
from typing import Any

from refvis.files import write_whole
from refvis.layers import Array
from refvis.results.record import Record


def on_host(array: Array) -> Array:
    """Return an array of CuPy's as NumPy's, one of NumPy's as it is."""
    return array.get() if hasattr(array, "get") else array


def png(picture: Array, enlarge: int = 1, made: Record | None = None) -> bytes:
    """Return a picture (H x W x 3 uint8) as a PNG file, each pixel shown as a square of `enlarge` pixels.

    The record is kept as texts of the file, by the names that its attributes have in an .h5 file.
    """
    import io

    from PIL import Image, PngImagePlugin

    texts, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    for name, value in (made.flat() if made else {}).items():
        texts.add_itxt(name, str(value))
    Image.fromarray(picture.repeat(enlarge, axis=0).repeat(enlarge, axis=1)).save(buffer, "png", pnginfo=texts)
    return buffer.getvalue()


def write_h5(group: Any, arrays: dict[str, Array], made: Record) -> None:
    """Write arrays and the record (as attributes) into an open h5py file or group."""
    for name, array in arrays.items():
        group.create_dataset(name, data=array, compression="gzip" if array.ndim else None)
    group.attrs.update(made.flat())


def save_result(path: str | Path, arrays: dict[str, Array], made: Record, shown: Any) -> None:
    """Write a result, whole or not at all: its arrays as .h5, or the picture that `shown` returns as .png.

    Raises ValueError for another suffix.
    """

    def h5(part: Path) -> None:
        import h5py

        with h5py.File(part, "w") as file:
            write_h5(file, arrays, made)

    def image(part: Path) -> None:
        part.write_bytes(png(shown(), made=made))

    writers = {".h5": h5, ".png": image}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise ValueError(f"cannot write {str(path)!r}: expected a name that ends in {' or '.join(writers)}")
    write_whole(path, writers[suffix])
