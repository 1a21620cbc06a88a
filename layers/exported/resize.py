"""Resize: images made larger or smaller by interpolation along rows, then along columns.

    y = A x B^T for each channel,    A of H' x H, B of W' x W

Row i of A says which rows of x make row i of y. It is read at the coordinate u:

| `coordinates`        | u for output row i, scale s                  | who                                        |
|----------------------|----------------------------------------------|--------------------------------------------|
| half_pixel           | (i + 1/2) / s - 1/2                          | PyTorch, align_corners=False               |
| pytorch_half_pixel   | the same; 0 if there is one row              | PyTorch, older exports                     |
| half_pixel_symmetric | half_pixel, with what is cut off on both sides | Keras                                    |
| align_corners        | i (H - 1) / (s H - 1): ends meet ends        | PyTorch, align_corners=True                |
| asymmetric           | i / s                                        | PyTorch's nearest, Caffe, older ONNX files |

"nearest" takes the one row that u rounds to, by `rounding`; "bilinear" takes the two rows around u, in proportion to
1 minus their distance. Rows beyond the border are the border's. Without `size`, H' = floor(s H). The gradient is
A^T g B. MatConvNet has no such layer; it enlarges by a transposed convolution with fixed filters, which differs at the
border. Reference: ONNX `Resize`, PyTorch `interpolate`.
"""

from dataclasses import dataclass
from math import floor
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ChoiceField, ConvertedField
from refvis.layers.base.geometry import Window, pair
from refvis.layers.base.operator import UNKNOWN, AffineForm, Operator, always

LARGEST = 2.0**60
"""The most rows or columns: no array has more values."""

PER_WEIGHT = 6
"""Numbers that each weight takes while A and B are computed, in float64 beside truth values."""

METHODS = ("nearest", "bilinear")
COORDINATES = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def _scale(given: Any) -> tuple[float, float] | None:
    """Return (y, x) as floats above 0, or None; raise ShapeError for anything else."""
    if given is None:
        return None
    both = tuple(float(one) for one in (given if isinstance(given, tuple | list) else (given, given)))
    if len(both) != 2 or not all(0 < one < float("inf") for one in both):
        raise ShapeError(f"Resize scale is {given!r}, expected one or two numbers above 0")
    return both[0], both[1]


def _size(given: Any) -> tuple[int, int] | None:
    """Return (y, x) as ints of 1 or more, or None."""
    return None if given is None else pair(given, "Resize size")


@dataclass(frozen=True, eq=False)
class Resize:
    """Resizing of images by interpolation, by a `scale` or to a `size`; one of them may be None.

        scale        the factor, a number or (y, x); with `size`, coordinates still follow it. Default: 2 without `size`
        size         the output's height and width in pixels, a number or (y, x). Default: floor(scale * size of x)
        method       "nearest", the default, or "bilinear"
        coordinates  how a row of the output lies in the input: see the module. Default "half_pixel"
        rounding     of nearest: "floor", the default, "ceil", "round_prefer_floor", "round_prefer_ceil"

    Raises ShapeError for values that are none of these.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    >>> layers.forward(layers.Resize((1, 2)), x).ravel()
    array([1., 1., 3., 3.])
    >>> layers.forward(layers.Resize((1, 2), method="bilinear"), x).ravel()
    array([1. , 1.5, 2.5, 3. ])
    """

    scale: ConvertedField = ConvertedField(_scale, None)
    size: ConvertedField = ConvertedField(_size, None)
    method: ChoiceField = ChoiceField("nearest", METHODS)
    coordinates: ChoiceField = ChoiceField("half_pixel", COORDINATES)
    rounding: ChoiceField = ChoiceField("round_prefer_floor", ROUNDINGS)

    def __post_init__(self) -> None:
        """Take the scale 2 where neither is given."""
        if self.scale is None and self.size is None:
            vars(self)["scale"] = (2.0, 2.0)


def output_shape(layer: Resize, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return N x H' x W' x C, or raise ShapeError if nothing is left."""
    scaled = layer.size or [factor * extent for factor, extent in zip(layer.scale, shape[1:3], strict=True)]
    if max(scaled) > LARGEST:
        raise ShapeError(f"the scale {layer.scale} makes {shape[1]} x {shape[2]} pixels larger than any array")
    height, width = map(floor, scaled)
    if min(height, width) < 1:
        raise ShapeError(f"the input has {shape[1]} x {shape[2]} pixels, of which the scale {layer.scale} leaves none")
    return shape[0], height, width, shape[3]


def coordinates(layer: Resize, index: Array, extent: int, count: int, axis: int) -> Array:
    """Return where rows or columns (`index`, float64, of `count`) of the output lie in an input of that extent."""
    scale = count / extent if layer.scale is None else layer.scale[axis]
    if layer.coordinates == "align_corners":
        last = (count if layer.scale is None else scale * extent) - 1
        return index * ((extent - 1) / last if last > 0 else 0)
    if layer.coordinates == "asymmetric":
        return index / scale
    if layer.coordinates == "pytorch_half_pixel" and count == 1:
        return index
    u = (index + 0.5) / scale - 0.5
    return u + extent / 2 * (1 - count / (scale * extent)) if layer.coordinates == "half_pixel_symmetric" else u


def weights(layer: Resize, x: Array, axis: int) -> Array:
    """Return A for rows (axis 0), B for columns (axis 1): places of the output x places of the input, dtype of x."""
    xp, extent, count = array_module(x), x.shape[axis + 1], output_shape(layer, x.shape)[axis + 1]
    u = coordinates(layer, xp.arange(count, dtype="float64")[:, None], extent, count, axis)
    places = xp.arange(extent)
    if layer.method == "nearest":
        return (places == xp.clip(rounded(layer, u), 0, extent - 1)).astype(x.dtype)
    before = xp.floor(u)
    low, high = (places == xp.clip(one, 0, extent - 1) for one in (before, before + 1))
    return (low * (1 - (u - before)) + high * (u - before)).astype(x.dtype)


def rounded(layer: Resize, u: Array) -> Array:
    """Return the nearest row of each coordinate, halves to the side that the layer's rounding prefers."""
    xp = array_module(u)
    if layer.rounding in ("floor", "ceil"):
        return xp.floor(u) if layer.rounding == "floor" else xp.ceil(u)
    return xp.ceil(u - 0.5) if layer.rounding == "round_prefer_floor" else xp.floor(u + 0.5)


def forward(layer: Resize, x: Array) -> Array:
    """Return y (N x H' x W' x C, dtype of x)."""
    xp = array_module(x)
    a, b = weights(layer, x, 0), weights(layer, x, 1)
    return xp.einsum("jw,niwc->nijc", b, xp.einsum("ih,nhwc->niwc", a, x))


def gradient(layer: Resize, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) = (A^T g B,)."""
    xp = array_module(signal, x)
    a, b = weights(layer, x, 0), weights(layer, x, 1)
    return (xp.einsum("ih,niwc->nhwc", a, xp.einsum("jw,nijc->niwc", b, signal)),)


def workspace(layer: Resize, shape: tuple[int, ...]) -> int:
    """Return the numbers in the image resized along one axis, and in A and B while they are computed."""
    count, height, width, channels = shape
    _, rows, columns, _ = output_shape(layer, shape)
    between = count * channels * max(rows * width, height * columns)
    return between + PER_WEIGHT * (rows * height + columns * width)


def window(layer: Resize) -> Window | None:
    """Return None: an output's place need not follow from that of a window."""
    return None


def affine(layer: Resize, x: Array) -> AffineForm:
    """Return y = W x; of nearest, each output has the one weight 1."""
    return AffineForm(layer, (x,), None, None if layer.method == "nearest" else UNKNOWN)


def from_fields(fields: Fields) -> Resize:
    """Return the layer of a struct in a model; zeros stand for a scale, or size, that is not given."""
    scale, size = (fields.numbers(name, (0.0, 0.0), (2,)) for name in ("scale", "size"))
    names = {name: fields.choice(name, default) for name, default in CHOICES.items()}
    return Resize(scale if any(scale) else None, size if any(size) else None, **names)


CHOICES = {"method": "nearest", "coordinates": "half_pixel", "rounding": "round_prefer_floor"}
"""Fields that are names, and their defaults."""


def to_fields(layer: Resize) -> Struct:
    """Return the fields of the struct in a model."""
    none = (0.0, 0.0)
    names = {name: getattr(layer, name) for name in CHOICES}
    return {"scale": layer.scale or none, "size": layer.size or none, **names}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    affine=affine,
    matconvnet=Block(from_fields, "resize", "Resize", to_fields),
    workspace=workspace,
)
