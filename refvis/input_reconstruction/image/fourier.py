"""Fourier parametrisation (Olah, Mordvintsev & Schubert 2017): z are frequencies of decorrelated colours.

    x = M h(S z),    z and x of shape N x H x W x C

h is the discrete Hartley transform of rows and columns, the real twin of Fourier's, with the kernel cos + sin:

    h(v)[y, x] = 1/sqrt(H W) sum_{a,b} v[a, b] cas(2 pi (a y / H + b x / W)),    cas t = cos t + sin t

It is symmetric and its own inverse, so it needs no care for conjugate halves, and is its own adjoint. S divides each
frequency f (cycles per pixel) by f^power, as natural images' spectra fall; M mixes the channels as natural colours go
together. A step of the same length in every z is then a large step in coarse structure, a small one in fine. The
adjoint is z = S h(M' g). S and M have unit mean square, so that x has about the size of z.
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
    """Frequencies falling with `power`, and how colours go together: C rows of C, M above.

    `colours` of one's own fit images of C channels alone: ShapeError for others. With the default, which is of three
    colours, images of another number of channels keep their channels apart (M is the identity): gray ones, say.
    """

    power: float = 1.0
    colours: tuple[tuple[float, ...], ...] = SCENE_COLOURS

    def __post_init__(self) -> None:
        """Check that there are as many colours as each has channels."""
        lengths = [len(row) for row in self.colours]
        require(set(lengths) == {len(lengths)}, "rows' lengths in Fourier's colours", lengths, "C rows of C numbers")

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image and the adjoint."""
        xp = array_module(z)
        falling = xp.asarray(spectrum(z.shape[1:3], self.power), z.dtype)[..., None]
        mixing = xp.asarray(self._mixing(z.shape[3]), z.dtype)

        def back(signal: Array) -> Array:
            return falling * hartley(signal @ mixing)

        return hartley(falling * z) @ mixing.T, back

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the image's shape."""
        self._mixing(image[-1])
        return image

    def _mixing(self, channels: int) -> Any:
        """Return M for images of so many channels."""
        if len(self.colours) == channels:
            return self.colours
        if self.colours is SCENE_COLOURS:
            return np.eye(channels)
        raise ShapeError(f"Fourier's colours are of {len(self.colours)} channels, the image has {channels}")


def hartley(v: Array) -> Array:
    """Return the orthonormal Hartley transform of rows and columns (N x H x W x C, dtype of v)."""
    found = array_module(v).fft.fft2(v, axes=(1, 2), norm="ortho")
    return (found.real - found.imag).astype(v.dtype, copy=False)


def spectrum(size: tuple[int, ...], power: float) -> Any:
    """Return f^-power for each frequency, H x W with unit mean square; the mean counts as the lowest of the others."""
    rows, columns = (np.fft.fftfreq(extent) for extent in size)
    cycles = np.maximum(np.hypot(rows[:, None], columns), 1 / max(size))
    falling = cycles**-power
    return falling / np.sqrt((falling * falling).mean())


def colour_root(pixels: Array) -> Array:
    """Return M, C x C, with M M' the covariance of pixels (... x C), scaled to a mean variance of 1.

    Its columns are the principal colours, the strongest first, each positive in its largest channel.
    """
    values, vectors = np.linalg.eigh(np.cov(np.reshape(pixels, (-1, pixels.shape[-1])).astype("float64").T))
    root = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0) / values.mean())
    largest = np.abs(root).argmax(axis=0)
    return root * np.sign(root[largest, np.arange(len(root))])
