"""Receptive fields: the pixels of an input that each position of a variable depends on.

Position (i, j) of a variable sees ``size`` pixels from ``i * stride + offset`` on (rows; columns likewise).
A window of s pixels, stride t and pad p on a variable with field (size, stride, offset) gives

    size' = size + (s - 1) * stride,    stride' = stride * t,    offset' = offset - p * stride

Where paths with equal strides meet, the field is their hull. A transposed convolution moves by 1 / upsample pixels.
Its positions, and hence all three figures, may be fractions; the pixels seen are the whole ones within that range.
Reference: MatConvNet `vl_simplenn_display` and, with its fractions, `getVarReceptiveFields` of DagNN.
"""

from typing import NamedTuple

from refvis.layers.base.geometry import POINT, Number, Window
from refvis.layers.graph.network import Graph
from refvis.layers.operators import OPERATORS


class ReceptiveField(NamedTuple):
    """The pixels that a position (i, j) of a variable depends on; each field is (y, x), in pixels.

        size     how many
        stride   the step from one position to the next
        offset   the first pixel of position (0, 0), negative where it lies in the padding

    >>> from refvis.layers import ReceptiveField
    >>> field = ReceptiveField(size=(11, 11), stride=(4, 4), offset=(0, 0))
    >>> field.offset[0] + 2 * field.stride[0]  # the first row that position (2, 0) sees
    8
    """

    size: tuple[Number, Number]
    stride: tuple[Number, Number]
    offset: tuple[Number, Number]


LARGEST = 2**60
"""The largest size, stride, offset, or denominator of one, of a receptive field."""

SELF = ReceptiveField((1, 1), (1, 1), (0, 0))


def receptive_fields(graph: Graph, source: str | None = None) -> dict[str, ReceptiveField | None]:
    """Return the receptive field of every variable in the input `source`, by name.

        graph    the network
        source   the name of an input, or of another variable. Default: the first input

    None stands for the whole image, or for a field that no window describes (paths with unequal strides), or whose size
    or stride is beyond all arrays (`LARGEST`, as a number of pixels or as the denominator of a fraction). Variables
    that do not depend on the source, or lie behind a layer without implementation, are missing.

    >>> import numpy as np
    >>> from refvis import layers
    >>> conv, pool = layers.Conv(np.ones((1, 3, 3, 1)), pad=1), layers.Pool(2, stride=2)
    >>> fields = layers.receptive_fields(layers.Graph(layers.chain({"conv1": conv, "pool1": pool})))
    >>> fields["x2"]  # 3 + 1 pixels, one of them padding
    ReceptiveField(size=(4, 4), stride=(2, 2), offset=(-1, -1))
    """
    known: dict[str, ReceptiveField | None] = {graph.variable(source or graph.inputs[0]): SELF}
    for node in graph.nodes:
        row = OPERATORS.get(type(node.layer))
        unread = row.shape_only if row else ()
        seen = [known[name] for i, name in enumerate(node.inputs) if name in known and i not in unread]
        if row is None or not seen:
            continue
        window = row.window(node.layer) if row.window else POINT
        merged = None if row.whole_image or None in seen else _hull([field for field in seen if field is not None])
        known[node.output] = _field_behind(merged, window) if merged and window else None
    return known


def _field_behind(field: ReceptiveField, window: Window) -> ReceptiveField | None:
    covered, stride, before = window
    size = tuple(_whole(field.size[a] + (covered[a] - 1) * field.stride[a]) for a in (0, 1))
    steps = tuple(_whole(field.stride[a] * stride[a]) for a in (0, 1))
    offset = tuple(_whole(field.offset[a] - before[a] * field.stride[a]) for a in (0, 1))
    if any(abs(one.numerator) > LARGEST or one.denominator > LARGEST for one in (*size, *steps, *offset)):
        return None  # a thousand such layers would make numbers of thousands of digits
    return ReceptiveField(size, steps, offset)


def _whole(number: Number) -> Number:
    """Return a fraction that is a whole number as int."""
    return int(number) if number == int(number) else number


def _hull(fields: list[ReceptiveField]) -> ReceptiveField | None:
    if len({field.stride for field in fields}) > 1:
        return None
    first = tuple(min(field.offset[a] for field in fields) for a in (0, 1))
    last = tuple(max(field.offset[a] + field.size[a] for field in fields) for a in (0, 1))
    return ReceptiveField((last[0] - first[0], last[1] - first[1]), fields[0].stride, first)
