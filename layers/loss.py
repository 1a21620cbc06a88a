"""The ten losses of MatConvNet's `vl_nnloss`, as a table: kind -> (value per instance, its derivative in x).

Categorical kinds have one label c per prediction vector x_1 ... x_C (labels count from 1, 0 = ignore this instance):

    classerror   [c != argmax_k x_k]                 log          -log x_c
    topkerror    [c not among the topk largest]      softmaxlog   log(sum_k exp x_k) - x_c
    mhinge       max(0, 1 - x_c)                     mshinge      max(0, 1 - x_c + max_{k != c} x_k)

Attribute kinds have one label c in {-1, +1} per prediction scalar x (0 = ignore):

    binaryerror  [sign(x - threshold) != c]          binarylog    -log(c (x - 1/2) + 1/2)
    logistic     log(1 + exp(-c x))                  hinge        max(0, 1 - c x)

The loss is the weighted sum over all instances divided by the number of images N. The two errors have derivative 0.
Labels: N x H x W x 1 (categorical), N x H x W x C (attribute), or one per image, for all its
positions and channels.
`SoftmaxLoss` is the older block `vl_nnsoftmaxloss`: softmaxlog, always divided by N, labels as here.
Reference: Vedaldi & Lenc, MatConvNet, 2015, section 4.8.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from refvis.layers import softmax
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct, with_four_axes
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.operator import Operator

CLAMP = 1e-8
"""The least probability that the loss `log` computes with."""


@dataclass(frozen=True, eq=False)
class Loss:
    """One of the ten losses of MatConvNet, summed over all instances and divided by the number of images N.

        kind               "classerror", "topkerror", "log", "softmaxlog" (default), "mhinge", "mshinge", "binaryerror",
                           "binarylog", "logistic" or "hinge"; formulas on the page of the loss
        topk               how many of the largest predictions count, for topkerror. Default 5
        threshold          the prediction that separates -1 from +1, for binaryerror. Default 0
        instance_weights   the weight of each instance, in the labels' shape N x H x W x (1 or C), or one that
                           broadcasts to it. Default: 1 for each
        normalise          whether the sum is divided by N. Default True

    Raises ShapeError for another kind, and for a topk below 1.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([3.0, 1.0]).reshape(1, 1, 1, 2)
    >>> label = np.array([2.0]).reshape(1, 1, 1, 1)  # labels count from 1
    >>> layers.forward(layers.Loss("mshinge"), x, label).item()  # 1 - 1 + 3
    3.0
    """

    kind: str = "softmaxlog"
    topk: int = 5
    threshold: float = 0.0
    instance_weights: Array | None = None
    normalise: bool = True

    def __post_init__(self) -> None:
        """Check the kind."""
        if self.kind not in LOSSES:
            raise ShapeError(f"Loss kind is {self.kind!r}, expected one of {', '.join(LOSSES)}")
        if self.topk < 1:
            raise ShapeError(f"Loss topk is {self.topk}, expected at least 1")


@dataclass(frozen=True, eq=False)
class SoftmaxLoss:
    """Softmax and logarithmic loss in one block, log(sum_k exp x_k) - x_c, divided by the number of images N.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, label = np.zeros((1, 1, 1, 2)), np.ones((1, 1, 1, 1))
    >>> layers.forward(layers.SoftmaxLoss(), x, label).round(3).item()  # log 2
    0.693
    """


class _Kind(NamedTuple):
    value: Callable[[Loss, Array, Array], Array]
    derivative: Callable[[Loss, Array, Array], Array]
    categorical: bool


def output_shape(layer: Loss, shape: tuple[int, ...], labels: tuple[int, ...]) -> tuple[int, ...]:
    """Return 1 x 1 x 1 x 1: a loss is one number."""
    return 1, 1, 1, 1


def forward(layer: Loss, x: Array, labels: Array) -> Array:
    """Return the loss (1 x 1 x 1 x 1, dtype of x) of predictions x (N x H x W x C)."""
    c, weights = labels_and_weights(layer, x, labels)
    each = LOSSES[layer.kind].value(layer, x, c)
    return (each * weights).sum().reshape(1, 1, 1, 1) / scale(layer, x)


def gradient(layer: Loss, signal: Array, output: Array | None, x: Array, labels: Array) -> tuple[Array, Array]:
    """Return (dx, zeros): labels have no derivative."""
    xp = array_module(signal, x)
    c, weights = labels_and_weights(layer, x, labels)
    dx = LOSSES[layer.kind].derivative(layer, x, c) * weights * signal.reshape(1, 1, 1, 1) / scale(layer, x)
    return dx.astype(x.dtype, copy=False), xp.zeros(labels.shape, x.dtype)


def softmax_loss_forward(layer: SoftmaxLoss, x: Array, labels: Array) -> Array:
    """Return the loss (1 x 1 x 1 x 1, dtype of x) of scores x (N x H x W x C)."""
    return forward(Loss("softmaxlog"), x, labels)


def softmax_loss_gradient(
    layer: SoftmaxLoss, signal: Array, output: Array | None, x: Array, labels: Array
) -> tuple[Array, Array]:
    """Return (dx, zeros)."""
    return gradient(Loss("softmaxlog"), signal, output, x, labels)


def scale(layer: Loss, x: Array) -> Any:
    """Return the number by which the sum is divided."""
    return x.dtype.type(len(x) if layer.normalise else 1)


def labels_and_weights(layer: Loss, x: Array, labels: Array) -> tuple[Array, Array]:
    """Return the labels, and the weight of each instance, both N x H x W x (1 or C); raise ShapeError."""
    xp = array_module(x, labels, layer.instance_weights)
    kind = LOSSES[layer.kind]
    expected = (*x.shape[:3], 1 if kind.categorical else x.shape[3])
    if labels.size == len(x):
        labels = xp.broadcast_to(labels.reshape(-1, 1, 1, 1), expected)
    if labels.shape != expected:
        raise ShapeError(f"labels have shape {labels.shape}, expected {expected} or one per image ({len(x)})")
    low, high = (0, x.shape[3]) if kind.categorical else (-1, 1)
    if labels.min() < low or labels.max() > high or (labels != xp.rint(labels)).any():
        raise ShapeError(
            f"labels lie in {labels.min()} ... {labels.max()}, expected whole numbers in {low} ... {high} "
            f"for the loss {layer.kind!r} (0 = ignore)"
        )
    weights = (labels != 0).astype(x.dtype)
    if layer.instance_weights is not None:
        given = layer.instance_weights.shape
        ones = (1,) * (4 - len(given)) + given
        if len(ones) > 4 or any(w not in (1, n) for w, n in zip(ones, expected, strict=True)):
            raise ShapeError(f"instance weights have shape {given}, expected {expected} or one that broadcasts to it")
        weights = weights * layer.instance_weights.astype(x.dtype, copy=False)
    return labels.astype(x.dtype, copy=False), weights


def _chosen(x: Array, c: Array) -> Array:
    """Return x_c (N x H x W x 1); for ignored instances x_1, which their weight 0 then removes."""
    xp = array_module(x)
    return xp.take_along_axis(x, _index(c), axis=3)


def _index(c: Array) -> Array:
    return array_module(c).maximum(c.astype("int64") - 1, 0)


def _one_hot(x: Array, index: Array) -> Array:
    xp = array_module(x)
    return (xp.arange(x.shape[3]) == index).astype(x.dtype)


def _rivals(x: Array, c: Array) -> Array:
    """Return x with minus infinity at channel c: the largest is x_c's strongest rival (minus infinity if C is 1)."""
    xp = array_module(x)
    return xp.where(_one_hot(x, _index(c)) > 0, x.dtype.type(-xp.inf), x)


def _top_k_missed(layer: Loss, x: Array, c: Array) -> Array:
    xp = array_module(x)
    order = xp.argsort(-x, axis=3, kind="stable")[..., : layer.topk]
    return 1 - (order == c - 1).sum(axis=3, keepdims=True).astype(x.dtype)


def _log_sum_exp(x: Array) -> Array:
    xp, top = array_module(x), x.max(axis=3, keepdims=True)
    return top + xp.log(xp.exp(x - top).sum(axis=3, keepdims=True))


def _margin(x: Array, c: Array) -> Array:
    """Return x_c minus its strongest rival."""
    return _chosen(x, c) - _rivals(x, c).max(axis=3, keepdims=True)


def _log_derivative(layer: Loss, x: Array, c: Array) -> Array:
    return -_one_hot(x, _index(c)) / array_module(x).maximum(_chosen(x, c), CLAMP)


def _mshinge_derivative(layer: Loss, x: Array, c: Array) -> Array:
    rival = _rivals(x, c).argmax(axis=3)[..., None]
    return (_margin(x, c) < 1) * (_one_hot(x, rival) - _one_hot(x, _index(c)))


def _probability(x: Array, c: Array) -> Array:
    """Return the probability of the label: x for +1, 1 - x for -1; 1/2 for an ignored one, whose weight is 0."""
    return c * x + (1 - c) * 0.5


def _logistic(layer: Loss, x: Array, c: Array) -> Array:
    xp = array_module(x)
    return xp.logaddexp(0, -c * x)


def _logistic_derivative(layer: Loss, x: Array, c: Array) -> Array:
    return -c * array_module(x).exp(-array_module(x).logaddexp(0, c * x))


def _zero(layer: Loss, x: Array, c: Array) -> Array:
    return array_module(x).zeros_like(x)


LOSSES = {
    "classerror": _Kind(lambda _, x, c: (x.argmax(axis=3)[..., None] != c - 1).astype(x.dtype), _zero, True),
    "topkerror": _Kind(_top_k_missed, _zero, True),
    "log": _Kind(
        lambda _, x, c: -array_module(x).log(array_module(x).maximum(_chosen(x, c), CLAMP)),
        _log_derivative,
        True,
    ),
    "softmaxlog": _Kind(
        lambda _, x, c: _log_sum_exp(x) - _chosen(x, c),
        lambda _, x, c: softmax.forward(softmax.Softmax(), x) - _one_hot(x, _index(c)),
        True,
    ),
    "mhinge": _Kind(
        lambda _, x, c: array_module(x).maximum(0, 1 - _chosen(x, c)),
        lambda _, x, c: -_one_hot(x, _index(c)) * (_chosen(x, c) < 1),
        True,
    ),
    "mshinge": _Kind(lambda _, x, c: array_module(x).maximum(0, 1 - _margin(x, c)), _mshinge_derivative, True),
    "binaryerror": _Kind(
        lambda layer, x, c: (array_module(x).sign(x - layer.threshold) != c).astype(x.dtype), _zero, False
    ),
    "binarylog": _Kind(
        lambda _, x, c: -array_module(x).log(_probability(x, c)),
        lambda _, x, c: -c / _probability(x, c),
        False,
    ),
    "logistic": _Kind(_logistic, _logistic_derivative, False),
    "hinge": _Kind(
        lambda _, x, c: array_module(x).maximum(0, 1 - c * x),
        lambda _, x, c: -c * (c * x < 1),
        False,
    ),
}


def from_fields(fields: Fields) -> Loss:
    """Return the loss of a simplenn struct, which has one kind."""
    fields.without_labels()
    return Loss("softmaxlog")


def from_block(fields: Fields) -> Any:
    """Return the loss of a DagNN block; one of another kind than the ten is an unknown layer."""
    given = fields.text("loss") or "softmaxlog"
    kind = given.lower()
    if kind not in LOSSES:
        return fields.unknown(f"losses of kind {given!r}")
    (topk,) = fields.whole("topK", fields.option("topK", 5.0))
    weights = fields.weights_of_instances(as_number=False)
    fields.without_effect("classWeights")
    return Loss(kind, topk, fields.option("threshold", 0.0), weights)


def to_fields(layer: Loss) -> Struct:
    """Return the fields of the block in a MatConvNet model; raise ValueError for what it cannot hold."""
    if not layer.normalise:
        raise ValueError(
            "a MatConvNet model holds no loss that is not divided by N: use dataclasses.replace(layer, normalise=True)"
        )
    options: list[Any] = ["topK", float(layer.topk)] if layer.topk != 5 else []
    options += [] if layer.instance_weights is None else ["instanceWeights", with_four_axes(layer.instance_weights)]
    options += ["threshold", float(layer.threshold)] if layer.threshold else []
    return {"loss": layer.kind, "opts": options}


def is_simplenn_loss(layer: Loss) -> bool:
    """Return whether the loss is the one that simplenn knows."""
    return layer.instance_weights is None and (layer.kind, layer.topk, layer.threshold) == ("softmaxlog", 5, 0.0)


def softmax_loss_from_fields(fields: Fields) -> SoftmaxLoss:
    """Return the loss of a simplenn struct."""
    fields.without_labels()
    return SoftmaxLoss()


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    objective=True,
    matconvnet=Block(
        from_fields,
        "loss",
        "Loss",
        read_block=from_block,
        more=to_fields,
        inputs=(2,),
        unused=("normalise",),  # it belongs to the running average that the block keeps
        in_chain=is_simplenn_loss,
        options=("loss", "topK", "threshold", "instanceWeights", "classWeights"),
    ),
)
SOFTMAX_OPERATOR = Operator(
    softmax_loss_forward,
    softmax_loss_gradient,
    output_shape,
    whole_image=True,
    objective=True,
    matconvnet=Block(
        softmax_loss_from_fields, "softmaxloss", "Loss", more=lambda layer: {"loss": "softmaxlog"}, inputs=()
    ),
)
