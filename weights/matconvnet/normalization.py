"""The preprocessing of images in a model's meta data, under all names that MatConvNet and its examples write.

Inputs are x = (image * imageFactor - averageImage) / imageStd, with images of 0 ... 255.
"""

from typing import Any

import numpy as np

from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.mat.whole_numbers import MOST_AXES
from refvis.weights.matconvnet.fields import describe, is_empty
from refvis.weights.matconvnet.plain_values import AddRemark, opaque_advice, plain, without_opaque

AVERAGES = ("averageImage", "imageMean", "rgbMean", "meanImage", "dataMean", "data_mean", "averageColour", "rgb_mean")
"""Names of what is subtracted: MatConvNet's own, the practicals', FCN's (a colour), and those of image databases."""

DEVIATIONS = ("imageStd", "imageSTD", "rgbStd", "dataStd", "data_std", "stdImage")
"""Names of what is divided by; models converted from PyTorch have the first."""

OUTSIDE = {**dict.fromkeys(AVERAGES, "averageImage"), **dict.fromkeys(DEVIATIONS, "imageStd")}
"""Name of an entry of meta, or beside the layers -> the entry of normalization that it is."""

INSIDE = {**OUTSIDE, "mean": "averageImage", "std": "imageStd", "inputSize": "imageSize"}
"""The same for other names in normalization itself."""

NUMBERS = ("imageSize", "averageImage", "imageStd", "imageFactor")
APPLIED = (*NUMBERS, "interpolation", "imageCrop")
"""Entries that ``Network.preprocess`` applies."""

RESIZING = ("border", "cropSize", "keepAspect")
TRAINING = ("rgbVariance", "transformation", "numAugments", "numThreads", "prefetch", "verbose", "gpu")
"""Entries that the loaders of MatConvNet's examples read while they train; they do not change a tested image."""

INTERPOLATIONS = ("bicubic", "cubic", "bilinear", "triangle", "nearest", "box", "lanczos3")
"""MATLAB's names of the filters that resize images here."""


def read_normalization(values: dict[str, Tree], add_remark: AddRemark) -> dict[str, Any]:
    """Return the normalization struct in plain values; a missing cropSize is computed from imageSize and border.

    Entries under other names take MatConvNet's. What changes inputs and is not applied becomes a warning.
    """
    values = rename(values, add_remark)
    others = without_opaque({name: value for name, value in values.items() if name not in NUMBERS}, "", add_remark)
    kept = {name: values[name] if name in NUMBERS else others[name] for name in values if name in (*NUMBERS, *others)}
    result = {name: plain(value) for name, value in kept.items()}
    for name in ("imageSize", "border", "cropSize"):
        if name in values:
            result[name] = sizes(values[name], float if name == "cropSize" else int)
    for name in ("averageImage", "imageStd"):
        if name in values:
            result[name] = image_values(values[name], name, add_remark)
    if result.get("imageStd") is not None and not (np.isfinite(result["imageStd"]) & (result["imageStd"] > 0)).all():
        add_remark("imageStd", "warning", "not all of its numbers are positive: inputs are not divided by it")
        result["imageStd"] = None
    read_factor(result, values, add_remark)
    report_unused(result, add_remark)
    size, border = result.get("imageSize"), result.get("border")
    if "cropSize" not in result and size and border and len(size) >= 2 and min(size[:2]) > 0 <= min(border):
        result["cropSize"] = tuple(size[i] / (size[i] + border[min(i, len(border) - 1)]) for i in (0, 1))
        text = "cropSize was absent, set to imageSize / (imageSize + border)"
        add_remark("cropSize", "default", text)
    return result


def rename(values: dict[str, Tree], add_remark: AddRemark) -> dict[str, Tree]:
    """Return the entries with MatConvNet's names for those that have another; its own name wins."""
    result = {name: value for name, value in values.items() if INSIDE.get(name, name) == name}
    for name, value in values.items():
        own = INSIDE.get(name, name)
        if own == name:
            continue
        if is_number(value) and is_empty(result.get(own, [])):
            result[own] = value
            add_remark(name, "changed", f"read as meta.normalization.{own}")
        else:
            result[name] = value
            if own in result:
                add_remark(name, "ignored", f"meta.normalization.{own} was used instead")
    return result


def is_number(value: Tree) -> bool:
    """Whether a value is an array of real numbers, at least one."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.size > 0


def sizes(value: Tree, number: type) -> tuple[Any, ...] | None:
    """Return numbers as a tuple, of ints if `number` is int and all are whole; None if they are none, or no sizes."""
    if not is_number(value) or value.size > MOST_AXES:
        return None
    listed = value.ravel(order="F").tolist()
    whole = number is int and all(float(entry).is_integer() for entry in listed)
    return tuple(int(entry) if whole else float(entry) for entry in listed)


def image_values(value: Tree, name: str, add_remark: AddRemark) -> Any:
    """Return an image, H x W x C, or C numbers if it is a single colour, or None."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        if not is_empty(value):
            advice = opaque_advice(value) or (
                "compute it in MATLAB and save its values" if isinstance(value, Opaque) else ""
            )
            text = f"{describe(value)}, expected an array: it is not applied"
            add_remark(name, "warning", f"{text} ({advice})" if advice else text)
        return None
    if value.size == 0:
        return None
    one_colour = value.shape[:2] == (1, 1) or (value.ndim == 2 and 1 in value.shape and value.size <= 4)
    if one_colour:  # 1 x 1 x 3, or three numbers in a row or column
        return value.ravel(order="F")
    return np.ascontiguousarray(value if value.ndim > 2 else value[:, :, None])


def read_factor(result: dict[str, Any], values: dict[str, Tree], add_remark: AddRemark) -> None:
    """Check imageFactor; where it is absent and the other entries lie in 0 ... 1, infer 1/255 or warn."""
    average, deviation = result.get("averageImage"), result.get("imageStd")
    if "imageFactor" in values:
        factor = values["imageFactor"]
        if is_number(factor) and factor.size == 1 and np.isfinite(factor).all() and factor.item() > 0:
            result["imageFactor"] = float(factor.item())
        else:
            del result["imageFactor"]
            add_remark("imageFactor", "warning", f"{describe(factor)}, expected a positive number: it is not applied")
        return
    small = average is None or (float(average.min()) >= 0 and float(average.max()) <= 1)
    if deviation is not None and float(deviation.max()) <= 1 and small:
        result["imageFactor"] = 1 / 255
        text = "averageImage and imageStd lie in 0 ... 1: images of 0 ... 255 are divided by 255 first"
        add_remark("imageFactor", "warning", text, "net.with_images(factor=...)")
    elif deviation is None and average is not None and small and float(average.max()) > 0:
        text = "averageImage lies in 0 ... 1, and images in 0 ... 255: does the network take images of 0 ... 1?"
        add_remark("imageFactor", "warning", text, "net.with_images(factor=1/255)")


def report_unused(result: dict[str, Any], add_remark: AddRemark) -> None:
    """Add remarks on entries that change what other programs give to the network, and that are not applied here."""
    method = result.get("interpolation")
    if isinstance(method, str) and method and method not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        add_remark("interpolation", "warning", f"{method!r} is none of {known}: images are resized by bicubic")
    for name, value in result.items():
        expected = name in (*APPLIED, *RESIZING, *TRAINING) or INSIDE.get(name) in result
        if not expected and value is not None and np.size(value):
            add_remark(name, "warning", "not applied: if it changes inputs, prepare them as in training")
