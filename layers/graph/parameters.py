"""Parameters of a network's layers: the arrays of a layer, their replacement, and the gradients of shared ones."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from refvis.layers.base.arrays import Array, storage
from refvis.layers.base.node import Node
from refvis.layers.operators import Layer


def add_shared(nodes: tuple[Node, ...], gradients: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Array]:
    """Return the gradients; a parameter that several layers share has their sum under each of its keys."""
    places: dict[Any, list[tuple[str, str]]] = {}
    for node in nodes:
        for name, array in arrays_of(node.layer).items():
            places.setdefault(storage(array), []).append((node.name, name))
    for keys in places.values():
        each = [gradients[key] for key in keys if key in gradients]
        if each and len(keys) > 1:
            gradients |= dict.fromkeys(keys, sum(each[1:], each[0]))
    return gradients


def arrays_of(layer: Layer) -> dict[str, Array]:
    """Return a layer's fields that are arrays, by name."""
    values = {one.name: getattr(layer, one.name) for one in fields(layer)}
    return {name: value for name, value in values.items() if getattr(value, "ndim", 0)}


def replace_arrays(layer: Layer, change: Callable[[Array], Array]) -> Layer:
    """Return the layer with each of its arrays changed."""
    arrays = arrays_of(layer)
    return replace(layer, **{name: change(array) for name, array in arrays.items()}) if arrays else layer
