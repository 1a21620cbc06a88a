"""Projections: changes of z after each step (for `Pixels`, of the image), such as constraints, blur and decay.

Each is called with z (N x H x W x C) and the number of the last step, counted from 1, and returns the new z.
"""

from dataclasses import dataclass

from refvis.input_reconstruction.image.transforms import apply_separable, gaussian
from refvis.layers import Array, array_module


@dataclass(frozen=True)
class Bound:
    """Colours (Euclidean norm of a pixel's channels) longer than `bound` are shortened (Mahendran & Vedaldi 2016).

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.projections import Bound
    >>> Bound(5.0)(np.array([[[[6.0, 8.0], [0.0, 1.0]]]]), step=1)
    array([[[[3., 4.],
             [0., 1.]]]])
    """

    bound: float

    def __call__(self, z: Array, step: int) -> Array:
        """Return z with long colours shortened."""
        return z * (self.bound / array_module(z).maximum(_norms(z), self.bound))


@dataclass(frozen=True)
class Sphere:
    """Each image is scaled to the root mean square `rms` (Erhan et al. 2009 fix its norm); a zero image stays zero.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.projections import Sphere
    >>> Sphere(5.0)(np.full((1, 1, 1, 2), 2.0), step=1)
    array([[[[5., 5.]]]])
    """

    rms: float

    def __call__(self, z: Array, step: int) -> Array:
        """Return z scaled."""
        xp = array_module(z)
        size = xp.sqrt((z * z).mean(axis=(1, 2, 3), keepdims=True))
        return z * (self.rms / xp.where(size == 0, 1, size))


@dataclass(frozen=True)
class Decay:
    """All values are multiplied by 1 - `share` (Yosinski et al. 2015).

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.projections import Decay
    >>> Decay(0.25)(np.full((1, 1, 1, 2), 2.0), step=1)
    array([[[[1.5, 1.5]]]])
    """

    share: float

    def __call__(self, z: Array, step: int) -> Array:
        """Return z shrunk."""
        return z * (1 - self.share)


@dataclass(frozen=True)
class Blurred:
    """The image is blurred by a Gaussian of `sigma` pixels at every `every`-th step (Yosinski et al. 2015).

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.projections import Blurred
    >>> Blurred(0.5, every=4)(np.eye(3)[None, :, :, None], step=4)[0, :, :, 0].round(2)
    array([[0.79, 0.19, 0.01],
           [0.19, 0.64, 0.19],
           [0.01, 0.19, 0.79]])
    """

    sigma: float
    every: int = 1

    def __call__(self, z: Array, step: int) -> Array:
        """Return z blurred, or z itself between those steps."""
        if step % self.every:
            return z
        xp = array_module(z)
        rows, columns = (xp.asarray(gaussian(extent, self.sigma), z.dtype) for extent in z.shape[1:3])
        return apply_separable(z, rows, columns)


@dataclass(frozen=True)
class SmallCleared:
    """The `percent` of each image's pixels with the shortest colours become 0 at every `every`-th step.

    Yosinski et al. 2015 clear pixels with small norm.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.projections import SmallCleared
    >>> SmallCleared(percent=50.0)(np.arange(4.0).reshape(1, 1, 4, 1), step=1).ravel()
    array([0., 0., 2., 3.])
    """

    percent: float
    every: int = 1

    def __call__(self, z: Array, step: int) -> Array:
        """Return z with small pixels cleared, or z itself between those steps."""
        if step % self.every:
            return z
        norms = _norms(z)
        limit = array_module(z).percentile(norms, self.percent, axis=(1, 2, 3), keepdims=True)
        return z * (norms >= limit)


def _norms(z: Array) -> Array:
    """Return the length of each pixel's colour, N x H x W x 1."""
    return array_module(z).sqrt((z * z).sum(axis=3, keepdims=True))
