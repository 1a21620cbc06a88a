"""Scale: y = s * x + o, with a factor s and an offset o that broadcast: along axes where they have size 1, they repeat.

Each of s and o is a parameter of the layer, or an input: the inputs after x stand, in order, for the fields that are
None (the offset may also be absent). So s may hold a value per channel (1 x 1 x 1 x C, or just C), per image and
channel (N x 1 x 1 x C: a gate), per position, or one for all. Gradients, with g the signal:

    dx = s * g,    ds = sum of g * x,    do = sum of g,    the sums over the axes along which s (or o) repeats

(MatConvNet sums do over the axes along which *s* repeats, which is wrong where their shapes differ.) x does not repeat.
Reference: MatConvNet `dagnn.Scale`; Caffe `Scale` (`axis` says where its parameters begin), PyTorch `x * s + o`.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module, one_for_all, one_for_all_places, summary
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField
from refvis.layers.base.geometry import POINT, Window
from refvis.layers.base.operator import AffineForm, Locality, Operator
from refvis.layers.sum import Sum


@dataclass(frozen=True, eq=False, repr=False)
class Scale:
    """Scale and offset, y = scale * x + offset, of up to four axes each, with sizes that broadcast against x.

    A field that is None stands for the second or third input; the offset may also be absent. Raises ShapeError for more
    axes, TypeError for fields that are no arrays.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Scale(np.array([1.0, 10.0]), np.array([5.0])), np.ones((1, 1, 1, 2))).ravel()
    array([ 6., 15.])
    >>> gate = np.array([0.0, 1.0]).reshape(1, 1, 1, 2)
    >>> layers.forward(layers.Scale(), np.full((1, 1, 1, 2), 7.0), gate).ravel()
    array([0., 7.])
    """

    scale: ArrayField = ArrayField(None, empty_is_none=True)
    offset: ArrayField = ArrayField(None, empty_is_none=True)

    def __post_init__(self) -> None:
        """Check the parameters' axes."""
        for name in ("scale", "offset"):
            array = getattr(self, name)
            if array is not None and not 1 <= array.ndim <= 4:
                raise ShapeError(f"Scale {name} has shape {array.shape}, expected up to four axes, the last C or 1")

    __repr__ = summary


def output_shape(layer: Scale, shape: tuple[int, ...], *rest: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of x, or raise ShapeError where factor or offset do not fit it."""
    given = [name for name in ("scale", "offset") if getattr(layer, name) is not None]
    least = 0 if layer.scale is not None else 1
    if not least <= len(rest) <= 2 - len(given):
        raise ShapeError(
            f"Scale with {' and '.join(given) or 'no parameters'} takes x and {least} ... {2 - len(given)} more "
            f"input(s), found {len(rest)}"
        )
    own = [getattr(layer, name).shape for name in given]
    for other in (*own, *rest):
        ones = (1,) * (4 - len(other)) + tuple(other)
        if any(m not in (1, n) for m, n in zip(ones, shape, strict=True)):
            raise ShapeError(
                f"the factor or offset has shape {tuple(other)}, expected along each axis 1 or that of {shape}"
            )
    return shape


def factors(layer: Scale, x: Array, *rest: Array) -> tuple[Array, Array | None]:
    """Return the factor, and the offset if there is one, from fields or inputs, in the dtype of x."""
    array_module(x, layer.scale, layer.offset, *rest)
    waiting = list(rest)
    both = [own if own is not None else waiting.pop(0) if waiting else None for own in (layer.scale, layer.offset)]
    s, o = (None if one is None else one.astype(x.dtype, copy=False) for one in both)
    return s, o


def forward(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return y (shape and dtype of x); the `rest` of the inputs stands for the fields that are None."""
    s, o = factors(layer, x, *rest)
    return x * s if o is None else x * s + o


def gradient(layer: Scale, signal: Array, output: Array | None, x: Array, *rest: Array) -> tuple[Array, ...]:
    """Return (dx, ...): s * signal, and the gradient of each input that stands for a field."""
    s, o = factors(layer, x, *rest)
    by_name = _to_parameters(signal, x, s, o)
    return signal * s, *(by_name[name] for name in by_name if getattr(layer, name) is None)


def parameter_gradients(layer: Scale, signal: Array, output: Array | None, x: Array, *rest: Array) -> dict[str, Any]:
    """Return {"scale": ds, "offset": do}, for the fields that are parameters."""
    by_name = _to_parameters(signal, x, *factors(layer, x, *rest))
    return {name: gradient for name, gradient in by_name.items() if getattr(layer, name) is not None}


def _to_parameters(signal: Array, x: Array, s: Array, o: Array | None) -> dict[str, Array]:
    gradients = {"scale": summed_to(signal * x, s.shape)}
    return gradients if o is None else gradients | {"offset": summed_to(signal, o.shape)}


def summed_to(values: Array, shape: tuple[int, ...]) -> Array:
    """Return the sum of the values over the axes along which an array of that shape repeats: broadcasting's adjoint."""
    ones = (1,) * (4 - len(shape)) + tuple(shape)
    repeats = tuple(axis for axis in range(4) if ones[axis] == 1)
    return values.sum(axis=repeats, keepdims=True).reshape(shape)


def window(layer: Scale) -> Window | None:
    """Return a point; None for a factor that is an input, since one value may serve all positions."""
    return None if layer.scale is None else POINT


def per_image(layer: Scale) -> bool:
    """Return whether the parameters are the same for all images of the batch."""
    return one_for_all(layer.scale, layer.offset)


def is_local(layer: Scale) -> bool:
    """Return whether the parameters are the same at all places of all images."""
    return layer.scale is not None and one_for_all_places(layer.scale, layer.offset)


def affine(layer: Scale, x: Array, *rest: Array) -> AffineForm:
    """Return y = s x + o. A factor that is an input is a gate (Arras et al. 2017): it gets nothing, and y is a sum."""
    s, o = factors(layer, x, *rest)
    if not rest:
        return AffineForm(Scale(s), (x,), o, "scale")
    own_offset = layer.offset is not None
    terms = (x * s,) if o is None or own_offset else (x * s, array_module(x).broadcast_to(o, x.shape))

    def to_inputs(relevance: tuple[Array, ...]) -> tuple[Array, ...]:
        gate = () if layer.scale is not None else (array_module(x).zeros(rest[0].shape, x.dtype),)
        return relevance[0], *gate, *(summed_to(one, rest[-1].shape) for one in relevance[1:])

    return AffineForm(Sum(), terms, o if own_offset else None, to_inputs=to_inputs)


def from_fields(fields: Fields) -> Scale:
    """Return the layer of a block in a MatConvNet model; factor and offset are inputs first, then its arrays."""
    arrays: list[Any] = fields.own_arrays()
    by_input: list[Any] = [None] * (fields.inputs - 1)
    factor, offset = [*by_input, *arrays, None, None][:2]
    if len(by_input) + len(arrays) > 2 or not by_input + arrays:
        given = f"{fields.inputs} inputs and {len(arrays)} parameters"
        raise fields.error("", given, "a factor and at most one offset, each an input or a parameter")
    return Scale(factor, offset)


def to_fields(layer: Scale) -> Struct:
    """Return the size of the factor, or else of the offset (four axes each), in H x W x C x N, as a block has it."""
    array = layer.scale if layer.scale is not None else layer.offset
    return {"size": (1, 1, 1, 1) if array is None else array.transpose(1, 2, 3, 0).shape}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    window,
    per_image=per_image,
    local=Locality(is_local),
    affine=affine,
    matconvnet=Block(
        from_fields, block="Scale", arrays=(("scale", "f"), ("offset", "b")), more=to_fields, inputs=(1, 2, 3)
    ),
)
