"""Random transforms of the image (Mordvintsev et al. 2015, Olah et al. 2017): what the network sees changes each step.

Each is drawn anew from dice, and is then a linear map of the image to one of the same shape, with its exact adjoint.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi, sin

import numpy as np

from refvis.input_reconstruction.objective.objective import Adjoint, Map
from refvis.layers import Array, BilinearSampler, array_module, backward, forward
from refvis.optimisation.requirements import require, require_amount, require_count


@dataclass(frozen=True)
class Jitter:
    """A shift by up to so many `pixels` each way; what leaves at one border comes in at the other."""

    pixels: int

    def __post_init__(self) -> None:
        """Check the number."""
        require_count("Jitter's pixels", self.pixels)

    def drawn(self, dice: np.random.Generator) -> Map:
        """Return a shift; its adjoint is the shift back."""
        down, across = (int(n) for n in dice.integers(-self.pixels, self.pixels + 1, 2))

        def shift(x: Array) -> tuple[Array, Adjoint]:
            xp = array_module(x)
            return xp.roll(x, (down, across), (1, 2)), lambda signal: xp.roll(signal, (-down, -across), (1, 2))

        return shift


@dataclass(frozen=True)
class Blur:
    """A Gaussian of `sigma` pixels, or of a width drawn evenly between two."""

    sigma: float | tuple[float, float]

    def __post_init__(self) -> None:
        """Check the widths."""
        low, high = self._ends
        require(
            0 <= low <= high < inf, "Blur's sigma", self.sigma, "a number from 0, or the smaller and the larger of two"
        )

    @property
    def _ends(self) -> tuple[float, float]:
        return self.sigma if isinstance(self.sigma, tuple) else (self.sigma, self.sigma)

    def drawn(self, dice: np.random.Generator) -> Map:
        """Return a blur; its adjoint has each axis' matrix transposed."""
        width = float(dice.uniform(*self._ends))
        return _separable(lambda extent: gaussian(extent, width))


@dataclass(frozen=True)
class Scale:
    """Enlarged about the centre by a factor drawn evenly from `low` to `high`, bilinearly; beyond the border is 0."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check the factors."""
        found = self.low, self.high
        require(0 < self.low <= self.high < inf, "Scale's (low, high)", found, "two numbers above 0, low the smaller")

    def drawn(self, dice: np.random.Generator) -> Map:
        """Return the enlargement; its adjoint has each axis' matrix transposed."""
        factor = float(dice.uniform(self.low, self.high))
        return _separable(lambda extent: enlarging(extent, factor))


@dataclass(frozen=True)
class Rotate:
    """Turned about the centre by an angle drawn evenly from -degrees to degrees, bilinearly; beyond the border is 0."""

    degrees: float

    def __post_init__(self) -> None:
        """Check the angle."""
        require_amount("Rotate's degrees", self.degrees)

    def drawn(self, dice: np.random.Generator) -> Map:
        """Return the turn."""
        return turned(float(dice.uniform(-self.degrees, self.degrees)) * pi / 180)


def turned(angle: float) -> Map:
    """Return the map that turns images counter-clockwise by an angle (radians).

    Pixel p is read at R p, in pixels from the centre; the gradient of `BilinearSampler` is the adjoint.
    """

    def turn(x: Array) -> tuple[Array, Adjoint]:
        grid = array_module(x).asarray(_places(x.shape, angle), x.dtype)
        y = forward(BilinearSampler(), x, grid)
        return y, lambda signal: backward(BilinearSampler(), signal, y, x, grid)[0]

    return turn


def gaussian(extent: int, sigma: float) -> Array:
    """Return the matrix of a Gaussian blur along an axis; at the borders, weights are those inside, with the sum 1."""
    if sigma == 0:
        return np.eye(extent)
    pixel = np.arange(extent)
    weights = np.exp(-(((pixel[:, None] - pixel) / sigma) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def enlarging(extent: int, factor: float) -> Array:
    """Return the matrix that reads an axis bilinearly at places pulled together towards its centre by `factor`."""
    pixel, centre = np.arange(extent), (extent - 1) / 2
    places = (pixel - centre) / factor + centre
    return np.maximum(0, 1 - np.abs(places[:, None] - pixel))


def weighted(x: Array, rows: Array, columns: Array) -> Array:
    """Return x (N x H x W x C) with a matrix applied along its rows' axis, and one along its columns'."""
    across = columns @ x
    return (rows @ across.reshape(*x.shape[:2], -1)).reshape(x.shape)


def _separable(matrix: Callable[[int], Array]) -> Map:
    """Return the map that applies a matrix, made for an axis' extent, along both axes."""

    def apply(x: Array) -> tuple[Array, Adjoint]:
        xp = array_module(x)
        rows, columns = (xp.asarray(matrix(extent), x.dtype) for extent in x.shape[1:3])
        return weighted(x, rows, columns), lambda signal: weighted(signal, rows.T, columns.T)

    return apply


def _places(shape: tuple[int, ...], angle: float) -> Array:
    """Return where each pixel is read, N x H x W x 2, in the sampler's coordinates (-1 ... 1, rows first)."""
    count, height, width = shape[:3]
    v, h = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    rows = (v * cos(angle) + h * sin(angle)) / (max(height - 1, 1) / 2)
    columns = (h * cos(angle) - v * sin(angle)) / (max(width - 1, 1) / 2)
    return np.broadcast_to(np.stack((rows, columns), axis=2), (count, height, width, 2))
