"""Files with an average image: .npy, and .mat files that hold one, such as MatConvNet's image databases."""

from pathlib import Path
from typing import IO, Any

from refvis.layers import Array


def read_average(path: Path) -> Array:
    """Return the average image in a .npy or .mat file, H x W x C or C numbers, float32.

    Raises OSError for a file that cannot be read, and ValueError for anything else than finite numbers.
    """
    import numpy as np

    from refvis.weights.mat.matfile import has_hdf5_signature
    from refvis.weights.regular_files import open_regular

    with open_regular(path, "average image") as file:
        start = file.read(8192)
        if start[124:128] in (b"\x00\x01IM", b"\x01\x00MI") or has_hdf5_signature(start):
            average = _average_in_mat_file(path)
        elif start[:4] == b"PK\x03\x04":
            raise ValueError(f"{path} is a ZIP or .npz file, expected a .npy file: write one array by numpy.save")
        else:
            file.seek(0)
            average = _average_in_npy_file(file, path)
    if average.dtype.kind not in "fiub" or average.ndim not in (1, 3) or average.size == 0:
        what = f"{average.dtype} of shape {average.shape}"
        raise ValueError(f"{path} holds {what}, expected numbers: H x W x C, or one value per channel")
    with np.errstate(over="ignore"):
        average = average.astype("float32")
    if not np.isfinite(average).all():
        raise ValueError(f"{path} holds values that are NaN or infinite, or too large for float32")
    return average


def _average_in_npy_file(file: IO[bytes], path: Path) -> Array:
    """Return the array in an open .npy file; ValueError for any other file, and for one with Python objects."""
    import numpy as np

    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise ValueError, EOFError, TypeError, MemoryError, ...
        words = "it holds Python objects" if "pickle" in str(error) else str(error) or type(error).__name__
        raise ValueError(f"{path} is neither a .npy file of numbers nor a .mat file: {words}") from None


def _average_in_mat_file(path: Path) -> Any:
    """Return the only array in a .mat file that has one of the names of average images."""
    from refvis.layers import memory_limit_bytes
    from refvis.weights import Limits
    from refvis.weights.matconvnet.normalization import AVERAGES, image_values, is_number
    from refvis.weights.sandbox.parent import read_in_sandbox

    variables = read_in_sandbox(path, Limits(memory=memory_limit_bytes() // 2), None, None)
    structs = {"": variables}
    for name, value in variables.items():
        if isinstance(value, dict):
            structs[f"{name}."] = value
            structs |= {f"{name}.{inner}.": entry for inner, entry in value.items() if isinstance(entry, dict)}
    named = {f"{prefix}{name}": struct.get(name) for prefix, struct in structs.items() for name in AVERAGES}
    places = {place: value for place, value in named.items() if is_number(value)}
    if not places and len(variables) == 1 and is_number(next(iter(variables.values()))):
        places = variables
    if len(places) != 1:
        held = ", ".join(places or variables) or "nothing"
        raise ValueError(f"{path} holds {held}, expected one average image, such as images.data_mean or averageImage")
    return image_values(next(iter(places.values())), "averageImage", lambda *remark: None)
