"""The row of an operator in the table: its functions, and what is known about its layers.

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
    """Patches of a layer's input, and the parts of its output that follow from them.

    Each of B patches has two corners: `seen` in the input, whose height and width are `extent`, and `written` in the
    output. The parts of the output have the height and width `size`. Patches may be larger than needed.
    """

    seen: tuple[Corner, ...]
    written: tuple[Corner, ...]
    size: tuple[int, int]
    extent: tuple[int, int]


@dataclass(frozen=True)
class Locality:
    """How a local layer, whose output at a place depends on its window only, is computed from patches of its input.

    applies   ``(layer)``: whether this layer is local, in the same way for every image
    bare      ``(layer)``: the layer without its border, to run on patches that hold their border; None: the patch
              is the output
    finish    ``(layer, y, cut)``: the correct part of the output, given the output y of the bare layer
    border    ``(layer)``: the value of padding
    window    ``(layer, *shapes)``: the window, where it depends on the shapes of the inputs
    """

    applies: Callable[[Layer], bool] = always
    bare: Callable[[Layer], Layer | None] = lambda layer: layer
    finish: Callable[[Layer, Array, Cut], Array] = lambda layer, y, cut: y
    border: Callable[[Layer], float] = lambda layer: 0.0
    window: Callable[..., Window] | None = None


EVERYWHERE = Locality()
"""Every layer of the type is local, and runs on patches without change."""


class AffineForm(NamedTuple):
    """A layer written as y = W x + b: the layer W, without bias, and the inputs that contribute to y.

    layer       W
    inputs      the contributing inputs
    bias        b, which broadcasts against the output; None: no bias
    weights     the field of `layer` that holds W; None: all weights of an output are equal; `UNKNOWN`: neither
    places      inputs that say where to read, and get no relevance
    to_inputs   turns relevance of `inputs` into one array for each input of the original layer
    """

    layer: Layer
    inputs: tuple[Array, ...]
    bias: Array | None = None
    weights: str | None = None
    places: tuple[Array, ...] = ()
    to_inputs: Callable[[tuple[Array, ...]], tuple[Array, ...]] = tuple


UNKNOWN = "unknown"
"""Weights that no field holds and that are not equal."""


def reading_at(layer: Layer, x: Array, places: tuple[Array, ...], weights: str | None) -> AffineForm:
    """Return the form y = W x of a layer that reads x at `places`, its other inputs, which get zeros."""
    zeros = tuple(array_module(x).zeros(place.shape, x.dtype) for place in places)
    return AffineForm(layer, (x,), None, weights, places, lambda relevance: (*relevance, *zeros))


@dataclass(frozen=True)
class Operator:
    """How one type of layer computes, and what is known about it. The first three functions are required.

        forward              ``(layer, *inputs) -> output``
        gradient             the rule that passes a signal on exactly
        output_shape         ``(layer, *shapes) -> shape``, which raises ShapeError where sizes do not fit
        parameter_gradients  ``(layer, signal, output, *inputs) -> {field: gradient}``. Default: no parameters
        window               ``(layer) -> Window``, or None where no window describes what is seen. Default: a point
        shape_only           numbers of the inputs of which only the shape is used. Default: none
        whole_image          whether every output sees the whole image. Default False
        objective            whether the last input is labels; a forward pass without labels leaves the layer out
        per_image            whether each image of the output depends on that image of the inputs only
        one_to_one           whether each value of the output belongs to the input's value at the same place, although
                             the layer is not linear: activations and normalisations. Default False
        copies               whether every value of the output is a copy of a value of the inputs, or a constant.
                             Relevance then goes back by the gradient. Default False
        local                whether and how the layer is computed on patches. Default: it is not
        affine               ``(layer, *inputs) -> AffineForm`` of a layer that is linear in its inputs
        scaled               ``(layer, factor, offset, like) -> layer`` that computes factor * y + offset, by channel
        matconvnet           how MatConvNet's models hold the layer. Default: they cannot
        workspace            ``(layer, *shapes) -> numbers`` that the layer holds while it computes, beside its inputs
                             and output, in arrays that parameters make larger than these. Default: none

    >>> from refvis import layers
    >>> row = layers.OPERATORS[layers.ReLU]
    >>> row.gradient is layers.relu.gradient, row.output_shape(layers.ReLU(), (1, 2, 3, 4))
    (True, (1, 2, 3, 4))
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
    one_to_one: bool = False
    copies: bool = False
    local: Locality | None = None
    affine: Callable[..., AffineForm] | None = None
    scaled: Callable[[Layer, Array, Array, Array], Layer] | None = None
    matconvnet: Block | None = None
    workspace: Callable[..., int] | None = None
