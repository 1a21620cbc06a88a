"""Images in and out: files and arrays to pixels, sizes, and average images. Values are 0 ... 255 throughout."""

import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from refvis.layers import Array

ImageLike: TypeAlias = "str | Path | Image.Image | Array"
"""A file, a PIL image, or an array H x W x C or H x W of values 0 ... 255."""

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "lanczos3": Image.Resampling.LANCZOS,
}
"""MATLAB's names. Pillow's filters widen when they shrink an image, as imresize does by default (antialiasing)."""


def pixels(image: ImageLike, channels: int | None = 3) -> Array:
    """Return an image as H x W x C float32, 0 ... 255; C is `channels` where that is 1 or 3, else what the image has.

    Files are turned upright by their EXIF orientation. Raises ValueError for what is no image, and for NaN; warns of
    floats that all lie between -1 and 1.
    """
    if isinstance(image, str | Path):
        found = _opened(Path(image))
    elif isinstance(image, Image.Image):
        found = _of_pil(image)
    else:
        found = _of_array(image)
    if channels == 3 and found.shape[2] == 1:
        return np.repeat(found, 3, axis=2)
    if channels == 1 and found.shape[2] == 3:
        return found @ np.array([[0.298936], [0.587043], [0.114021]], "float32")  # MATLAB's rgb2gray (ITU-R BT.601)
    return found


def resized(image: Array, size: tuple[int, int] | None, interpolation: str = "bicubic") -> Array:
    """Return an image H x W x C resized to `size` (height, width), each channel in float; None: as it is."""
    if size is None or image.shape[:2] == size:
        return image
    resample = FILTERS.get(interpolation, Image.Resampling.BICUBIC)
    planes = [Image.fromarray(image[..., k]).resize((size[1], size[0]), resample) for k in range(image.shape[2])]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def centred(image: Array, average: Any) -> Array:
    """Return the image less the average image (H x W x C, or one value per channel, or None); float32, contiguous."""
    if average is None:
        return np.ascontiguousarray(image, "float32")
    average = np.asarray(average, "float32")
    if average.ndim == 3 and average.shape[:2] not in ((1, 1), image.shape[:2]):
        raise ValueError(
            f"meta.normalization.averageImage is {' x '.join(map(str, average.shape))} and the image "
            f"{image.shape[0]} x {image.shape[1]}: expected equal height and width, or 1 x 1"
        )
    if average.shape[-1] not in (1, image.shape[2]):
        raise ValueError(
            f"meta.normalization.averageImage has {average.shape[-1]} channels and the image {image.shape[2]}: "
            "give an image with as many channels as the network was trained on"
        )
    return np.ascontiguousarray(image - average, "float32")


def picture(x: Array, average: Any = None) -> Array:
    """Return a network's input (1 x H x W x C) as a picture, H x W x 3 uint8, with the average added back."""
    host = x.get() if hasattr(x, "get") else x
    values = host[0] if average is None else host[0] + np.asarray(average, host.dtype)
    shown = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return shown if shown.shape[2] == 3 else np.repeat(shown[..., :1], 3, axis=2)


def _opened(path: Path) -> Array:
    try:
        with Image.open(path) as file:
            return _of_pil(file)
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image that can be read: expected PNG, JPEG, BMP, TIFF, ...") from None
    except (Image.DecompressionBombError, SyntaxError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(f"there is no image {str(path)!r}") from None
        if isinstance(error, IsADirectoryError):
            raise IsADirectoryError(f"{str(path)!r} is a folder, expected an image") from None
        if isinstance(error, PermissionError):
            raise
        raise ValueError(f"{path} is a damaged image: {error}") from None


def _of_pil(image: Image.Image) -> Array:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        return np.asarray(upright, "float32")[..., None] / 257  # 16 bits to 0 ... 255
    if upright.mode == "F":
        return _of_array(np.asarray(upright))
    gray = upright.mode in ("1", "L") and "transparency" not in upright.info
    flat = upright.convert("L") if gray else _on_white(upright)
    values = np.asarray(flat, "float32")
    return values[..., None] if gray else values


def _on_white(image: Image.Image) -> Image.Image:
    """Return the image in RGB; what is transparent shows white paper."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    paper = Image.new("RGBA", clear.size, "white")
    paper.alpha_composite(clear)
    return paper.convert("RGB")


def _of_array(array: Array) -> Array:
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        what = f"array of shape {array.shape}, {array.dtype}" if hasattr(array, "dtype") else type(array).__name__
        raise ValueError(f"expected a path, a PIL image or an array H x W x C of numbers 0 ... 255, found: {what}")
    values = array[..., None] if array.ndim == 2 else array
    if min(values.shape) < 1:
        raise ValueError(f"the image is empty: its shape is {array.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"the image holds {int((~np.isfinite(values)).sum())} values that are NaN or infinite")
    _warn_of_small(values)
    return np.ascontiguousarray(values, "float32")


def _warn_of_small(values: Array) -> None:
    """Warn of fractions between -1 and 1: they are 0 ... 1 in many libraries, and all but black on 0 ... 255."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and 0 < max(-low, high) <= 1:
        warnings.warn(
            f"the image's values lie in {low:.3g} ... {high:.3g}, expected 0 ... 255: multiply them by 255 if white is "
            "1, or give an image that is as dark as this as uint8",
            stacklevel=5,
        )
