"""Patches: receptive fields cut out of an image, with a checkerboard outside the image."""

from math import ceil, floor
from typing import TypeAlias

import numpy as np

from refvis.layers import Array, ReceptiveField
from refvis.layers.base.geometry import place

Box: TypeAlias = tuple[int, int, int, int]
"""Rows from `top` to `bottom`, columns from `left` to `right` (top, left, bottom, right), the ends not included."""

SQUARE, TONES = 4, (204, 255)
"""Side of the checkerboard's squares in pixels, and its two grays."""


def receptive_box(field: ReceptiveField | None, position: tuple[int, int], image: tuple[int, int]) -> Box:
    """Return the receptive field of position (y, x) as a box in the pixels of an image (H, W).

    The box may extend beyond the image, into the padding. A field of None is the whole image.
    """
    if field is None:
        return 0, 0, *image
    first = [position[axis] * field.stride[axis] + field.offset[axis] for axis in (0, 1)]
    last = [first[axis] + field.size[axis] - 1 for axis in (0, 1)]
    return ceil(first[0]), ceil(first[1]), floor(last[0]) + 1, floor(last[1]) + 1


def checkerboard(height: int, width: int) -> Array:
    """Return a checkerboard, height x width x 3 uint8."""
    y, x = np.mgrid[:height, :width] // SQUARE
    grays = np.where((y + x) % 2, *TONES).astype(np.uint8)
    return np.repeat(grays[..., None], 3, axis=2)


def cut(picture: Array, box: Box) -> Array:
    """Return the part of a picture (H x W x 3 uint8) in the box, with a checkerboard outside the picture."""
    top, left, bottom, right = box
    patch = checkerboard(bottom - top, right - left)
    place(picture, patch, (-top, -left))
    return patch


def signal_picture(values: Array) -> tuple[Array, float]:
    """Return a signal (H x W x C) as a picture, H x W x 3 uint8, gray at zero, and the value that is white."""
    largest = float(np.abs(values).max())
    scaled = np.rint(127.5 + values * (127.5 / largest if largest else 0.0)).astype(np.uint8)
    return (scaled if scaled.shape[2] == 3 else np.repeat(scaled[..., :1], 3, axis=2)), largest


def stack_patches(patches: list[list[Array]]) -> Array:
    """Return pictures in rows of equal length as one array, K x t x h x w x 3; a checkerboard fills smaller ones."""
    shapes = np.array([patch.shape[:2] for row in patches for patch in row])
    height, width = (int(extent) for extent in shapes.max(axis=0))
    return np.array([[cut(patch, (0, 0, height, width)) for patch in row] for row in patches])
