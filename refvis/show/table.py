"""Tables of networks, one line per layer, after MatConvNet's `vl_simplenn_display`."""

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from math import prod
from typing import Any

from refvis.layers import (
    Conv,
    ConvTranspose,
    FullyConnected,
    GlobalPool,
    Node,
    Pool,
    ReceptiveField,
    receptive_fields,
    title,
)
from refvis.layers.base.arrays import storage
from refvis.network import Network, require_network
from refvis.text.terminal import align_columns, escape_controls, underline_header
from refvis.weights import LoadReport

HEADER = ("layer", "type", "reads", "writes", "filters", "stride", "pad", "output")
NUMBERS = ("field", "field-stride", "field-offset", "parameters", "memory")
WIDTH = 120
"""Longest line in characters; a chain's table that is wider leaves out the variables that layers write."""
LEARNED = ("filters", "weights", "biases", "scale", "offset", "slopes")
"""Fields that training changes by gradients. Moments of a batch normalisation are measured, so they do not count."""
ITEM = 4
"""Bytes of a float32 value."""


def described(net: Network, size: Sequence[int] | None = None, every_remark: bool = False) -> str:
    """Return the network as a table, one line per layer, with totals and the remarks of loading.

    `size` is the input's H, W or H, W, C; default: the model's own. Without any size, outputs and memory are left out.
    Remarks that say the same share a line; with `every_remark`, each has its own.

    Columns:

        reads, writes  variables; of a chain only those written, if the line has room
        filters        number, height, width and channels of filters; the window of pooling
        stride, pad    of the layer; one number where all are equal
        output         height, width and channels of the layer's output
        field          receptive field, height x width in pixels of the first input
        field-stride   pixels of the input from the field of one position to that of the next
        field-offset   first row and column of the input that position (0, 0) sees
        parameters     learned values; an array that layers share counts with each of them, and once in the total
        memory         bytes of the output of one image, in float32

    Raises ShapeError if the layers cannot take an input of that size.

    >>> import refvis
    >>> from refvis.show import described
    >>> table = described(refvis.load("scenes"))
    >>> table.splitlines()[2].split()[:5]
    ['conv1', 'Conv', '32', 'of', '7x7x3']
    """
    require_network(net)
    shapes = net.shapes(**input_shapes(net, size))
    receptive = receptive_fields(net)
    header = HEADER + NUMBERS
    rows = [header, *(_row(node, shapes.get(node.output), receptive.get(node.output)) for node in net.nodes)]
    if is_chain(net):
        rows = _without(rows, "reads")  # each layer reads the output of the one before it
        if max(map(len, _align(rows))) > WIDTH:
            rows = _without(rows, "writes")
    each = {storage(array): array for node in net.nodes for array in _learned_arrays(node.layer)}
    total = sum(array.size for array in each.values())
    values = sum(prod(shape) for shape in shapes.values())
    lines = [*underline_header(_align(rows)), ""]
    lines.append(f"parameters: {total:,} ({_bytes_text(total * ITEM)})")
    if "writes" not in rows[0]:
        first, last = (escape_controls(node.output) for node in (net.nodes[0], net.nodes[-1]))
        lines.append(f"variables: {escape_controls(net.inputs[0])} is the input; the layers write {first} ... {last}")
    if shapes:
        start = shapes[net.inputs[0]]
        lines.append(f"input: {_times(start[1:])}; all variables of one image: {_bytes_text(values * ITEM)}")
    else:
        lines.append("input: the model does not store its size; give one with --size HxW to see outputs and memory")
    labels = net.labels
    if labels:
        names = ", ".join(map(escape_controls, labels[:4]))
        lines.append(f"classes: {len(labels)} ({names}{', ...' if len(labels) > 4 else ''})")
    lines += ["", f"remarks of loading ({len(net.load_report)}):"] if net.load_report else []
    remarks = net.load_report if every_remark else LoadReport(net.load_report).groups()
    lines += [f"  {escape_controls(str(remark))}" for remark in remarks]
    return "\n".join(lines)


def _without(rows: list[tuple[str, ...]], column: str) -> list[tuple[str, ...]]:
    """Return the rows, the header first, without one column."""
    place = rows[0].index(column)
    return [row[:place] + row[place + 1 :] for row in rows]


def _align(rows: list[tuple[str, ...]]) -> list[str]:
    """Return the rows as lines; the columns before "stride" are texts, all others numbers."""
    return align_columns(rows, rows[0].index("stride"))


def is_chain(net: Network) -> bool:
    """Return whether each layer reads only the output of the one before it; a loss may read labels, too."""
    return all(after.inputs[0] == before.output for before, after in pairwise(net.nodes)) and all(
        len(node.inputs) == 1 or node.inputs[1:] == ("label",) for node in net.nodes
    )


def input_shapes(net: Network, size: Sequence[int] | None) -> dict[str, tuple[int, ...]]:
    """Return {input: (1, H, W, C)} for `size`, or for the model's own size; {} if height, width or C is unknown."""
    size = size or net.input_size
    channels = size[2] if size and len(size) > 2 else net.channels
    return {net.inputs[0]: (1, size[0], size[1], channels)} if size and channels else {}


def parameter_count(node: Node) -> int:
    """Return the number of a layer's parameters."""
    return sum(value.size for value in _learned_arrays(node.layer))


def _learned_arrays(layer: Any) -> list[Any]:
    values = (getattr(layer, one.name) for one in fields(layer) if one.name in LEARNED)
    return [value for value in values if hasattr(value, "size")]


def _row(node: Node, shape: tuple[int, ...] | None, receptive: ReceptiveField | None) -> tuple[str, ...]:
    layer, count = node.layer, parameter_count(node)
    return (
        escape_controls(node.name),
        escape_controls(title(layer)) + (f" ({layer.method})" if isinstance(layer, Pool | GlobalPool) else ""),
        ", ".join(map(escape_controls, node.inputs)),
        escape_controls(node.output),
        _filter_text(layer),
        _pair_text(getattr(layer, "stride", None)),
        _pad_text(getattr(layer, "pad", None)),
        _times(shape[1:]) if shape else "-",
        _times(receptive.size) if receptive else "-",
        _pair_text(receptive.stride) if receptive else "-",
        _pair_text(receptive.offset) if receptive else "-",
        f"{count:,}" if count else "-",
        _bytes_text(prod(shape) * ITEM) if shape else "-",
    )


def _filter_text(layer: Any) -> str:
    if isinstance(layer, Conv):
        return "identity" if layer.filters is None else f"{len(layer.filters)} of {_times(layer.filters.shape[1:])}"
    if isinstance(layer, ConvTranspose):
        inputs, height, width, outputs = layer.filters.shape
        return f"{outputs * layer.groups} of {height}x{width}x{inputs // layer.groups}"
    if isinstance(layer, FullyConnected):
        return f"{layer.weights.shape[0]} of {layer.weights.shape[1]}"
    return _times(layer.size) if isinstance(layer, Pool) else "-"


def _pair_text(value: Any) -> str:
    return "-" if value is None else str(value[0]) if value[0] == value[1] else f"{value[0]},{value[1]}"


def _pad_text(value: Any) -> str:
    return "-" if value is None else str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))


def _times(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def _bytes_text(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:.1f} KB"
    return f"{count / (1 << 20):.1f} MB"
