"""Drawings of networks: Graphviz DOT, or SVG with a layout of its own. Names from files are escaped."""

from bisect import bisect_left
from dataclasses import dataclass
from html import escape

from refvis.layers import Conv, FullyConnected, GlobalPool, Graph, Node, Pool, title
from refvis.text.terminal import escape_controls

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 40, 26, 26, 20
"""Size of a box, the gaps between boxes and the margin, in pixels of the SVG."""
ROUNDING = 1e-9
"""Rounding error allowed where columns have to be one apart."""
COLOURS = {
    "Conv": "#dbe7f5",
    "FullyConnected": "#dbe7f5",
    "ConvTranspose": "#dbe7f5",
    "Pool": "#f6e3cf",
    "ReLU": "#e3f1dd",
}
"""Fill of a layer's box by its type; all others are gray."""


def dot(net: Graph) -> str:
    """Return the network as a Graphviz graph: boxes for layers, ellipses for inputs, variables on the edges.

    >>> import numpy as np
    >>> from refvis import chain, drawing
    >>> from refvis.layers import ReLU
    >>> print(drawing.dot(chain({"relu1": ReLU()})))
    digraph network {
      node [shape=box, style=rounded, fontname=sans];
      edge [fontname=sans, fontsize=10];
      i0 [shape=ellipse, label="x0"];
      n0 [label="relu1" tooltip="ReLU"];
      i0 -> n0 [label="x0"];
    }
    """
    lines = [
        "digraph network {",
        "  node [shape=box, style=rounded, fontname=sans];",
        "  edge [fontname=sans, fontsize=10];",
    ]
    places = {name: f"i{number}" for number, name in enumerate(net.inputs)}
    lines += [f"  {place} [shape=ellipse, label={_dot_string(name)}];" for name, place in places.items()]
    for number, node in enumerate(net.nodes):
        lines.append(f"  n{number} [label={_dot_string(node.name)} tooltip={_dot_string(caption(node))}];")
        lines += [f"  {places[name]} -> n{number} [label={_dot_string(name)}];" for name in node.inputs]
        places[node.output] = f"n{number}"
    return "\n".join([*lines, "}"])


def caption(node: Node) -> str:
    """Return a layer's type and size in a few words."""
    layer = node.layer
    if isinstance(layer, Conv) and layer.filters is not None:
        return f"Conv {len(layer.filters)} x {'x'.join(map(str, layer.filters.shape[1:]))}"
    if isinstance(layer, FullyConnected):
        return f"FullyConnected {layer.weights.shape[0]} x {layer.weights.shape[1]}"
    if isinstance(layer, Pool):
        return f"Pool ({layer.method}) {'x'.join(map(str, layer.size))}"
    if isinstance(layer, GlobalPool):
        return f"GlobalPool ({layer.method})"
    return title(layer)


@dataclass(frozen=True)
class Box:
    """A box of the drawing: two lines of text, the column (which may be a fraction) and row, and the fill colour."""

    name: str
    text: str
    column: float
    row: int
    fill: str

    @property
    def x(self) -> float:
        """Left edge in pixels."""
        return MARGIN + self.column * (WIDTH + GAP_X)

    @property
    def y(self) -> float:
        """Upper edge in pixels."""
        return MARGIN + self.row * (HEIGHT + GAP_Y)


def svg(net: Graph) -> str:
    """Return the network as an SVG drawing: layers stand below the layers that they read, inputs above their readers.

    >>> from refvis import chain, drawing
    >>> from refvis.layers import ReLU
    >>> drawing.svg(chain({"relu1": ReLU()})).count("<rect x=")
    2
    """
    boxes = layout(net)
    by_name = {box.name: box for box in boxes}
    writers = {node.output: "at " + node.name for node in net.nodes}
    edges = [
        _edge_svg(by_name[writers.get(name, "in " + name)], by_name["at " + node.name], name)
        for node in net.nodes
        for name in node.inputs
    ]
    width = max(box.x for box in boxes) + WIDTH + MARGIN
    height = max(box.y for box in boxes) + HEIGHT + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#5b6575"/></marker></defs>',
            '<rect width="100%" height="100%" fill="white"/>',
            *edges,
            *(_box_svg(box) for box in boxes),
            "</svg>",
        ]
    )


class Row:
    """The columns of one row that are taken, as intervals that no further box may start in, in order.

    A box in column c keeps others out of the columns between c - 1 and c + 1. Intervals that overlap are joined, so
    the ends of each are free.
    """

    def __init__(self) -> None:
        """Start without boxes."""
        self.starts: list[float] = []
        self.stops: list[float] = []

    def take(self, column: float) -> float:
        """Return the free column nearest to `column`, the right one of two, and take it."""
        place = bisect_left(self.stops, column + ROUNDING)
        if place < len(self.starts) and self.starts[place] + ROUNDING < column:
            column = min(self.stops[place], self.starts[place], key=lambda one: (abs(one - column), -one))
        first = bisect_left(self.stops, column - 1 + ROUNDING)
        last = bisect_left(self.starts, column + 1 - ROUNDING)
        overlapping = slice(first, max(first, last))
        self.starts[overlapping] = [min([column - 1, *self.starts[overlapping]])]
        self.stops[overlapping] = [max([column + 1, *self.stops[overlapping]])]
        return column


def layout(net: Graph) -> list[Box]:
    """Return the boxes: rows by the longest path from an input, columns near the mean of the inputs' columns."""
    rows = {"in " + name: 0 for name in net.inputs}
    columns: dict[str, float] = {"in " + name: float(i) for i, name in enumerate(net.inputs)}
    texts = {"in " + name: (name, "input", "#f2f3f5") for name in net.inputs}
    writers = {node.output: "at " + node.name for node in net.nodes}
    taken: dict[int, Row] = {0: Row()}
    for column in columns.values():
        taken[0].take(column)
    for node in net.nodes:
        key, sources = "at " + node.name, [writers.get(name, "in " + name) for name in node.inputs]
        row = 1 + max(rows[source] for source in sources)
        rows[key] = row
        columns[key] = taken.setdefault(row, Row()).take(sum(columns[source] for source in sources) / len(sources))
        texts[key] = node.name, caption(node), COLOURS.get(type(node.layer).__name__, "#eceef2")
    first_rows: dict[str, int] = {}
    for node in net.nodes:
        for name in node.inputs:
            first_rows[name] = min(rows["at " + node.name], first_rows.get(name, rows["at " + node.name]))
    for name in net.inputs:  # move each input just above the first layer that reads it
        key, row = "in " + name, first_rows[name] - 1
        if row > 0:
            rows[key], columns[key] = row, taken[row].take(columns[key])
    left = min(columns.values())
    lines = {key: "\n".join(map(escape_controls, texts[key][:2])) for key in rows}
    return [Box(key, lines[key], columns[key] - left, rows[key], texts[key][2]) for key in rows]


def _edge_svg(source: Box, target: Box, name: str) -> str:
    x0, y0, x1, y1 = source.x + WIDTH / 2, source.y + HEIGHT, target.x + WIDTH / 2, target.y - 1
    # An edge that passes rows in its own column swings out to the right of the boxes between.
    swing = WIDTH * 0.75 if x0 == x1 and target.row > source.row + 1 else 0
    bend = max(GAP_Y, (y1 - y0) / 2) if x0 != x1 else GAP_Y
    path = f"M{x0:.1f} {y0:.1f} C{x0 + swing:.1f} {y0 + bend:.1f} {x1 + swing:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"
    return (
        f'<path d="{path}" fill="none" stroke="#5b6575" marker-end="url(#tip)"><title>{_html_text(name)}</title></path>'
    )


def _box_svg(box: Box) -> str:
    name, kind = (_html_text(_shorten(line)) for line in box.text.split("\n", 1))
    name_and_kind = _html_text(box.text.replace("\n", ": "))
    middle, style = box.x + WIDTH / 2, 'text-anchor="middle"'
    return (
        f"<g><title>{name_and_kind}</title>"
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
        f'fill="{box.fill}" stroke="#9aa3b2"/>'
        f'<text x="{middle:.1f}" y="{box.y + 17:.1f}" {style} font-size="13">{name}</text>'
        f'<text x="{middle:.1f}" y="{box.y + 32:.1f}" {style} font-size="11" fill="#5b6575">{kind}</text></g>'
    )


def _shorten(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _html_text(text: str) -> str:
    return escape(escape_controls(text))


def _dot_string(text: str) -> str:
    """Return a DOT string: backslashes and quotes escaped, control characters as text."""
    safe = escape_controls(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'
