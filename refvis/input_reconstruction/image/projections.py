"""What is done to z after each step (for `Pixels`, to the image): hard constraints, the operators of Yosinski et al.

Each is called with z (N x H x W x C) and the number of the step behind it, counted from 1, and returns z.
"""

from dataclasses import dataclass

from refvis.input_reconstruction.image.transforms import gaussian, weighted
from refvis.layers import Array, array_module


@dataclass(frozen=True)
class Bound:
    """No pixel's colour (the Euclidean norm of its channels) is longer than `bound` (Mahendran & Vedaldi 2016)."""

    bound: float

    def __call__(self, z: Array, step: int) -> Array:
        """Shorten the colours that are too long."""
        return z * (self.bound / array_module(z).maximum(_norms(z), self.bound))


@dataclass(frozen=True)
class Sphere:
    """The image's values have this root mean square (Erhan et al. 2009: its norm is fixed)."""

    rms: float

    def __call__(self, z: Array, step: int) -> Array:
        """Scale each image; one that is zero stays zero."""
        xp = array_module(z)
        size = xp.sqrt((z * z).mean(axis=(1, 2, 3), keepdims=True))
        return z * (self.rms / xp.where(size == 0, 1, size))


@dataclass(frozen=True)
class Decay:
    """Times 1 - share (Yosinski et al. 2015)."""

    share: float

    def __call__(self, z: Array, step: int) -> Array:
        """Shrink all values."""
        return z * (1 - self.share)


@dataclass(frozen=True)
class Blurred:
    """Blurred by a Gaussian of `sigma` pixels, every so many steps (Yosinski et al. 2015)."""

    sigma: float
    every: int = 1

    def __call__(self, z: Array, step: int) -> Array:
        """Blur, if it is time to."""
        if step % self.every:
            return z
        xp = array_module(z)
        rows, columns = (xp.asarray(gaussian(extent, self.sigma), z.dtype) for extent in z.shape[1:3])
        return weighted(z, rows, columns)


@dataclass(frozen=True)
class SmallCleared:
    """Of each image, the `percent` of its pixels with the shortest colours become 0 (Yosinski et al. 2015)."""

    percent: float
    every: int = 1

    def __call__(self, z: Array, step: int) -> Array:
        """Clear small pixels, if it is time to."""
        if step % self.every:
            return z
        norms = _norms(z)
        limit = array_module(z).percentile(norms, self.percent, axis=(1, 2, 3), keepdims=True)
        return z * (norms >= limit)


def _norms(z: Array) -> Array:
    """Return the length of each pixel's colour, N x H x W x 1."""
    return array_module(z).sqrt((z * z).sum(axis=3, keepdims=True))
