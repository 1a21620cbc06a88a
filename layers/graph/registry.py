"""Registered layers: implementations that users add, and their names in models.

    refvis.layers.register(Swish, forward=..., gradient=..., output_shape=..., matconvnet="swish", build=...)

A registered layer is like a built-in one: it runs, it passes signals back by its gradient in the modes gradient,
deconvnet, guided and DeepLIFT, and models with it load and save. What a gradient does not tell is asked for:

- whether it is an `activation`: deconvnet and guided backpropagation then gate the signal as at a ReLU, DeepLIFT
  replaces the derivative by the secant's slope, and relevance passes unchanged;
- whether it works `per_image`, as DeepLIFT and batches of masked images need;
- how it is linear, `affine`: relevance then takes the rule that each mode has for built-in layers of that kind;
- another rule of `relevance`. Without one of these three, modes of relevance raise an error at such a layer.

DeepLIFT multiplies by the gradient at a layer that is no activation, which is right where the layer is linear.
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from functools import partial
from typing import Any

from refvis.layers import modes
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.operator import EVERYWHERE, AffineForm, always, never
from refvis.layers.lrp.linear import LINEAR
from refvis.layers.modes import deeplift
from refvis.layers.modes.composites import REGISTERED, affine_rule, default_rule
from refvis.layers.operators import OPERATORS, Layer, Operator, Rule

TABLES: tuple[dict[Any, Any], ...] = (modes.GRADIENT, modes.DECONVNET, modes.GUIDED, modes.DEEPLIFT)
"""Modes in which a layer without another rule passes the signal back by its gradient."""

RELEVANCE: tuple[dict[Any, Any], ...] = tuple(
    table for table in modes.MODES.values() if table not in TABLES and modes.is_relevance(table)
)
"""Modes of relevance, to which a registered layer's rule is added."""


@dataclass(frozen=True)
class Registered:
    """How models hold a layer: its name there, and the functions from and to the fields of its struct."""

    layer: type
    name: str
    build: Callable[[dict[str, Any]], Layer]
    save: Callable[[Layer], dict[str, Any]] | None


BY_NAME: dict[str, Registered] = {}
"""MatConvNet's type (simplenn) or class (DagNN, without ``dagnn.``) -> the registered layer."""

BY_TYPE: dict[type, Registered] = {}
"""Layer type -> the registered layer."""


def register(
    layer: type,
    *,
    forward: Callable[..., Any],
    gradient: Rule,
    output_shape: Callable[..., tuple[int, ...]],
    parameter_gradients: Callable[..., dict[str, Any]] | None = None,
    window: Callable[[Layer], Any] | None = None,
    matconvnet: str | None = None,
    build: Callable[[dict[str, Any]], Layer] | None = None,
    save: Callable[[Layer], dict[str, Any]] | None = None,
    affine: Callable[..., AffineForm] | None = None,
    activation: bool = False,
    per_image: bool = False,
    relevance: Rule | None = None,
) -> None:
    """Add a layer type with its functions. A second registration of a type or a name replaces the first.

    Parameters; arrays are N x H x W x C:

        layer                the type, a dataclass
        forward              ``forward(layer, *inputs)`` returns the output
        gradient             ``gradient(layer, signal, output, *inputs)`` returns a tuple with an array for each input
        output_shape         ``output_shape(layer, *shapes)`` returns the shape of the output
        parameter_gradients  as `gradient`, but returns {field: array}
        window               ``window(layer)`` returns pixels covered, stride and pad, each (y, x), for receptive fields
        matconvnet           the type's name in MatConvNet's models
        build                ``build(fields)`` makes the layer of its struct's fields: single numbers as numbers, rows
                             as tuples, other arrays in MATLAB's layout, parameters in the list "weights"
        save                 ``save(layer)`` returns such fields
        affine               ``affine(layer, *inputs)`` returns how a linear layer is W x + b, a `lrp.Linear`
        activation           whether the layer acts on each value by itself, as a ReLU does. In "deconvnet" it then
                             passes the signal where that is positive, and in "guided" its gradient where signal and
                             output are both positive; DeepLIFT takes its secant. Default: False, its gradient in all
        per_image            whether each image of the output depends on that image of the inputs only, as far as you
                             know; an activation does. Default: False, and methods then compute images one by one
        relevance            its rule in all modes of relevance. Default: `lrp.passes` for an activation; for a layer
                             with `affine`, the rule that each mode has for sums and scaling (`modes.relevance`); else
                             they have none for it

    Raises ValueError for a type that is built in or not a dataclass, and for `matconvnet` without `build`, or
    `build` without it.

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from refvis import layers
    >>> @dataclass(frozen=True, eq=False)
    ... class Twice:
    ...     pass
    >>> layers.register(
    ...     Twice,
    ...     forward=lambda layer, x: 2 * x,
    ...     gradient=lambda layer, signal, output, x: (2 * signal,),
    ...     output_shape=lambda layer, shape: shape,
    ... )
    >>> layers.forward(Twice(), np.ones((1, 1, 1, 2))).ravel()
    array([2., 2.])
    >>> layers.unregister(Twice)
    """
    if not (isinstance(layer, type) and is_dataclass(layer)):
        raise ValueError(f"{layer!r} is not a dataclass: decorate the layer's class with @dataclass(frozen=True)")
    if layer in OPERATORS and layer not in ADDED:
        raise ValueError(
            f"{layer.__name__} is built in: give a mode another rule for it, or register a type of your own"
        )
    if (matconvnet is None) != (build is None):
        raise ValueError("matconvnet= and build= belong together: the layer's name in a model, and its maker")
    unregister(layer)
    ADDED.add(layer)
    OPERATORS[layer] = Operator(
        forward,
        gradient,
        output_shape,
        parameter_gradients,
        window,
        per_image=always if per_image or activation else never,
        local=EVERYWHERE if activation else None,
        one_to_one=activation,
        affine=affine,
    )
    if affine is not None:
        LINEAR[layer] = affine
    for table in TABLES:
        table[layer] = gradient
    if activation:
        modes.DECONVNET[layer], modes.GUIDED[layer] = deconvnet, partial(guided, gradient=gradient)
        modes.DEEPLIFT[layer] = deeplift.rescale
    if relevance is not None:
        REGISTERED[layer] = relevance
    for table in RELEVANCE:
        rule = relevance or default_rule(OPERATORS[layer], affine_rule(table))
        if rule is not None:
            table[layer] = rule
    if matconvnet is not None and build is not None:
        name = matconvnet.removeprefix("dagnn.")
        BY_NAME[name] = BY_TYPE[layer] = Registered(layer, name, build, save)


def deconvnet(layer: Layer, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Deconvnet at an activation: the signal passes where it is positive (Zeiler & Fergus 2014)."""
    return (array_module(signal).where(signal > 0, signal, signal.dtype.type(0)),)


def guided(layer: Layer, signal: Array, output: Array, x: Array, gradient: Rule) -> tuple[Array, ...]:
    """Guided backpropagation at an activation: its gradient, where signal and output are both positive.

    At a ReLU the output is positive where the input is, so that this is the rule of Springenberg et al. (2015).
    """
    passes = (signal > 0) & (output > 0)
    return gradient(layer, array_module(signal).where(passes, signal, signal.dtype.type(0)), output, x)


def unregister(layer: type) -> None:
    """Remove a layer type that was registered; other types are left alone.

    >>> from refvis import layers
    >>> layers.unregister(layers.ReLU)
    >>> layers.ReLU in layers.OPERATORS
    True
    """
    if layer not in ADDED:
        return
    ADDED.remove(layer)
    tables: tuple[dict[Any, Any], ...] = (OPERATORS, LINEAR, REGISTERED, *TABLES, *RELEVANCE)
    for table in tables:
        table.pop(layer, None)
    entry = BY_TYPE.pop(layer, None)
    if entry is not None and BY_NAME.get(entry.name) is entry:
        del BY_NAME[entry.name]


ADDED: set[type] = set()
"""Types that `register` added."""
