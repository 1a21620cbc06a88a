"""Parametrisations: the image x as a function of the optimised variable z.

Each is called with z and returns x and the adjoint of the derivative there, which maps a signal at x to one at z.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from refvis.input_reconstruction.objective.objective import Adjoint, Map
from refvis.layers import Array, Graph, array_module


class Parametrisation(Protocol):
    """A parametrisation of the image."""

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image x of z, and the adjoint."""
        ...

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of z, without the batch, for images of shape H x W x C."""
        ...


def decode(parametrisation: Map, z: Array) -> Array:
    """Return the image x (N x H x W x C) of z.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.parametrisations import Pixels, decode
    >>> decode(Pixels(), np.ones((1, 1, 1, 1)))
    array([[[[1.]]]])
    """
    return parametrisation(z)[0]


@dataclass(frozen=True)
class Pixels:
    """The image itself is optimised: x = z."""

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return z itself."""
        return z, lambda signal: signal

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the image's shape."""
        return image


@dataclass(frozen=True)
class Squashed:
    """x = bound tanh(y / bound), with y the image of another parametrisation: all values lie within the bound.

    The adjoint multiplies by tanh' = 1 - (x / bound)^2 first.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.image.parametrisations import Pixels, Squashed, decode
    >>> decode(Squashed(Pixels(), bound=160.0), np.full((1, 1, 1, 1), 1e6))
    array([[[[160.]]]])
    """

    inner: Parametrisation
    bound: float

    def __call__(self, z: Array) -> tuple[Array, Adjoint]:
        """Return the image and the adjoint."""
        y, adjoint = self.inner(z)
        share = array_module(y).tanh(y / self.bound)
        return self.bound * share, lambda signal: adjoint(signal * (1 - share * share))

    def shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the inner z."""
        return self.inner.shape(image)


@dataclass(frozen=True, repr=False)
class Generated:
    """x = net(z): z is the code from which the generator `net` draws the image.

    `size` is the shape of a code, h x w x c; by default the one in the network's meta data. The adjoint is the
    network's gradient.

    >>> import numpy as np, refvis
    >>> from refvis.input_reconstruction.image.parametrisations import Generated, decode
    >>> doubling = refvis.layers.ConvTranspose(np.ones((1, 2, 2, 1)), upsample=2)
    >>> decode(Generated(refvis.chain({"up": doubling}), size=(1, 1, 1)), np.ones((1, 1, 1, 1)))[0, :, :, 0]
    array([[1., 1.],
           [1., 1.]])
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
            raise ValueError(f"the generator draws images of shape {drawn[1:]}, expected {image}, the network's input")
        return size

    def __repr__(self) -> str:
        """Return the text for records: the network's name and fingerprint."""
        return f"Generated({getattr(self.net, 'name', 'graph')}, {getattr(self.net, 'fingerprint', '')[:16]})"
