"""A layer seen as y = W x + b, whatever its kind: which inputs contribute, what its weights are, what its bias.

    part = linear(layer, *inputs);   part.forward() = W x;   part.relevance(s) = x * (W^T s);   part.bias = b

`weighted` changes the weights (their positive part, their square, ...). Layers whose weights are all positive and
equal for each output (average pooling, sums) have no field for them: of these only whether any weight is left matters,
since every rule divides by the sum (to which the stabiliser, if there is one, is then added).

Convolutions are direct sums here: what is divided by may be a sum that is close to zero, or nothing but zeros.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import winograd
from refvis.layers.batch_norm import BatchNorm, frozen
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.calls import forward_of, gradient_of
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.fully_connected import FullyConnected
from refvis.layers.operators import Layer, title
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale, factors, summed_to
from refvis.layers.sum import Sum

UNKNOWN = "unknown"
"""Stands for weights that no field holds and that are not equal."""


def positive(values: Array) -> Array:
    """Return max(v, 0); NaN stays."""
    return array_module(values).maximum(values, values.dtype.type(0))


def negative(values: Array) -> Array:
    """Return min(v, 0); NaN stays."""
    return array_module(values).minimum(values, values.dtype.type(0))


@dataclass(frozen=True)
class Linear:
    """A linear layer without its bias, and the inputs that contribute to it (N x H x W x C each).

    `bias` broadcasts against the output. `weights` names the layer's field that holds them (None: all of an output's
    are equal). `places` are inputs that say where to read; they get nothing. `returned` turns the inputs' relevance
    into one signal for each input of the layer that was asked for.
    """

    layer: Layer
    inputs: tuple[Array, ...]
    bias: Array | None = None
    weights: str | None = None
    places: tuple[Array, ...] = ()
    returned: Callable[[tuple[Array, ...]], tuple[Array, ...]] = tuple

    def forward(self) -> Array:
        """Return W x (the output's shape, dtype of x)."""
        with winograd(0):
            return forward_of(self.layer, *self.inputs, *self.places)

    def gradient(self, share: Array, output: Array | None = None) -> tuple[Array, ...]:
        """Return W^T share, for each contributing input."""
        with winograd(0):
            found = gradient_of(self.layer, share, output, *self.inputs, *self.places)
        return found[: len(self.inputs)]

    def relevance(self, share: Array, output: Array | None = None) -> tuple[Array, ...]:
        """Return x * (W^T share), for each contributing input."""
        return tuple(x * g for x, g in zip(self.inputs, self.gradient(share, output), strict=True))

    def on(self, change: Callable[[Array], Array]) -> "Linear":
        """Return the same layer with `change` applied to the inputs."""
        return replace(self, inputs=tuple(change(x) for x in self.inputs))

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
        return replace(self, layer=replace(self.layer, **{self.weights: changed}))

    def counting(self) -> "Linear":
        """Return the same with all weights and inputs 1: its forward counts the inputs that reach each output."""
        weighted = self.weighted(ones)
        assert weighted is not None
        return weighted.on(ones)


def ones(values: Array) -> Array:
    """Return 1 for every value (shape and dtype of the values)."""
    return array_module(values).ones_like(values)


def linear(layer: Layer, *inputs: Array) -> Linear:
    """Return the layer as a linear one. A type that is not in `LINEAR` is trusted to be linear, its weights unknown."""
    return LINEAR.get(type(layer), _trusted)(layer, *inputs)


def _trusted(layer: Layer, *inputs: Array) -> Linear:
    return Linear(layer, inputs, weights=UNKNOWN)


def _filtered(layer: Any, x: Array) -> Linear:
    """Conv, ConvTranspose, FullyConnected. A convolution without filters picks single pixels: equal weights."""
    field = "weights" if isinstance(layer, FullyConnected) else "filters"
    weights = field if getattr(layer, field) is not None else None
    bias = None if layer.biases is None else layer.biases.astype(x.dtype, copy=False)
    return Linear(replace(layer, biases=None), (x,), bias, weights)


def _equal(layer: Any, *inputs: Array) -> Linear:
    return Linear(layer, inputs)


def _pooled(layer: Pool | ROIPool, x: Array, *regions: Array) -> Linear:
    if layer.method != "avg":
        raise ValueError(
            f"{title(layer)} takes the largest value, which is not linear: use lrp.pool there (the winner takes all), "
            "or lrp.spread (in proportion to all)"
        )
    return _placed(None)(layer, x, *regions)


def _placed(weights: str | None) -> Callable[..., Linear]:
    def found(layer: Any, x: Array, *places: Array) -> Linear:
        nothing = tuple(array_module(x).zeros(place.shape, x.dtype) for place in places)
        return Linear(layer, (x,), None, weights, places, lambda passed: (*passed, *nothing))

    return found


def _normalised(layer: BatchNorm, x: Array) -> Linear:
    """Batch normalisation with its moments held: y = (w / sigma) x + (b - w mu / sigma)."""
    held = frozen(layer, x)
    moments = held.moments.astype(x.dtype, copy=False)  # type: ignore[union-attr]
    slope = held.scale.astype(x.dtype, copy=False) / moments[:, 1]
    bias = held.offset.astype(x.dtype, copy=False) - slope * moments[:, 0]
    return Linear(Scale(slope), (x,), bias, "scale")


def _scaled(layer: Scale, x: Array, *rest: Array) -> Linear:
    """Return y = s x + o. A factor that is an input is a gate (Arras et al. 2017): it gets nothing, and y is a sum."""
    s, o = factors(layer, x, *rest)
    given = layer.offset is not None
    if not rest:
        return Linear(Scale(s), (x,), o, "scale")
    parts = (x * s,) if o is None or given else (x * s, array_module(x).broadcast_to(o, x.shape))

    def returned(passed: tuple[Array, ...]) -> tuple[Array, ...]:
        gate = () if layer.scale is not None else (array_module(x).zeros(rest[0].shape, x.dtype),)
        return passed[0], *gate, *(summed_to(one, rest[-1].shape) for one in passed[1:])

    return Linear(Sum(), parts, o if given else None, returned=returned)


LINEAR: dict[type, Callable[..., Linear]] = {
    Conv: _filtered,
    ConvTranspose: _filtered,
    FullyConnected: _filtered,
    Pool: _pooled,
    Sum: _equal,
    ROIPool: _pooled,
    BilinearSampler: _placed(UNKNOWN),
    BatchNorm: _normalised,
    Scale: _scaled,
}
"""Layer type -> ``(layer, *inputs) -> Linear``."""
