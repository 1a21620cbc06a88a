"""Distance between the feature vectors of two inputs, position by position.

    S = sum_c |x_c - t_c|^p,    y = w * S^(1/p)    (no_root: y = w * S)

x is N x H x W x C; the target t has its shape, or 1 along some axes (N x 1 x 1 x C: one target for all positions). The
weights w are 1 unless given. Output size: N x H x W x 1; with `aggregate`, the sum of it all, 1 x 1 x 1 x 1.
Its gradient, with d = x - t and q = w * g:

    dx = q * S^(1/p - 1) * |d|^(p-1) sign(d)    (no_root: dx = p q |d|^(p-1) sign(d)),    dt = -dx

summed over the axes along which t has 1 (MatConvNet leaves out this sum). What would be divided by is bounded from
below by `epsilon`: S if p > 1, |d| if p < 1; at d = 0 the gradient is 0. So it is exact outside these bounds only.
Caffe's EuclideanLoss is half the squared distance over N; PyTorch's PairwiseDistance adds 1e-6 to d.
Reference: MatConvNet `vl_nnpdist`; `dagnn.PDist` aggregates by default, and takes w as a third input.
"""

from dataclasses import dataclass
from numbers import Real
from typing import Any

from refvis.layers.base.arrays import Array, array_module, require_array, summary
from refvis.layers.base.blocks import Block, Fields, Struct, with_four_axes
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ConvertedField, NumberField
from refvis.layers.base.geometry import POINT, Window
from refvis.layers.base.operator import Operator


@dataclass(frozen=True, eq=False, repr=False)
class PairwiseDistance:
    """Distance between the feature vectors of two inputs at each position.

        y = w (sum_c |x_c - t_c|^p)^(1/p)

        p                  above 0. Default 2
        no_root            whether the root is left out. Default False
        epsilon            lower bound on denominators of the gradient, above 0. Default 1e-6
        aggregate          whether all positions are summed. Default False
        instance_weights   w: a number, or an array that broadcasts to N x H x W x 1; a third input of the layer takes
                           its place. Default: 1

    Raises ShapeError for other values, TypeError for weights that are neither a number nor an array.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, target = np.array([[[[3.0, 4.0]]]]), np.zeros((1, 1, 1, 2))
    >>> layers.forward(layers.PairwiseDistance(), x, target).item()
    5.0
    """

    p: NumberField = NumberField(2.0)
    no_root: bool = False
    epsilon: NumberField = NumberField(1e-6)
    aggregate: bool = False
    instance_weights: ConvertedField = ConvertedField(lambda weights: _check_weights(weights), None)

    def __post_init__(self) -> None:
        """Check the fields."""
        if not (self.p > 0 and self.epsilon > 0):
            raise ShapeError(f"PairwiseDistance has p {self.p} and epsilon {self.epsilon}, expected both above 0")

    __repr__ = summary


def _check_weights(weights: Any) -> Array | float | None:
    """Return weights as an array with axes, a number, or None; raise TypeError for anything else."""
    if isinstance(weights, Real) or getattr(weights, "shape", None) == ():
        return float(weights)
    if not hasattr(weights, "shape"):
        require_array(weights, "PairwiseDistance instance_weights", optional=True)
    return weights


def output_shape(layer: PairwiseDistance, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return N x H x W x 1, or 1 x 1 x 1 x 1 with `aggregate`; raise ShapeError if target or weights do not fit."""
    if len(shapes) not in (2, 3):
        raise ShapeError(f"PairwiseDistance takes two inputs, and weights as a third, found {len(shapes)}")
    each = (*shapes[0][:3], 1)
    if len(shapes[1]) != 4:
        raise ShapeError(f"PairwiseDistance has a target of shape {tuple(shapes[1])}, expected {shapes[0]}")
    require_fit("a target", shapes[1], shapes[0])
    if len(shapes) == 3:
        require_fit("weights", shapes[2], each)
    elif layer.instance_weights is not None:
        require_fit("instance weights", getattr(layer.instance_weights, "shape", ()), each)
    return (1, 1, 1, 1) if layer.aggregate else each


def require_fit(what: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise ShapeError unless an array of shape `shape` broadcasts to `expected`."""
    ones = (1,) * (4 - len(shape)) + tuple(shape)
    if len(ones) > 4 or any(m not in (1, n) for m, n in zip(ones, expected, strict=True)):
        raise ShapeError(
            f"PairwiseDistance has {what} of shape {tuple(shape)}, expected {expected} or one that broadcasts to it"
        )


def forward(layer: PairwiseDistance, x: Array, target: Array, *weights: Array) -> Array:
    """Return y (N x H x W x 1, or 1 x 1 x 1 x 1; dtype of x)."""
    d = array_module(x, target, *weights).abs(x - target.astype(x.dtype, copy=False))
    S = (d**layer.p).sum(axis=3, keepdims=True)
    y = (S if layer.no_root else S ** (1 / layer.p)) * instance_weights(layer, x, *weights)
    return y.sum().reshape(1, 1, 1, 1) if layer.aggregate else y


def gradient(
    layer: PairwiseDistance, signal: Array, output: Array | None, x: Array, target: Array, *weights: Array
) -> tuple[Array, ...]:
    """Return (dx, dt), and zeros for weights given as a third input: they have no derivative here."""
    xp, p = array_module(signal, x, target, *weights), layer.p
    d = x - target.astype(x.dtype, copy=False)
    size = xp.abs(d)
    slope = (size ** (p - 1) if p >= 1 else xp.maximum(size, layer.epsilon) ** (p - 1)) * xp.sign(d)
    if layer.no_root:
        slope = slope * p
    else:
        S = (size**p).sum(axis=3, keepdims=True)
        slope = slope * (S if p < 1 else xp.maximum(S, layer.epsilon)) ** (1 / p - 1)
    dx = slope * (signal * instance_weights(layer, x, *weights))
    single = tuple(axis for axis in range(4) if target.shape[axis] == 1)
    return dx, -dx.sum(axis=single, keepdims=True), *(xp.zeros(one.shape, x.dtype) for one in weights)


def instance_weights(layer: PairwiseDistance, x: Array, *given: Array) -> Array:
    """Return w in the dtype of x: the third input, or the layer's own, or 1."""
    w = given[0] if given else 1.0 if layer.instance_weights is None else layer.instance_weights
    if isinstance(w, float):
        return x.dtype.type(w)
    array_module(x, w)
    return w.astype(x.dtype, copy=False)


def window(layer: PairwiseDistance) -> Window | None:
    """Return a point; None where all positions are summed."""
    return None if layer.aggregate else POINT


def from_fields(fields: Fields) -> PairwiseDistance:
    """Return the layer of a simplenn struct."""
    fields.without_labels()
    return read(fields, 1e-3, aggregate=False)


def from_block(fields: Fields) -> PairwiseDistance:
    """Return the layer of a DagNN block, which has other defaults."""
    return read(fields, 1e-6, aggregate=True)


def read(fields: Fields, epsilon: float, aggregate: bool) -> PairwiseDistance:
    """Return the layer, with these defaults."""
    weights = fields.weights_of_instances()
    no_root, together = fields.flag("noRoot", False), fields.flag("aggregate", aggregate)
    return PairwiseDistance(fields.number("p", 2), no_root, fields.number("epsilon", epsilon), together, weights)


def to_fields(layer: PairwiseDistance) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    flags = {"noRoot": bool(layer.no_root), "aggregate": bool(layer.aggregate)}
    return {**flags, "p": layer.p, "epsilon": layer.epsilon}


def weights_in_chain(layer: PairwiseDistance) -> Struct:
    """Return the field of a simplenn struct that holds the weights."""
    return {"instanceWeights": with_four_axes(layer.instance_weights)}


def weights_in_block(layer: PairwiseDistance) -> Struct:
    """Return the options of the block, which has no field for the weights."""
    return {
        "opts": [] if layer.instance_weights is None else ["instanceWeights", with_four_axes(layer.instance_weights)]
    }


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    objective=True,
    matconvnet=Block(
        from_fields,
        "pdist",
        "PDist",
        to_fields,
        read_block=from_block,
        inputs=(2, 3),
        more=weights_in_block,
        unused=("loss", "normalise"),
        options=("noRoot", "aggregate", "epsilon", "instanceWeights"),
        only_chain=weights_in_chain,
    ),
)
