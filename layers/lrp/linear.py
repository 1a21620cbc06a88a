"""Linear layers of every kind as y = W x + b: the inputs that contribute, the weights and the bias.

    part = linear(layer, *inputs);   part.forward() = W x;   part.relevance(s) = x * (W^T s);   part.bias = b

`weighted` changes the weights (to their positive part, their square, ...). Layers whose weights are all positive and
equal for each output (average pooling, sums) have no field for them. For these it matters only whether any weight is
left, since every rule divides by the sum of contributions.

Convolutions are direct sums here, without Winograd's tiles: rules divide by sums that may be close to zero. The output
that a rule is given may still come from tiles; `refvis.winograd(0)` around the forward pass avoids them.
"""

from collections.abc import Callable
from dataclasses import replace

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import winograd
from refvis.layers.base.operator import UNKNOWN, AffineForm
from refvis.layers.calls import forward_of, gradient_of
from refvis.layers.operators import OPERATORS, Layer, title


def positive(values: Array) -> Array:
    """Return max(v, 0); NaN stays."""
    return array_module(values).maximum(values, values.dtype.type(0))


def negative(values: Array) -> Array:
    """Return min(v, 0); NaN stays."""
    return array_module(values).minimum(values, values.dtype.type(0))


class Linear(AffineForm):
    """A layer as y = W x + b (`AffineForm`), with the operations that rules need.

    >>> import numpy as np
    >>> from refvis import layers
    >>> filters = np.array([2.0, -1.0]).reshape(1, 1, 1, 2)
    >>> part = layers.lrp.linear(layers.Conv(filters), np.ones((1, 1, 1, 2)))
    >>> part.forward().item(), part.weighted(np.abs).forward().item()
    (1.0, 3.0)
    """

    __slots__ = ()

    def forward(self) -> Array:
        """Return W x (the output's shape, dtype of x)."""
        with winograd(0):
            return forward_of(self.layer, *self.inputs, *self.places)

    def gradient(self, share: Array, output: Array | None = None) -> tuple[Array, ...]:
        """Return W^T share, for each contributing input."""
        with winograd(0):
            gradients = gradient_of(self.layer, share, output, *self.inputs, *self.places)
        return gradients[: len(self.inputs)]

    def relevance(self, share: Array, output: Array | None = None) -> tuple[Array, ...]:
        """Return x * (W^T share), for each contributing input."""
        return tuple(x * g for x, g in zip(self.inputs, self.gradient(share, output), strict=True))

    def on(self, change: Callable[[Array], Array]) -> "Linear":
        """Return the same layer with `change` applied to the inputs."""
        return self._replace(inputs=tuple(change(x) for x in self.inputs))

    def weighted(self, change: Callable[[Array], Array]) -> "Linear | None":
        """Return the same layer with `change` applied to the weights (in the dtype of x); None if no weight is left."""
        if self.weights == UNKNOWN:
            raise ValueError(
                f"this rule needs the weights of {title(self.layer)}, which are unknown: use lrp.epsilon "
                "there, or enter its affine form in refvis.layers.lrp.LINEAR"
            )
        x = self.inputs[0]
        if self.weights is None:
            return self if change(array_module(x).ones((), x.dtype)) else None
        changed = change(getattr(self.layer, self.weights).astype(x.dtype, copy=False))
        return self._replace(layer=replace(self.layer, **{self.weights: changed}))

    def counting(self) -> "Linear":
        """Return the same layer with all weights and inputs 1: its forward counts the inputs of each output."""
        weighted = self.weighted(ones)
        assert weighted is not None
        return weighted.on(ones)


def ones(values: Array) -> Array:
    """Return 1 for every value (shape and dtype of the values)."""
    return array_module(values).ones_like(values)


def linear(layer: Layer, *inputs: Array) -> Linear:
    """Return the layer as a linear one: by `LINEAR`, or by its row in the table of operators.

    A type without an entry in either is assumed to be linear, with unknown weights.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.arange(4.0).reshape(1, 2, 2, 1)
    >>> part = layers.lrp.linear(layers.Pool((2, 2), method="avg"), x)
    >>> part.forward().item(), part.relevance(np.ones((1, 1, 1, 1)))[0].ravel().tolist()
    (1.5, [0.0, 0.25, 0.5, 0.75])
    """
    row = OPERATORS.get(type(layer))
    affine = LINEAR.get(type(layer)) or (row and row.affine) or _assume_linear
    return Linear(*affine(layer, *inputs))


def _assume_linear(layer: Layer, *inputs: Array) -> AffineForm:
    return AffineForm(layer, inputs, weights=UNKNOWN)


LINEAR: dict[type, Callable[..., AffineForm]] = {
    kind: operator.affine for kind, operator in OPERATORS.items() if operator.affine is not None
}
"""Layer type -> ``(layer, *inputs) -> AffineForm``. The functions stand in the layers' own files."""
