"""Scale: y = s * x + o, with a factor s and an offset o that broadcast: along axes where they have size 1, they repeat.

Each of s and o is a parameter of the layer, or an input: the inputs after x stand, in order, for the fields that are
None (an offset may also be absent). So s may hold a value per channel (1 x 1 x 1 x C, or just C), per image and channel
(N x 1 x 1 x C: a gate), per position, or one for all. Gradients, with g the signal:

    dx = s * g,    ds = sum of g * x,    do = sum of g,    the sums over the axes along which s (or o) repeats

(MatConvNet sums do over the axes along which *s* repeats, which is wrong where their shapes differ.) x does not repeat.
Reference: MatConvNet `dagnn.Scale`; Caffe `Scale` (`axis` says where its parameters begin), PyTorch `x * s + o`.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module, require_arrays, summary
from refvis.layers.base.errors import ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class Scale:
    """Scale by `scale` and add `offset` (None: the second and third input), of up to four axes, the last C or 1."""

    scale: Array | None = None
    offset: Array | None = None

    def __post_init__(self) -> None:
        """Take empty parameters as none, and check the others' axes."""
        require_arrays(self, or_none=("scale", "offset"))
        for name in ("scale", "offset"):
            array = getattr(self, name)
            if array is not None and not array.size:
                object.__setattr__(self, name, None)
            elif array is not None and not 1 <= array.ndim <= 4:
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
    """Return the factor, and the offset if there is one, wherever they come from, in the dtype of x."""
    array_module(x, layer.scale, layer.offset, *rest)
    waiting = list(rest)
    found = [
        given if given is not None else waiting.pop(0) if waiting else None for given in (layer.scale, layer.offset)
    ]
    s, o = (None if one is None else one.astype(x.dtype, copy=False) for one in found)
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
    """Return {"scale": ds, "offset": do}, those that the layer has."""
    by_name = _to_parameters(signal, x, *factors(layer, x, *rest))
    return {name: found for name, found in by_name.items() if getattr(layer, name) is not None}


def _to_parameters(signal: Array, x: Array, s: Array, o: Array | None) -> dict[str, Array]:
    found = {"scale": summed_to(signal * x, s.shape)}
    return found if o is None else found | {"offset": summed_to(signal, o.shape)}


def summed_to(values: Array, shape: tuple[int, ...]) -> Array:
    """Return the sum of the values over the axes along which an array of that shape repeats: broadcasting's adjoint."""
    ones = (1,) * (4 - len(shape)) + tuple(shape)
    repeats = tuple(axis for axis in range(4) if ones[axis] == 1)
    return values.sum(axis=repeats, keepdims=True).reshape(shape)
