"""Patterns of two tones: each returns, per pixel, how much of the second tone to mix in (0 to 1).

`x` and `y` are pixel coordinates in the frame of the painted object, so a pattern turns with it. `size` is the typical
size of the pattern in pixels. Edges are smoothed over one pixel.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from refvis.scenes.primitives import Field, length
from refvis.scenes.rng import Rng, direction, uniform

Texture: TypeAlias = Callable[[Rng, Field, Field, float], Field]


def plain(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """One flat tone."""
    return np.full_like(x, uniform(rng, 0.0, 1.0))


def stripes(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """Parallel bands at any angle."""
    across, down = direction(rng)
    return _step(_wave(x * across + y * down, size, uniform(rng, 0.0, 1.0)) - size / 4)


def checks(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """A chessboard at any angle."""
    across, down = direction(rng)
    first = _step(_wave(x * across + y * down, 1.5 * size, uniform(rng, 0.0, 1.0)) - 0.375 * size)
    second = _step(_wave(y * across - x * down, 1.5 * size, uniform(rng, 0.0, 1.0)) - 0.375 * size)
    return first + second - 2 * first * second


def dots(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """A square grid of discs at any angle."""
    across, down = direction(rng)
    u = _wave(x * across + y * down, size, uniform(rng, 0.0, 1.0))
    v = _wave(y * across - x * down, size, uniform(rng, 0.0, 1.0))
    return _step(uniform(rng, 0.25, 0.36) * size - length(u, v))


def gradient(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """A steady change from one tone to the other along a random direction."""
    across, down = direction(rng)
    along = x * across + y * down
    low, high = float(along.min()), float(along.max())
    return (along - low) / (high - low)


def noise(rng: Rng, x: Field, y: Field, size: float) -> Field:
    """Smooth cloudy noise: random values on a lattice of step `size` and a finer one, interpolated smoothly."""
    coarse, fine = _lattice_noise(rng, x, y, size), _lattice_noise(rng, x, y, size / 2)
    return _step(1.2 * (coarse + fine / 2) - 0.9)


TEXTURES: tuple[Texture, ...] = (plain, stripes, checks, dots, gradient, noise)


def _wave(along: Field, period: float, phase: float) -> Field:
    """Distance to the nearest of parallel lines that are `period` apart, 0 to period / 2."""
    turns = along / period + phase
    return np.abs(turns - np.floor(turns + 0.5)) * period


def _step(distance: Field) -> Field:
    return np.minimum(np.maximum(distance + 0.5, 0.0), 1.0)


def _lattice_noise(rng: Rng, x: Field, y: Field, step: float) -> Field:
    u, v = x / step - float(x.min()) / step, y / step - float(y.min()) / step
    column, row = u.astype(np.intp), v.astype(np.intp)
    values = rng.random((int(row.max()) + 2, int(column.max()) + 2), np.float32)
    u, v = _ease(u - column.astype(np.float32)), _ease(v - row.astype(np.float32))
    # One index into the flattened lattice gives all four corners of a cell.
    width, flat = values.shape[1], values.ravel()
    corner = row * width + column
    left, right = flat[corner], flat[corner + 1]
    upper = left + u * (right - left)
    left, right = flat[corner + width], flat[corner + width + 1]
    lower = left + u * (right - left)
    return upper + v * (lower - upper)


def _ease(t: Field) -> Field:
    return t * t * (3 - 2 * t)
