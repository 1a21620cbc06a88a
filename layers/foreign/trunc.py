"""Truncated linear unit (Ye et al. 2017): values beyond a limit T become the limit.

    y = x where |x| < T,    else T sign(x)    (mirrored: else T, on both sides)

Networks that look for hidden messages begin with it. MatConvNet has no such layer. The public `vl_nntrunc`, which
``dagnn.Trunc`` calls, has T = 5, and T, not -T, for x <= -T: that is `mirrored`. The derivative is 1 where |x| < T,
else 0. Reference: PyTorch `nn.Hardtanh`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import NumberField
from refvis.layers.base.operator import EVERYWHERE, Operator, always

LIMIT = 5.0
"""The limit of the public `vl_nntrunc`."""


@dataclass(frozen=True, eq=False)
class Trunc:
    """Truncated linear unit, y = x where abs(x) < limit, else limit * sign(x).

        limit      above 0. Default 5
        mirrored   whether y is the limit where x <= -limit, too, as `vl_nntrunc` computes. Default False

    Raises ShapeError for another limit.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([[[[-9.0, -1.0, 7.0]]]])
    >>> layers.forward(layers.Trunc(), x).ravel(), layers.forward(layers.Trunc(mirrored=True), x).ravel()
    (array([-5., -1.,  5.]), array([ 5., -1.,  5.]))
    """

    limit: NumberField = NumberField(LIMIT)
    mirrored: bool = False

    def __post_init__(self) -> None:
        """Check the limit."""
        if not self.limit > 0:
            raise ShapeError(f"Trunc limit is {self.limit}, expected a number above 0")


def output_shape(layer: Trunc, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: Trunc, x: Array) -> Array:
    """Return y (shape and dtype of x); NaN stays."""
    xp, limit = array_module(x), x.dtype.type(layer.limit)
    return xp.where(x <= -limit, limit if layer.mirrored else -limit, xp.minimum(x, limit))


def gradient(layer: Trunc, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): the signal where |x| < limit, else 0."""
    inside = abs(x) < x.dtype.type(layer.limit)
    return (array_module(signal, x).where(inside, signal, signal.dtype.type(0)),)


def from_fields(fields: Fields) -> Trunc:
    """Return the layer of a block, which has no field: the function that it calls has the limit."""
    fields.remark(
        "warning", f"the limit is not stored: it is {LIMIT:g}, and values below -{LIMIT:g} become {LIMIT:g}", "limit"
    )
    return Trunc(LIMIT, mirrored=True)


def to_fields(layer: Trunc) -> Struct:
    """Return the fields of the block, none; raise ValueError for a layer that its function does not compute."""
    if (layer.limit, layer.mirrored) != (LIMIT, True):
        raise ValueError(
            f"a model holds only Trunc({LIMIT:g}, mirrored=True), the function that dagnn.Trunc calls, found {layer}"
        )
    return {}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, block="Trunc", more=to_fields),
)
