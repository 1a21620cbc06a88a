"""Parametrisations: what is optimised, z, and the image x that it stands for.

Each is called with z and returns x and the adjoint of the derivative there, which carries a signal at x to z.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from refvis.input_reconstruction.objective.objective import Adjoint, Map
from refvis.layers import Array, Graph, array_module


class Parametrisation(Protocol):
    """What all of them can do."""

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image x of z, and the adjoint."""
        ...

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of z, without the batch, for images of shape H x W x C."""
        ...


def decode(parametrisation: Map, z: Array) -> Array:
    """Return the image x (N x H x W x C) of z."""
    return parametrisation(z)[0]


@dataclass(frozen=True)
class Pixels:
    """x = z."""

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return z itself."""
        return z, lambda signal: signal

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the image's shape."""
        return image


@dataclass(frozen=True)
class Squashed:
    """x = bound tanh(y / bound), y the image of another parametrisation: every value lies within the bound.

    tanh' = 1 - tanh^2, so the adjoint multiplies by 1 - (x / bound)^2 first.
    """

    inner: Parametrisation
    bound: float

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image and the adjoint."""
        y, back = self.inner(z)
        share = array_module(y).tanh(y / self.bound)
        return self.bound * share, lambda signal: back(signal * (1 - share * share))

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the inner z."""
        return self.inner.shape(image)


@dataclass(frozen=True, repr=False)
class Generated:
    """x = net(z): z is the code that a generator network draws the image from; `size` is one code's shape, h x w x c.

    None: the size that the network's meta data names. The adjoint is the network's gradient.
    """

    net: Graph
    size: tuple[int, ...] | None = None

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image and the adjoint."""
        trace, (output,), (code,) = self.net.forward(z), self.net.outputs, self.net.inputs
        return trace.output, lambda signal: self.net.backward(trace, {output: signal})[code]

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a code; ValueError unless the network draws images of that shape from it."""
        known = getattr(self.net, "meta", {}).get("inputs", {}).get("size")
        size = self.size or (None if known is None else tuple(int(n) for n in np.ravel(known)[:3]))
        if size is None:
            raise ValueError(
                "the generator's file does not say how large a code is: give Generated(net, size=(h, w, c))"
            )
        drawn = self.net.shapes(**{self.net.inputs[0]: (1, *size)})[self.net.outputs[0]]
        if drawn[1:] != image:
            raise ValueError(f"the generator draws images of shape {drawn[1:]}, the network takes {image}")
        return size

    def __repr__(self) -> str:
        """Return the network's name and fingerprint, which a record keeps."""
        return f"Generated({getattr(self.net, 'name', 'graph')}, {getattr(self.net, 'fingerprint', '')[:16]})"
