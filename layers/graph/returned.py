"""Check of what a rule returned: an array like each input of its layer."""

from typing import Any

from refvis.layers import modes
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.node import Node
from refvis.layers.operators import Rule, title


def require_signals(passed: Any, inputs: tuple[Array, ...], rule: Rule, node: Node) -> tuple[Array, ...]:
    """Return the signals that a rule passed on; ShapeError unless they are a tuple with an array like each input.

    Shape and array library must be those of the input. The dtype may also be that of the first input, in which all is
    computed (labels of a loss may have another). The error names the `rule` and the `node`.
    """
    dtype = inputs[0].dtype
    if isinstance(passed, tuple) and len(passed) == len(inputs):
        if all(_is_alike(one, x, dtype) for one, x in zip(passed, inputs, strict=True)):
            return passed
        returned = f"({', '.join(map(_describe, passed))})"
    else:
        returned = f"{len(passed)} arrays" if isinstance(passed, tuple) else _describe(passed)
    expected = ", ".join(f"{x.shape} {dtype}" for x in inputs)
    raise ShapeError(
        f"the rule {modes.rule_name(rule)} of layer {node.name!r} ({title(node.layer)}) returned {returned}, "
        f"expected a tuple, one array per input: {expected}"
    )


def _is_alike(one: Any, x: Array, dtype: Any) -> bool:
    return isinstance(one, array_module(x).ndarray) and one.shape == x.shape and one.dtype in (dtype, x.dtype)


def _describe(value: Any) -> str:
    return f"an array {value.shape} {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
