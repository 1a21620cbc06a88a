"""A layer seen as y = W x + b, whatever its kind: which inputs contribute, what its weights are, what its bias.

    part = linear(layer, *inputs);   part.forward() = W x;   part.relevance(s) = x * (W^T s);   part.bias = b

`weighted` changes the weights (their positive part, their square, ...). Layers whose weights are all positive and
equal for each output (average pooling, sums) have no field for them: of these only whether any weight is left matters,
since every rule divides by the sum (to which the stabiliser, if there is one, is then added).

Convolutions are direct sums here: what is divided by may be a sum that is close to zero, or nothing but zeros.
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
    """A layer as y = W x + b (`AffineForm`), with what rules do to it."""

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
        """Return the same with `change` applied to the weights (in the dtype of x), or None if none is left."""
        if self.weights == UNKNOWN:
            raise ValueError(
                f"this rule needs to know the weights of {title(self.layer)}: use lrp.epsilon there, or say how it is "
                "linear in refvis.layers.lrp.LINEAR"
            )
        x = self.inputs[0]
        if self.weights is None:
            return self if change(array_module(x).ones((), x.dtype)) else None
        changed = change(getattr(self.layer, self.weights).astype(x.dtype, copy=False))
        return self._replace(layer=replace(self.layer, **{self.weights: changed}))

    def counting(self) -> "Linear":
        """Return the same with all weights and inputs 1: its forward counts the inputs that reach each output."""
        weighted = self.weighted(ones)
        assert weighted is not None
        return weighted.on(ones)


def ones(values: Array) -> Array:
    """Return 1 for every value (shape and dtype of the values)."""
    return array_module(values).ones_like(values)


def linear(layer: Layer, *inputs: Array) -> Linear:
    """Return the layer as a linear one: by `LINEAR`, or by its row in the table of operators.

    A type that neither knows is trusted to be linear, its weights unknown.
    """
    row = OPERATORS.get(type(layer))
    affine = LINEAR.get(type(layer)) or (row and row.affine) or _trust
    return Linear(*affine(layer, *inputs))


def _trust(layer: Layer, *inputs: Array) -> AffineForm:
    return AffineForm(layer, inputs, weights=UNKNOWN)


LINEAR: dict[type, Callable[..., AffineForm]] = {
    kind: operator.affine for kind, operator in OPERATORS.items() if operator.affine is not None
}
"""Layer type -> ``(layer, *inputs) -> AffineForm``. The functions stand in the layers' own files."""
