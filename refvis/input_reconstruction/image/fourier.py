"""Fourier parametrisation (Olah, Mordvintsev & Schubert 2017): z holds frequencies of decorrelated colours.

    x = M h(S z),    z and x of shape N x H x W x C

h is the discrete Hartley transform of rows and columns, the real twin of Fourier's, with the kernel cos + sin:

    h(v)[y, x] = 1/sqrt(H W) sum_{a,b} v[a, b] cas(2 pi (a y / H + b x / W)),    cas t = cos t + sin t

It is symmetric, its own inverse and its own adjoint, and has no conjugate halves. S divides each frequency f (cycles
per pixel) by f^power, like the spectra of natural images. M mixes the channels, like the covariance of natural colours.
A step of one length in all z is then a large step in coarse structure and a small one in fine structure. The adjoint is
z = S h(M' g). S and M have unit mean square, so x has about the size of z.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.input_reconstruction.objective.objective import Adjoint
from refvis.layers import Array, ShapeError, array_module
from refvis.optimisation.requirements import require

SCENE_COLOURS = (
    (0.7192, -0.5812, -0.3846),
    (0.7499, 0.6306, -0.2698),
    (0.7016, -0.0782, 0.6827),
)
"""`colour_root` of the generated training scenes: python docs/reconstruction/colours.py."""


@dataclass(frozen=True)
class Fourier:
    """The image as frequencies of decorrelated colours: x = M h(S z), h the Hartley transform.

    Parameters:

        power     the spectrum falls as 1 / f^power. Default: 1
        colours   the matrix M, C rows of C numbers, as from `colour_root`. Default: that of the generated scenes

    Images have C channels; ShapeError for others. With the default colours, images without three channels (gray, for
    example) keep their channels separate: M is the identity. Raises ValueError unless the matrix is square.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.fourier import Fourier
    >>> x, adjoint = Fourier(power=0.0)(np.eye(2).reshape(1, 2, 2, 1))
    >>> x[0, :, :, 0]
    array([[1., 0.],
           [0., 1.]])
    """

    power: float = 1.0
    colours: tuple[tuple[float, ...], ...] = SCENE_COLOURS

    def __post_init__(self) -> None:
        """Check that the matrix is square."""
        lengths = [len(row) for row in self.colours]
        require(set(lengths) == {len(lengths)}, "rows' lengths in Fourier's colours", lengths, "C rows of C numbers")

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image and the adjoint."""
        xp = array_module(z)
        scale = xp.asarray(spectrum(z.shape[1:3], self.power), z.dtype)[..., None]
        mixing = xp.asarray(self._mixing(z.shape[3]), z.dtype)

        def adjoint(signal: Array) -> Array:
            return scale * hartley(signal @ mixing)

        return hartley(scale * z) @ mixing.T, adjoint

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the image's shape."""
        self._mixing(image[-1])
        return image

    def _mixing(self, channels: int) -> Any:
        """Return M for images of this number of channels."""
        if len(self.colours) == channels:
            return self.colours
        if self.colours is SCENE_COLOURS:
            return np.eye(channels)
        raise ShapeError(f"Fourier's colours have {len(self.colours)} channels, expected the image's {channels}")


def hartley(v: Array) -> Array:
    """Return the orthonormal Hartley transform of rows and columns (N x H x W x C, dtype of v)."""
    frequencies = array_module(v).fft.fft2(v, axes=(1, 2), norm="ortho")
    return (frequencies.real - frequencies.imag).astype(v.dtype, copy=False)


def spectrum(size: tuple[int, ...], power: float) -> Any:
    """Return f^-power for each frequency, H x W with unit mean square; for f = 0, the lowest other f is taken."""
    rows, columns = (np.fft.fftfreq(extent) for extent in size)
    cycles = np.maximum(np.hypot(rows[:, None], columns), 1 / max(size))
    falling = cycles**-power
    return falling / np.sqrt((falling * falling).mean())


def colour_root(pixels: Array) -> Array:
    """Return M, C x C, with M M' the covariance of pixels (... x C), scaled to a mean variance of 1.

    Its columns are the principal colours, the strongest first, each positive in its largest channel. M is the matrix
    `colours` of `Fourier`.
    """
    values, vectors = np.linalg.eigh(np.cov(np.reshape(pixels, (-1, pixels.shape[-1])).astype("float64").T))
    root = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0) / values.mean())
    largest = np.abs(root).argmax(axis=0)
    return root * np.sign(root[largest, np.arange(len(root))])
