"""Masks over an image, and the images that they make; each operator with its adjoint or gradient.

A mask m is N x H x W x 1, 1 where the image is kept and 0 where it is replaced. All operators that act on rows and
columns apart are two matrices: y = A m B^T in each channel, and the adjoint A^T g B is the same call with both
transposed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.input_modification.boxes.blur import SHARE, blurred_part
from refvis.input_modification.boxes.fills import chosen
from refvis.layers import Array, array_module

Levels = Callable[[int], Array]
"""Number of a draw -> the image at rising degrees of being kept, L x H x W x C: the last is the image itself."""


def along_axes(maps: Array, down: Array, across: Array) -> Array:
    """Return the maps (N x h x w x C) with `down` (H x h) applied to their columns, `across` (W x w) to their rows.

    The adjoint is ``along_axes(signal, down.T, across.T)``.
    """
    xp = array_module(maps, down, across)
    tall = xp.tensordot(down, maps, (1, 1))  # H x N x w x C
    return xp.ascontiguousarray(xp.tensordot(across, tall, (1, 2)).transpose(2, 1, 0, 3))


def mixed(levels: Array, m: Array) -> Array:
    """Return the image for each mask (N x H x W x 1) between the `levels` (L x H x W x C), N x H x W x C.

    With t = m (L - 1) and k = floor t, a pixel is (k + 1 - t) levels_k + (t - k) levels_(k+1). Two levels are the
    mixture (1 - m) replacement + m image.
    """
    below, above, share = _between(levels, m)
    return (1 - share) * below + share * above


def mixed_gradient(levels: Array, m: Array, signal: Array) -> Array:
    """Return d <signal, mixed> / d m, N x H x W x 1: (L - 1) (levels_(k+1) - levels_k), weighted and added up.

    At a level, where there is a kink, it is the derivative towards larger m; at m = 1, towards smaller m.
    """
    below, above, _ = _between(levels, m)
    return (len(levels) - 1) * ((above - below) * signal).sum(axis=3, keepdims=True)


def _between(levels: Array, m: Array) -> tuple[Array, Array, Array]:
    """Return the levels below and above each pixel's mask, and where between them it lies."""
    xp = array_module(levels, m)
    place = m * (len(levels) - 1)
    k = xp.clip(xp.floor(place), 0, len(levels) - 2)
    rows, columns = xp.arange(m.shape[1])[:, None], xp.arange(m.shape[2])
    number = k[..., 0].astype(int)
    return levels[number, rows, columns], levels[number + 1, rows, columns], place - k


def replacements(fill: Any, x: Array, average: Any, seed: int, degrees: int = 2) -> Levels:
    """Return what the image x (1 x H x W x C) becomes as less of it is kept, as a function of a draw's number.

    `fill` is one of `fills.chosen`, to which `average` goes: two levels, the fill and the image; random ones are drawn
    anew for each number, from `seed`. "blur" has so many `degrees`, of which l blurs by (1 - l / (degrees - 1)) times
    `SHARE` of the shorter side.
    """
    xp, (height, width) = array_module(x), x.shape[1:3]
    if isinstance(fill, str) and fill == "blur":
        widths = [SHARE * min(height, width) * (1 - level / (degrees - 1)) for level in range(degrees)]
        pyramid = xp.stack([blurred_part(x[0], slice(None), slice(None), sigma) for sigma in widths])
        return lambda number: pyramid
    drawn = chosen(fill, x, average)

    def levels(number: int) -> Array:
        found = drawn(x[0], ((0, height), (0, width)), np.random.default_rng([seed, number]))
        return xp.stack([xp.broadcast_to(found, x.shape[1:]), x[0]])

    return levels
