"""A network as a table that a person can read, after MatConvNet's `vl_simplenn_display`."""

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

from refvis.layers import Conv, ConvTranspose, FullyConnected, Node, Pool, ReceptiveField, receptive_fields, title
from refvis.layers.base.arrays import storage
from refvis.network import Network
from refvis.text.columns import aligned, underlined
from refvis.text.escape import printable

HEADER = ("layer", "type", "reads", "writes", "filters", "stride", "pad", "output")
NUMBERS = ("field", "field-stride", "field-offset", "parameters", "memory")
WIDTH = 120
"""Characters of a line within which a chain's table still says what each layer writes."""
LEARNED = ("filters", "weights", "biases", "scale", "offset")
"""Fields that training changes by gradients; the moments of a batch normalisation are measured, not counted."""
ITEM = 4
"""Bytes of a float32 value."""


def described(net: Network, size: Sequence[int] | None = None) -> str:
    """Return the network as a table, one line per layer, with totals and what loading remarked.

    `size` is the input's H, W or H, W, C; None: what the model says. Without any size, outputs are left out. "field" is
    the receptive field's height x width in pixels of the first input, "field-stride" the pixels from one position's
    field to the next, "field-offset" the first row and column that position (0, 0) sees; "memory" the output's bytes
    for one image, float32. A graph shows the variables that each layer reads and writes, too; a chain what it writes,
    where there is room, else the first and the last below the table. An array that layers share counts with each of
    them, and once in the total.
    """
    shapes = net.shapes(**given(net, size))
    receptive = receptive_fields(net)
    header = HEADER + NUMBERS
    rows = [header, *(_row(node, shapes.get(node.output), receptive.get(node.output)) for node in net.nodes)]
    if is_chain(net):
        rows = _without(rows, "reads")  # what the layer before it wrote
        if _width(rows) > WIDTH:
            rows = _without(rows, "writes")
    each = {storage(array): array for node in net.nodes for array in _arrays(node.layer)}
    total = sum(array.size for array in each.values())
    values = sum(_count(shape) for shape in shapes.values())
    lines = [*underlined(aligned(rows, rows[0].index("stride"))), ""]
    lines.append(f"parameters: {total:,} ({_bytes(total * ITEM)})")
    if "writes" not in rows[0]:
        first, last = (printable(node.output) for node in (net.nodes[0], net.nodes[-1]))
        lines.append(f"variables: {printable(net.inputs[0])}, the input; {first} ... {last}, as the layers write them")
    if shapes:
        start = shapes[net.inputs[0]]
        lines.append(f"input: {_by(start[1:])}; all variables of one image: {_bytes(values * ITEM)}")
    else:
        lines.append("input: the model does not say its size; give one with --size HxW to see outputs and memory")
    labels = net.labels
    if labels:
        lines.append(
            f"classes: {len(labels)} ({', '.join(map(printable, labels[:4]))}{', ...' if len(labels) > 4 else ''})"
        )
    lines += ["", f"loading remarked on {len(net.load_report)} things:"] if net.load_report else []
    lines += [f"  {printable(str(remark))}" for remark in net.load_report]
    return "\n".join(lines)


def _without(rows: list[tuple[str, ...]], column: str) -> list[tuple[str, ...]]:
    """Return the rows, the header first, without one column."""
    place = rows[0].index(column)
    return [row[:place] + row[place + 1 :] for row in rows]


def _width(rows: list[tuple[str, ...]]) -> int:
    return max(map(len, aligned(rows, rows[0].index("stride"))))


def is_chain(net: Network) -> bool:
    """Return whether each layer reads just what the one before it wrote (labels of a loss apart)."""
    return all(after.inputs[0] == before.output for before, after in pairwise(net.nodes)) and all(
        len(node.inputs) == 1 or node.inputs[1:] == ("label",) for node in net.nodes
    )


def given(net: Network, size: Sequence[int] | None) -> dict[str, tuple[int, ...]]:
    """Return {input: shape 1 x H x W x C} for the size asked for, or the model's own; {} if neither says enough."""
    size = size or net.input_size
    channels = size[2] if size and len(size) > 2 else net.channels
    return {net.inputs[0]: (1, size[0], size[1], channels)} if size and channels else {}


def parameters(node: Node) -> int:
    """Return the number of a layer's parameters."""
    return sum(value.size for value in _arrays(node.layer))


def _arrays(layer: Any) -> list[Any]:
    values = (getattr(layer, one.name) for one in fields(layer) if one.name in LEARNED)
    return [value for value in values if hasattr(value, "size")]


def _row(node: Node, shape: tuple[int, ...] | None, receptive: ReceptiveField | None) -> tuple[str, ...]:
    layer, count = node.layer, parameters(node)
    return (
        printable(node.name),
        printable(title(layer)) + (f" ({layer.method})" if isinstance(layer, Pool) else ""),
        ", ".join(map(printable, node.inputs)),
        printable(node.output),
        _filters(layer),
        _pair(getattr(layer, "stride", None)),
        _pad(getattr(layer, "pad", None)),
        _by(shape[1:]) if shape else "-",
        _by(receptive.size) if receptive else "-",
        _pair(receptive.stride) if receptive else "-",
        _pair(receptive.offset) if receptive else "-",
        f"{count:,}" if count else "-",
        _bytes(_count(shape) * ITEM) if shape else "-",
    )


def _filters(layer: Any) -> str:
    if isinstance(layer, Conv):
        return "identity" if layer.filters is None else f"{len(layer.filters)} of {_by(layer.filters.shape[1:])}"
    if isinstance(layer, ConvTranspose):
        inputs, height, width, outputs = layer.filters.shape
        return f"{outputs * layer.groups} of {height}x{width}x{inputs // layer.groups}"
    if isinstance(layer, FullyConnected):
        return f"{layer.weights.shape[0]} of {layer.weights.shape[1]}"
    return _by(layer.size) if isinstance(layer, Pool) else "-"  # type: ignore[arg-type]


def _pair(value: Any) -> str:
    return "-" if value is None else str(value[0]) if value[0] == value[1] else f"{value[0]},{value[1]}"


def _pad(value: Any) -> str:
    return "-" if value is None else str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def _count(shape: tuple[int, ...]) -> int:
    product = 1
    for extent in shape:
        product *= extent
    return product


def _bytes(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:.1f} KB"
    return f"{count / (1 << 20):.1f} MB"
