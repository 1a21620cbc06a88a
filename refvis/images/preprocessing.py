"""Preprocessing of images: files and arrays to pixels, resizing, average images. Values are 0 ... 255 throughout."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from refvis.layers import Array
from refvis.layers.base.arrays import require_finite, to_host
from refvis.weights.regular_files import open_regular

ImageLike: TypeAlias = "str | Path | Image.Image | Array"
"""A file, a PIL image, or an array H x W x C or H x W of values 0 ... 255."""

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "triangle": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "lanczos3": Image.Resampling.LANCZOS,
}
"""MATLAB's names. Pillow's filters widen when they shrink an image, as imresize does by default (antialiasing)."""


def pixels(image: ImageLike, channels: int | None = 3) -> Array:
    """Return an image as H x W x C float32, 0 ... 255.

    `image` is a file, a PIL image, or an array H x W x C or H x W of values 0 ... 255. With `channels` 1 or 3 the image
    is converted to gray (MATLAB's rgb2gray, ITU-R BT.601) or RGB; otherwise it keeps its channels. Files are turned
    upright by their EXIF orientation, 16-bit values are scaled to 0 ... 255, and transparent pixels become white.

    Raises FileNotFoundError for a missing file, OSError for a folder, a named pipe or a device, and ValueError for
    anything that is not an image, for more than ``PIL.Image.MAX_IMAGE_PIXELS`` pixels, and for NaN. Warns of
    floats that all lie between -1 and 1.

    >>> import numpy as np
    >>> from refvis import images
    >>> images.pixels(np.full((2, 4), 255, "uint8")).shape
    (2, 4, 3)
    """
    if isinstance(image, str | Path):
        values = _from_file(Path(image))
    elif isinstance(image, Image.Image):
        values = _from_pil(image)
    else:
        values = _from_array(image)
    if channels == 3 and values.shape[2] == 1:
        return np.repeat(values, 3, axis=2)
    if channels == 1 and values.shape[2] == 3:
        return values @ np.array([[0.298936], [0.587043], [0.114021]], "float32")  # MATLAB's rgb2gray (ITU-R BT.601)
    return values


def resize(image: Array, size: tuple[int, int] | None, interpolation: str = "bicubic") -> Array:
    """Return an image H x W x C resized to `size` (height, width), each channel in float; unchanged for None.

    `interpolation` is a name of `FILTERS`; unknown names stand for "bicubic". Shrinking smooths, as MATLAB's imresize
    does by default (antialiasing).

    >>> import numpy as np
    >>> from refvis import images
    >>> images.resize(np.zeros((8, 6, 3), "float32"), (4, 3)).shape
    (4, 3, 3)
    """
    if size is None or image.shape[:2] == size:
        return image
    resample = FILTERS.get(interpolation, Image.Resampling.BICUBIC)
    planes = [Image.fromarray(image[..., k]).resize((size[1], size[0]), resample) for k in range(image.shape[2])]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def cut_centre(
    image: Array, size: tuple[int, int], share: tuple[float, float] = (1.0, 1.0), keep_aspect: bool = True
) -> Array:
    """Return the centre of an image H x W x C, which is then resized to `size` (height, width): a view.

    It has the shares (of the height, of the width) of the largest rectangle in the image that has the proportions of
    `size`, or, unless `keep_aspect`, of the whole image; rounded to pixels, at least one. This is what MatConvNet's
    `vl_imreadjpeg` cuts out, by its options CropSize and CropAnisotropy, when `cnn_imagenet_evaluate` reads images.

    >>> import numpy as np
    >>> from refvis import images
    >>> images.cut_centre(np.zeros((64, 100, 3), "float32"), (32, 32), (0.875, 0.875)).shape
    (56, 56, 3)
    """
    height, width = image.shape[:2]
    scale = min(height / size[0], width / size[1])
    whole = (scale * size[0], scale * size[1]) if keep_aspect else (height, width)
    rows, columns = (
        max(1, min(int(np.floor(part * extent + 0.5)), most))  # C rounds halves up
        for part, extent, most in zip(share, whole, (height, width), strict=True)
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


def subtract_average(image: Array, average: Any) -> Array:
    """Return an image H x W x C minus the average image, as contiguous float32.

    `average` is H x W x C, or one value per channel; None: nothing is subtracted. Raises ValueError if its height,
    width or channels do not fit the image.

    >>> import numpy as np
    >>> from refvis import images
    >>> images.subtract_average(np.full((1, 1, 3), 10.0), [1, 2, 3]).ravel()
    array([9., 8., 7.], dtype=float32)
    """
    if average is None:
        return np.ascontiguousarray(image, "float32")
    average = np.asarray(average, "float32")
    require_fit(average, image, "averageImage")
    return np.ascontiguousarray(image - average, "float32")


def require_fit(values: Array, image: Array, name: str) -> None:
    """Raise ValueError unless the entry `name` of meta.normalization, H x W x C or C numbers, fits an image."""
    if values.ndim == 3 and values.shape[:2] not in ((1, 1), image.shape[:2]):
        raise ValueError(
            f"meta.normalization.{name} is {' x '.join(map(str, values.shape))} and the image "
            f"{image.shape[0]} x {image.shape[1]}: expected equal height and width, or 1 x 1"
        )
    if values.shape[-1] not in (1, image.shape[2]):
        raise ValueError(
            f"meta.normalization.{name} has {values.shape[-1]} channels and the image {image.shape[2]}: "
            "give an image with as many channels as the network was trained on"
        )


def picture(x: Array, average: Any = None, *, factor: float = 1.0, std: Any = None) -> Array:
    """Return a network's input (1 x H x W x C) as a picture, H x W x 3 uint8: (x * std + average) / factor.

    This undoes ``Network.preprocess``. By default only the average image is added back, if there is one. Values are
    rounded and clipped to 0 ... 255. Inputs with other than 3 channels show their first channel in gray.

    >>> import numpy as np
    >>> from refvis import images
    >>> images.picture(np.full((1, 1, 1, 3), 9.6), average=[1, 2, 300]).ravel()
    array([ 11,  12, 255], dtype=uint8)
    """
    values = to_host(x)[0]
    if std is not None:
        values = values * np.asarray(std, values.dtype)
    if average is not None:
        values = values + np.asarray(average, values.dtype)
    if factor != 1:
        values = values / factor
    rounded = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded if rounded.shape[2] == 3 else np.repeat(rounded[..., :1], 3, axis=2)


def _from_file(path: Path) -> Array:
    with open_regular(path, "image") as file:
        return _decoded(file, path)


def _decoded(file: IO[bytes], path: Path) -> Array:
    try:
        with _refuse_large_images(), Image.open(file, formats=_formats()) as image:
            return _from_pil(image)
    except MemoryError:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image that can be read: expected PNG, JPEG, BMP, TIFF, ...") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{Image.MAX_IMAGE_PIXELS:,} pixels"
        raise ValueError(f"{path} is too large an image, expected at most {most}: make it smaller first") from None
    except Exception as error:  # Pillow's readers let any error pass that a damaged file causes
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} is a damaged image: {reason}") from None


@contextmanager
def _refuse_large_images() -> Iterator[None]:
    """Make an error of Pillow's warning that an image has more than ``Image.MAX_IMAGE_PIXELS`` pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@cache
def _formats() -> list[str]:
    """Return the formats that Pillow reads by itself. For EPS it runs Ghostscript on the file."""
    Image.init()
    return [name for name in Image.ID if name != "EPS"]


def _from_pil(image: Image.Image) -> Array:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        return np.asarray(upright, "float32")[..., None] / 257  # 16 bits to 0 ... 255
    if upright.mode == "F":
        return _from_array(np.asarray(upright))
    gray = upright.mode in ("1", "L") and "transparency" not in upright.info
    flat = upright.convert("L") if gray else _on_white(upright)
    values = np.asarray(flat, "float32")
    return values[..., None] if gray else values


def _on_white(image: Image.Image) -> Image.Image:
    """Return the image in RGB, with white behind transparent pixels."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    paper = Image.new("RGBA", clear.size, "white")
    paper.alpha_composite(clear)
    return paper.convert("RGB")


def _from_array(array: Array) -> Array:
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        what = f"array of shape {array.shape}, {array.dtype}" if hasattr(array, "dtype") else type(array).__name__
        raise ValueError(f"expected a path, a PIL image or an array H x W x C of numbers 0 ... 255, found: {what}")
    values = array[..., None] if array.ndim == 2 else array
    if min(values.shape) < 1:
        raise ValueError(f"the image is empty: its shape is {array.shape}")
    require_finite(values, "the image")
    _warn_of_fractions(values)
    return np.ascontiguousarray(values, "float32")


def _warn_of_fractions(values: Array) -> None:
    """Warn of floats between -1 and 1: many libraries use 0 ... 1, which is almost black on the scale 0 ... 255."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and 0 < max(-low, high) <= 1:
        warnings.warn(
            f"the image's values lie in {low:.3g} ... {high:.3g}, expected 0 ... 255: multiply them by 255 if white is "
            "1, or give an image that is as dark as this as uint8",
            stacklevel=5,
        )
