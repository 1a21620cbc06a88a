"""The memory that a pass needs, from shapes alone: passes above the memory limit are refused before they start.

A pass holds all its variables to the end, and each layer, while it computes, a few arrays beside them: `ARRAYS` times
its inputs and output, and its workspace (`Operator.workspace`), which parameters of the layer may make much larger than
either. Tests hold this estimate to the memory that layers take.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from refvis.layers.base.memory_limit import MemoryLimitError, memory_limit_bytes
from refvis.layers.base.node import Node
from refvis.layers.calls import output_shape
from refvis.layers.operators import OPERATORS, Layer, title

FORWARD_ARRAYS, BACKWARD_ARRAYS = 2, 4
"""How many times its inputs and output a layer holds beside them, at most, while a pass goes through it."""

SMALLER = "give smaller or fewer images"
"""What makes any pass smaller."""


def require_forward(nodes: Iterable[Node], shapes: Mapping[str, tuple[int, ...]], itemsize: int) -> None:
    """Raise MemoryLimitError, naming the layer, if a forward pass needs more than the memory limit.

    `shapes` are those of the inputs, by name, and `itemsize` the bytes of a number. Where shapes do not fit, or a layer
    has no implementation, nothing behind it is counted: the pass itself raises an error there.
    """
    limit, known = memory_limit_bytes(), dict(shapes)
    held = sum(map(prod, known.values()))
    _require(held, itemsize, limit, "the input of a forward pass needs")
    for node in nodes:
        read = [known[name] for name in node.inputs if name in known]
        if len(read) < len(node.inputs) or type(node.layer) not in OPERATORS:
            continue
        try:
            shape = output_shape(node.layer, *read)
        except Exception:  # the pass meets it, too, and names the layer
            continue
        known[node.output] = shape
        held += prod(shape)
        needed = held + _beside(node.layer, FORWARD_ARRAYS, read, shape)
        what = f"layer {node.name!r} ({title(node.layer)}): a forward pass needs"
        _require(needed, itemsize, limit, what, " up to here")


def require_backward(nodes: Iterable[Node], trace: Mapping[str, Any]) -> None:
    """Raise MemoryLimitError, naming the layer, if a backward pass needs more than the memory limit.

    It holds the variables of the trace, and a signal for each.
    """
    limit = memory_limit_bytes()
    held = 2 * sum(values.nbytes for values in trace.values())
    _require(held, 1, limit, "a backward pass needs")
    for node in nodes:
        if node.output in trace and all(name in trace for name in node.inputs) and type(node.layer) in OPERATORS:
            read, itemsize = [trace[name] for name in node.inputs], trace[node.output].dtype.itemsize
            beside = _beside(node.layer, BACKWARD_ARRAYS, [one.shape for one in read], trace[node.output].shape)
            needed = held + itemsize * beside
            _require(needed, 1, limit, f"layer {node.name!r} ({title(node.layer)}): a backward pass needs")


def _beside(layer: Layer, arrays: int, read: list[tuple[int, ...]], shape: tuple[int, ...]) -> int:
    """Return how many numbers a layer holds beside its inputs and its output, at most."""
    workspace = OPERATORS[type(layer)].workspace
    return arrays * (sum(map(prod, read)) + prod(shape) + (workspace(layer, *read) if workspace else 0))


def _require(numbers: int, itemsize: int, limit: int, what: str, place: str = "") -> None:
    if numbers * itemsize > limit:
        raise MemoryLimitError(what, numbers * itemsize, SMALLER, place)
