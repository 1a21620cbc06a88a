"""What a rule returned, checked where it was returned, so that an error names the rule and not the layer below."""

from typing import Any

from refvis.layers import modes
from refvis.layers.arrays import Array, array_module
from refvis.layers.errors import ShapeError
from refvis.layers.nodes import Node
from refvis.layers.operators import Rule, title


def require_returned(passed: Any, inputs: tuple[Array, ...], rule: Rule, node: Node) -> tuple[Array, ...]:
    """Return what a rule passed on; ShapeError unless it is a tuple with an array like each input.

    Alike are shape, array library, and dtype, which may be the first input's, in which all is computed (labels of a
    loss may have another). The error names the `rule` and the `node` that it was applied at.
    """
    dtype = inputs[0].dtype
    if isinstance(passed, tuple) and len(passed) == len(inputs):
        if all(_alike(one, x, dtype) for one, x in zip(passed, inputs, strict=True)):
            return passed
        found = f"({', '.join(map(_described, passed))})"
    else:
        found = f"{len(passed)} arrays" if isinstance(passed, tuple) else _described(passed)
    expected = ", ".join(f"{x.shape} {dtype}" for x in inputs)
    raise ShapeError(
        f"the rule {modes.rule_name(rule)} of layer {node.name!r} ({title(node.layer)}) returned {found}, "
        f"expected a tuple, one array per input: {expected}"
    )


def _alike(one: Any, x: Array, dtype: Any) -> bool:
    return isinstance(one, array_module(x).ndarray) and one.shape == x.shape and one.dtype in (dtype, x.dtype)


def _described(value: Any) -> str:
    return f"an array {value.shape} {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
