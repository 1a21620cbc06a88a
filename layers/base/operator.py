"""The row that each operator has in the table: its functions, and what is known about its layers.

A layer's own file ends with its row. `refvis.layers.operators` collects the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.geometry import Corner, Window

Layer: TypeAlias = Any
"""An instance of one of the layer dataclasses; they share no base class."""

Rule: TypeAlias = Callable[..., tuple[Array, ...]]
"""``(layer, signal, output, *inputs) -> signal for each input``."""


def always(layer: Layer) -> bool:
    """Return True: every layer of the type has the property."""
    return True


def never(layer: Layer) -> bool:
    """Return False: no layer of the type is known to have the property."""
    return False


class Cut(NamedTuple):
    """Patches that were cut out of a layer's input, and the parts of the output that they give.

    There is a corner for each of B patches: `seen` in the input, which has the height and width `extent`, and `written`
    in the output, whose parts have the height and width `size`. Patches may be larger than needed.
    """

    seen: tuple[Corner, ...]
    written: tuple[Corner, ...]
    size: tuple[int, int]
    extent: tuple[int, int]


@dataclass(frozen=True)
class Locality:
    """Where a layer's output at a place depends on its window only, and how it is computed from patches of its input.

    `applies` tells whether a layer is local, in the same way for every image. On patches that hold the border already,
    the layer without its border, ``bare(layer)``, gives the parts of the output (None: the patch is the output);
    ``finish(layer, y, cut)`` corrects these. `border` is what padding stands for. ``window(layer, *shapes)`` is the
    window where it depends on the inputs' shapes.
    """

    applies: Callable[[Layer], bool] = always
    bare: Callable[[Layer], Layer | None] = lambda layer: layer
    finish: Callable[[Layer, Array, Cut], Array] = lambda layer, y, cut: y
    border: Callable[[Layer], float] = lambda layer: 0.0
    window: Callable[..., Window] | None = None


EVERYWHERE = Locality()
"""Every layer of the type is local, and applies to patches as it is."""


class AffineForm(NamedTuple):
    """A layer written as y = W x + b: the layer W, without bias, and the inputs that contribute to y.

    `bias` broadcasts against the output. `weights` names the field of `layer` that holds W (None: all weights of an
    output are equal; `UNKNOWN`: neither). `places` are inputs that say where to read; no relevance goes to them.
    `to_inputs` turns relevance of these `inputs` into one array for each input of the layer itself.
    """

    layer: Layer
    inputs: tuple[Array, ...]
    bias: Array | None = None
    weights: str | None = None
    places: tuple[Array, ...] = ()
    to_inputs: Callable[[tuple[Array, ...]], tuple[Array, ...]] = tuple


UNKNOWN = "unknown"
"""Stands for weights that no field holds and that are not equal."""


def reading_at(layer: Layer, x: Array, places: tuple[Array, ...], weights: str | None) -> AffineForm:
    """Return the form y = W x of a layer that reads x at `places`, its other inputs, which get zeros."""
    zeros = tuple(array_module(x).zeros(place.shape, x.dtype) for place in places)
    return AffineForm(layer, (x,), None, weights, places, lambda relevance: (*relevance, *zeros))


@dataclass(frozen=True)
class Operator:
    """How one type of layer computes, and what is known about it. The first three functions are needed.

    forward              ``(layer, *inputs) -> output``
    gradient             the rule that passes a signal on exactly
    output_shape         ``(layer, *shapes) -> shape``, which raises ShapeError where sizes do not fit
    parameter_gradients  ``(layer, signal, output, *inputs) -> {field: gradient}``
    window               ``(layer) -> Window``, or None where no window describes what is seen; without it: a point
    shape_only           numbers of the inputs of which only the shape is used
    whole_image          whether every output sees the whole image
    objective            whether the last input is labels; the layer is left out of a forward pass without them
    per_image            whether each image of the output depends on that image of the inputs only
    local                whether and how the layer is computed on patches; None: not local
    affine               ``(layer, *inputs) -> AffineForm`` of a layer that is linear in its inputs
    scaled               ``(layer, factor, offset, like) -> layer``: factor * y + offset for each output channel, merged
    matconvnet           how MatConvNet's models hold the layer
    """

    forward: Callable[..., Array]
    gradient: Rule
    output_shape: Callable[..., tuple[int, ...]]
    parameter_gradients: Callable[..., dict[str, Array]] | None = None
    window: Callable[[Layer], Window | None] | None = None
    shape_only: tuple[int, ...] = ()
    whole_image: bool = False
    objective: bool = False
    per_image: Callable[[Layer], bool] = never
    local: Locality | None = None
    affine: Callable[..., AffineForm] | None = None
    scaled: Callable[[Layer, Array, Array, Array], Layer] | None = None
    matconvnet: Block | None = None
