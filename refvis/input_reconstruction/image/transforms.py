"""Random transforms of the image before each step (Mordvintsev et al. 2015, Olah et al. 2017).

`draw` returns a random linear map of the image to one of the same shape, with its exact adjoint.
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
    """A cyclic shift by up to `pixels` in each direction.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.transforms import Jitter
    >>> shift = Jitter(1).draw(np.random.default_rng(2))
    >>> y, adjoint = shift(np.arange(3.0).reshape(1, 1, 3, 1))
    >>> y.ravel(), adjoint(y).ravel()
    (array([1., 2., 0.]), array([0., 1., 2.]))
    """

    pixels: int

    def __post_init__(self) -> None:
        """Check the number."""
        require_count("Jitter's pixels", self.pixels)

    def draw(self, rng: np.random.Generator) -> Map:
        """Return a shift; its adjoint is the shift back."""
        down, across = (int(n) for n in rng.integers(-self.pixels, self.pixels + 1, 2))

        def shift(x: Array) -> tuple[Array, Adjoint]:
            xp = array_module(x)
            return xp.roll(x, (down, across), (1, 2)), lambda signal: xp.roll(signal, (-down, -across), (1, 2))

        return shift


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur of `sigma` pixels, or of a width drawn uniformly between two.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.transforms import Blur
    >>> blur = Blur((0.0, 1.0)).draw(np.random.default_rng(0))
    >>> blur(np.ones((1, 2, 2, 1)))[0].ravel()
    array([1., 1., 1., 1.])
    """

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

    def draw(self, rng: np.random.Generator) -> Map:
        """Return a blur; its adjoint applies the transposed matrix along each axis."""
        width = float(rng.uniform(*self._ends))
        return _separable(lambda extent: gaussian(extent, width))


@dataclass(frozen=True)
class Scale:
    """Bilinear scaling about the centre, by a factor drawn uniformly from `low` to `high`, with zeros outside.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.transforms import Scale
    >>> enlarge = Scale(2.0, 2.0).draw(np.random.default_rng(0))
    >>> enlarge(np.arange(5.0).reshape(1, 1, 5, 1))[0].ravel()
    array([1. , 1.5, 2. , 2.5, 3. ])
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check the factors."""
        factors = self.low, self.high
        require(0 < self.low <= self.high < inf, "Scale's (low, high)", factors, "two numbers above 0, low the smaller")

    def draw(self, rng: np.random.Generator) -> Map:
        """Return a scaling; its adjoint applies the transposed matrix along each axis."""
        factor = float(rng.uniform(self.low, self.high))
        return _separable(lambda extent: enlargement(extent, factor))


@dataclass(frozen=True)
class Rotate:
    """Bilinear rotation about the centre, by an angle drawn uniformly from -`degrees` to `degrees`, with zeros outside.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.transforms import Rotate
    >>> rotate = Rotate(0.0).draw(np.random.default_rng(0))
    >>> rotate(np.ones((1, 2, 2, 1)))[0].ravel()
    array([1., 1., 1., 1.])
    """

    degrees: float

    def __post_init__(self) -> None:
        """Check the angle."""
        require_amount("Rotate's degrees", self.degrees)

    def draw(self, rng: np.random.Generator) -> Map:
        """Return a rotation; its adjoint is the gradient of `BilinearSampler`."""
        return rotation(float(rng.uniform(-self.degrees, self.degrees)) * pi / 180)


def rotation(angle: float) -> Map:
    """Return the map that rotates images counter-clockwise by an angle (radians).

    Pixel p is read at R p, in pixels from the centre; the gradient of `BilinearSampler` is the adjoint.
    """

    def rotate(x: Array) -> tuple[Array, Adjoint]:
        grid = array_module(x).asarray(_sampling_grid(x.shape, angle), x.dtype)
        y = forward(BilinearSampler(), x, grid)
        return y, lambda signal: backward(BilinearSampler(), signal, y, x, grid)[0]

    return rotate


def gaussian(extent: int, sigma: float) -> Array:
    """Return the matrix of a Gaussian blur along an axis; its rows are normalised to a sum of 1, at borders too."""
    if sigma == 0:
        return np.eye(extent)
    pixel = np.arange(extent)
    weights = np.exp(-(((pixel[:, None] - pixel) / sigma) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def enlargement(extent: int, factor: float) -> Array:
    """Return the matrix that enlarges an axis about its centre by `factor`, with linear interpolation."""
    pixel, centre = np.arange(extent), (extent - 1) / 2
    places = (pixel - centre) / factor + centre
    return np.maximum(0, 1 - np.abs(places[:, None] - pixel))


def apply_separable(x: Array, rows: Array, columns: Array) -> Array:
    """Return x (N x H x W x C) with the matrix `rows` applied along its height, and `columns` along its width."""
    across = columns @ x
    return (rows @ across.reshape(*x.shape[:2], -1)).reshape(x.shape)


def _separable(matrix: Callable[[int], Array]) -> Map:
    """Return the map that applies a matrix along both axes; `matrix` returns it for an axis' extent."""

    def apply(x: Array) -> tuple[Array, Adjoint]:
        xp = array_module(x)
        rows, columns = (xp.asarray(matrix(extent), x.dtype) for extent in x.shape[1:3])
        return apply_separable(x, rows, columns), lambda signal: apply_separable(signal, rows.T, columns.T)

    return apply


def _sampling_grid(shape: tuple[int, ...], angle: float) -> Array:
    """Return the position where each pixel is read, N x H x W x 2, in the sampler's coordinates (-1 ... 1, y first)."""
    count, height, width = shape[:3]
    v, h = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    rows = (v * cos(angle) + h * sin(angle)) / (max(height - 1, 1) / 2)
    columns = (h * cos(angle) - v * sin(angle)) / (max(width - 1, 1) / 2)
    return np.broadcast_to(np.stack((rows, columns), axis=2), (count, height, width, 2))
