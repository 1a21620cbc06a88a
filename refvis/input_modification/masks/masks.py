"""Masks over an image, and the images that they make; each operator with its adjoint or gradient.

A mask m is N x H x W x 1: 1 keeps the image, 0 replaces it. Operators that act on rows and on columns separately are
two matrices: y = A m B^T in each channel. The adjoint A^T g B is the same call with both matrices transposed.

A pyramid (L x H x W x C) is the image at L degrees of being kept. Its last level is the image itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.images.preparation import Preparation
from refvis.input_modification.boxes.blur import SHARE, blurred_part
from refvis.input_modification.boxes.fills import find_fill
from refvis.layers import Array, array_module

Pyramids = Callable[[int], Array]
"""Number of a draw -> the image's pyramid, L x H x W x C."""


def along_axes(maps: Array, down: Array, across: Array) -> Array:
    """Return the maps (N x h x w x C) with `down` (H x h) applied to their columns, `across` (W x w) to their rows.

    The adjoint is ``along_axes(signal, down.T, across.T)``.
    """
    xp = array_module(maps, down, across)
    tall = xp.tensordot(down, maps, (1, 1))  # H x N x w x C
    return xp.ascontiguousarray(xp.tensordot(across, tall, (1, 2)).transpose(2, 1, 0, 3))


def blend(pyramid: Array, m: Array) -> Array:
    """Return the image for each mask (N x H x W x 1), between the levels of the pyramid (L x H x W x C): N x H x W x C.

    With t = m (L - 1) and k = floor t, a pixel is (k + 1 - t) level_k + (t - k) level_(k+1). Two levels give
    (1 - m) replacement + m image.
    """
    below, above, share = _between(pyramid, m)
    return (1 - share) * below + share * above


def blend_gradient(pyramid: Array, m: Array, signal: Array) -> Array:
    """Return d <signal, blend> / d m, N x H x W x 1: (L - 1) (level_(k+1) - level_k), weighted by the signal, summed.

    At a level, where the function has a kink, it is the derivative towards larger m; at m = 1, towards smaller m.
    """
    below, above, _ = _between(pyramid, m)
    return (len(pyramid) - 1) * ((above - below) * signal).sum(axis=3, keepdims=True)


def _between(pyramid: Array, m: Array) -> tuple[Array, Array, Array]:
    """Return the levels below and above each pixel's mask, and the mask's place between them, 0 ... 1."""
    xp = array_module(pyramid, m)
    place = m * (len(pyramid) - 1)
    k = xp.clip(xp.floor(place), 0, len(pyramid) - 2)
    rows, columns = xp.arange(m.shape[1])[:, None], xp.arange(m.shape[2])
    number = k[..., 0].astype(int)
    return pyramid[number, rows, columns], pyramid[number + 1, rows, columns], place - k


def replacement_pyramids(fill: Any, x: Array, preparation: Preparation, seed: int, degrees: int = 2) -> Pyramids:
    """Return a function of a draw's number that gives the pyramid of image x (1 x H x W x C).

    `fill` and `preparation` are those of `fills.find_fill`. A fill gives two levels: the fill and the image. Random
    fills are drawn anew for each number, from `seed`. "blur" gives so many `degrees`; level l is blurred by
    (1 - l / (degrees - 1)) times `SHARE` of the shorter side.
    """
    xp, (height, width) = array_module(x), x.shape[1:3]
    if isinstance(fill, str) and fill == "blur":
        widths = [SHARE * min(height, width) * (1 - level / (degrees - 1)) for level in range(degrees)]
        blurred = xp.stack([blurred_part(x[0], slice(None), slice(None), sigma) for sigma in widths])
        return lambda number: blurred
    fill_box = find_fill(fill, x, preparation)

    def pyramid(number: int) -> Array:
        replacement = fill_box(x[0], ((0, height), (0, width)), np.random.default_rng([seed, number]))
        return xp.stack([xp.broadcast_to(replacement, x.shape[1:]), x[0]])

    return pyramid
