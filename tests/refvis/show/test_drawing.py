"""Graphs as drawings and tables: every layer and variable is there, nothing overlaps, and names cannot break out."""

import re
import time
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.model_zoo import MODELS, hollow
from support.small_nets import classifier, conv

import refvis
from refvis.layers import (
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    FullyConnected,
    Graph,
    Node,
    Pool,
    ReLU,
    SoftmaxLoss,
    Sum,
    Unknown,
)
from refvis.show.drawing import HEIGHT, WIDTH, Row, caption, dot, layout, svg
from refvis.show.table import described
from refvis.text.terminal import escape_controls

HOSTILE = [
    'a"b',
    "</title><script>alert(1)</script>",
    "a\x1b[2J",
    "a\nb",
    "\\",
    'end\\"',
    "&amp;",
    "]]>",
    "<b>",
    "\ud800",
]
any_text = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=()), min_size=1, max_size=30)


@st.composite
def graphs(draw: Any, names: Any = None) -> Graph:
    """A graph of up to 14 sums, each of up to three of what is there; names are unique among layers and variables."""
    count, inputs = draw(st.integers(1, 14)), draw(st.integers(1, 3))
    if names is None:
        layers, variables = [f"n{i}" for i in range(count)], [f"v{i}" for i in range(inputs + count)]
    else:
        layers = draw(st.lists(names, min_size=count, max_size=count, unique=True))
        variables = draw(st.lists(names, min_size=inputs + count, max_size=inputs + count, unique=True))
    nodes = []
    for number, name in enumerate(layers):
        read = draw(st.lists(st.sampled_from(variables[: inputs + number]), min_size=1, max_size=3))
        nodes.append(Node(name, Sum(), tuple(read), variables[inputs + number]))
    return Graph(tuple(nodes))


def edges(net: Graph) -> list[tuple[tuple[str, str], tuple[str, str], str]]:
    """The edges: (kind, name) of the source, (kind, name) of the reader, the variable; names escaped."""
    writers = {node.output: ("layer", node.name) for node in net.nodes}
    return sorted(
        ((kind, escape_controls(source)), ("layer", escape_controls(node.name)), escape_controls(name))
        for node in net.nodes
        for name in node.inputs
        for kind, source in [writers.get(name, ("input", name))]
    )


STRING = r'"((?:[^"\\]|\\["\\])*)"'
INPUT = re.compile(rf"  (\w+) \[shape=ellipse, label={STRING}\];")
LAYER = re.compile(rf"  (\w+) \[label={STRING} tooltip={STRING}\];")
EDGE = re.compile(rf"  (\w+) -> (\w+) \[label={STRING}\];")


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def read_dot(text: str) -> tuple[dict[str, tuple[str, str]], list[Any], list[str]]:
    """Return the boxes of a DOT text by their place, its edges, and the tooltips; refuse what is none of them."""
    lines = text.split("\n")
    assert (lines[0], lines[-1]) == ("digraph network {", "}")
    assert [line.split()[0] for line in lines[1:3]] == ["node", "edge"]
    boxes: dict[str, tuple[str, str]] = {}
    drawn, tips = [], []
    for line in lines[3:-1]:
        if match := INPUT.fullmatch(line):
            kind, name = "input", match[2]
        elif match := LAYER.fullmatch(line):
            kind, name = "layer", match[2]
            tips.append(unquoted(match[3]))
        else:
            match = EDGE.fullmatch(line)
            assert match, line
            drawn.append((match[1], match[2], unquoted(match[3])))
            continue
        assert match[1] not in boxes
        boxes[match[1]] = kind, unquoted(name)
    return boxes, sorted((boxes[source], boxes[target], name) for source, target, name in drawn), tips


@given(graphs(any_text))
@example(Graph((Node("a\x1b", ReLU(), "x", "y"), Node("a\\x1b", ReLU(), "y", "z"))))
def test_dot_has_every_layer_and_variable(net: Graph) -> None:
    boxes, drawn, tips = read_dot(dot(net))
    layers = [("layer", escape_controls(node.name)) for node in net.nodes]
    assert sorted(boxes.values()) == sorted(layers + [("input", escape_controls(name)) for name in net.inputs])
    assert drawn == edges(net)
    assert tips == [type(node.layer).__name__ for node in net.nodes]
    assert dot(net).replace("\n", "").isprintable()


SVG = "{http://www.w3.org/2000/svg}"


def read_svg(
    text: str,
) -> tuple[dict[str, tuple[float, ...]], list[tuple[tuple[float, ...], str]], tuple[float, float]]:
    """Return the boxes of an SVG (title -> x, y, width, height), the edges (x0, y0, x1, y1, and variable), the size."""
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "defs", "marker", "path", "rect", "g", "title", "text",
    }  # fmt: skip
    boxes = {}
    for group in root.findall(f"{SVG}g"):
        title, rect = group.findtext(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert rect is not None
        assert title not in boxes
        boxes[title] = tuple(float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
    lines = []
    for path in root.findall(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
        lines.append(((*numbers[:2], *numbers[-2:]), path.findtext(f"{SVG}title") or ""))
    return boxes, lines, (float(root.attrib["width"]), float(root.attrib["height"]))


@given(graphs())
def test_svg_has_every_layer_and_variable_in_its_place(net: Graph) -> None:
    boxes, lines, (width, height) = read_svg(svg(net))
    assert set(boxes) == {f"{node.name}: Sum" for node in net.nodes} | {f"{name}: input" for name in net.inputs}
    for x, y, w, h in boxes.values():
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for (x0, y0, w0, h0), (x1, y1, w1, h1) in combinations(boxes.values(), 2):
        assert x0 + w0 < x1 or x1 + w1 < x0 or y0 + h0 < y1 or y1 + h1 < y0
    ends = []
    for (kind, source), (_, target), name in edges(net):
        (x0, y0, _, _), (x1, y1, _, _) = (
            boxes[f"{source}: {'Sum' if kind == 'layer' else kind}"],
            boxes[f"{target}: Sum"],
        )
        assert y0 + HEIGHT < y1
        ends.append((x0 + WIDTH / 2, y0 + HEIGHT, x1 + WIDTH / 2, y1 - 1, name))
    drawn = [(*place, name) for place, name in lines]
    assert [one[4] for one in sorted(drawn, key=key)] == [one[4] for one in sorted(ends, key=key)]
    np.testing.assert_allclose(
        [one[:4] for one in sorted(drawn, key=key)], [one[:4] for one in sorted(ends, key=key)], 0, 0.06
    )


def key(line: tuple[Any, ...]) -> tuple[Any, ...]:
    return line[4], *(round(number) for number in line[:4])


@given(graphs())
def test_rows_follow_what_is_read(net: Graph) -> None:
    rows = {box.name: box.row for box in layout(net)}
    writers = {node.output: "at " + node.name for node in net.nodes}
    for node in net.nodes:
        above = [rows[writers[name]] for name in node.inputs if name in writers]
        assert rows["at " + node.name] == 1 + max(above, default=0)
    for name in net.inputs:
        assert rows["in " + name] == min(rows["at " + n.name] for n in net.nodes if name in n.inputs) - 1


@given(st.lists(st.integers(-9, 9).map(lambda n: n / 2) | st.floats(-4, 4), max_size=25))
def test_a_box_takes_the_nearest_free_column(wishes: list[float]) -> None:
    """A slow replica tries the wish, and both sides of every box; halves give many ties."""
    row, taken = Row(), []
    for wish in wishes:
        candidates = [wish, *(other + side for other in taken for side in (-1.0, 1.0))]
        free = [one for one in candidates if all(abs(one - other) > 1 - 1e-9 for other in taken)]
        column = row.take(wish)
        nearest = min(abs(one - wish) for one in free)
        assert abs(abs(column - wish) - nearest) < 1e-9
        if column < wish - 1e-9:  # the left of two only where the right is not free
            assert any(abs(wish + nearest - other) < 1 + 1e-9 for other in taken)
        assert all(abs(column - other) > 1 - 2e-9 for other in taken)
        taken.append(column)


def test_thousands_of_layers_side_by_side_are_drawn_in_seconds() -> None:
    count = 3000
    nodes = [Node(f"n{i}", ReLU(), (f"x{i % 1000}",), (f"y{i}",)) for i in range(count)]
    net = Graph((*nodes, Node("sum", Sum(), tuple(f"y{i}" for i in range(count)), ("z",))))
    start = time.process_time()
    drawn = svg(net)
    assert time.process_time() - start < 5
    assert drawn.count("<rect x=") == count + 1000 + 1
    columns = sorted(box.column for box in layout(net) if box.row == 1)
    assert all(after - before > 1 - 1e-6 for before, after in pairwise(columns))


def test_columns_that_are_no_round_numbers_find_room() -> None:
    """Means of thirds and sevenths, whose sums with one are rounded."""
    random = np.random.default_rng(0)
    for _ in range(200):
        names, nodes = [f"x{i}" for i in range(8)], []
        for number in range(30):
            read = random.choice(names[-10:], random.choice([1, 2, 3, 7]))
            nodes.append(Node(f"n{number}", Sum(), tuple(map(str, read)), f"y{number}"))
            names.append(f"y{number}")
        boxes = layout(Graph(tuple(nodes)))
        places = sorted((box.row, box.column) for box in boxes)
        for (row, column), (next_row, next_column) in pairwise(places):
            assert row < next_row or next_column - column > 1 - 1e-6


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_break_out_of_svg(name: str) -> None:
    net = Graph((Node(name, Unknown(name, {}), name, name + "y"), Node("r" + name, ReLU(), name + "y", name + "z")))
    text = svg(net)
    assert "<script" not in text
    assert text.replace("\n", "").isprintable()
    boxes, lines, _ = read_svg(text)
    shown = escape_controls(name)
    assert set(boxes) == {
        f"{shown}: {escape_controls(f'unknown {name!r}')}",
        f"r{shown}: ReLU",
        f"{shown}: input",
    }
    assert sorted(variable for _, variable in lines) == sorted([shown, f"{shown}y"])
    lines_of_text = [element.text or "" for element in ElementTree.fromstring(text).iter(f"{SVG}text")]
    assert len(lines_of_text) == 6
    assert max(map(len, lines_of_text)) <= 24
    assert f"r{shown}"[:23] in {line.removesuffix("…") for line in lines_of_text}


def test_captions() -> None:
    weights = np.zeros((4, 6), "float32")
    expected = {
        "Conv 8 x 3x2x5": Conv(np.zeros((8, 3, 2, 5))),
        "Conv": Conv(None),
        "FullyConnected 4 x 6": FullyConnected(weights),
        "Pool (avg) 3x2": Pool((3, 2), method="avg"),
        "unknown 'Mine'": Unknown("Mine", {}),
        "Sum": Sum(),
    }
    for text, layer in expected.items():
        assert caption(Node("n", layer, "x", "y")) == text


@pytest.mark.parametrize("name", MODELS)
def test_well_known_models_are_drawn(name: str) -> None:
    net = hollow(name)
    boxes, lines, _ = read_svg(svg(net))
    assert len(boxes) == len(net.nodes) + len(net.inputs)
    assert len(lines) == len(edges(net))
    assert read_dot(dot(net))[1] == edges(net)


def table(text: str) -> list[list[str]]:
    """The table's lines as lists of cells, its header first."""
    lines = text.splitlines()
    lines = lines[: lines.index("")]
    assert set(lines[1]) == {"-"}
    return [re.split(r"\s{2,}", line) for line in [lines[0], *lines[2:]]]


def branched() -> refvis.Network:
    """Two branches of one image, joined."""
    random = np.random.default_rng(0)
    norm = BatchNorm(np.ones(4, "float32"), np.zeros(4, "float32"), np.ones((4, 2), "float32"))
    return refvis.Network(
        [
            Node("a", conv(random, (4, 3, 3, 3), stride=2, pad=1), "data", "va"),
            Node("up", ConvTranspose(np.ones((4, 2, 2, 5), "float32"), None, 2), "va", "vu"),
            Node("n", norm, "va", "vn"),
            Node("b", conv(random, (6, 1, 1, 4)), "vn", "vb"),
            Node("k", Concat(), ("vb", "va"), "out"),
        ],
        meta={"normalization": {"imageSize": (9, 7, 3)}},
    )


def test_a_graph_shows_its_wiring() -> None:
    text = described(branched())
    header, *rows = table(text)
    assert header[:4] == ["layer", "type", "reads", "writes"]
    assert [row[:5] for row in rows] == [
        ["a", "Conv", "data", "va", "4 of 3x3x3"],
        ["up", "ConvTranspose", "va", "vu", "5 of 2x2x4"],
        ["n", "BatchNorm", "va", "vn", "-"],
        ["b", "Conv", "vn", "vb", "6 of 1x1x4"],
        ["k", "Concat", "vb, va", "out", "-"],
    ]
    output, field, field_stride, offset, count = (
        header.index(name) for name in ("output", "field", "field-stride", "field-offset", "parameters")
    )
    assert [row[output] for row in rows] == ["5x4x4", "10x8x5", "5x4x4", "5x4x6", "5x4x10"]
    assert [rows[i][field] for i in (0, 2, 3, 4)] == ["3x3"] * 4
    assert [rows[i][field_stride] for i in (0, 2, 3, 4)] == ["2"] * 4
    assert rows[1][field_stride] == "1"
    assert [rows[i][offset] for i in (0, 2, 3, 4)] == ["-1"] * 4
    assert [row[count] for row in rows] == ["112", "80", "8", "30", "-"]
    assert "parameters: 230 (0.9 KB)" in text
    values = 9 * 7 * 3 + 20 * 4 + 80 * 5 + 20 * 4 + 20 * 6 + 20 * 10
    assert f"input: 9x7x3; all variables of one image: {values * 4 / 1024:.1f} KB" in text


def test_a_chain_hides_what_it_reads() -> None:
    small = classifier()
    with_loss = refvis.chain({"a": ReLU(), "l": SoftmaxLoss()}, {"normalization": {"imageSize": (2, 3, 4)}})
    for net in (small, with_loss):
        header = table(described(net))[0]
        assert header[:4] == ["layer", "type", "writes", "filters"]
        assert "reads" not in header
    twice = refvis.Network([Node("a", ReLU(), "x", "y"), Node("b", ReLU(), "x", "z")])
    assert table(described(twice))[0][2:4] == ["reads", "writes"]


def test_shared_parameters_count_once() -> None:
    layer = conv(np.random.default_rng(0), (3, 1, 1, 3))
    for other, total in (
        (layer, 12),
        (replace(layer, stride=2), 12),
        (replace(layer, filters=layer.filters.copy()), 21),
    ):
        net = refvis.chain({"a": layer, "r": ReLU(), "b": other})
        text = described(net)
        assert f"parameters: {total} ({total * 4 / 1024:.1f} KB)" in text
        assert [row[-1] for row in table(text)[1:]] == ["-"] * 3
        assert [row[-2] for row in table(text)[1:]] == ["12", "-", "12"]


def test_names_in_a_table_are_printable() -> None:
    name = "a\x1b[2J\r\n"
    net = refvis.Network([Node(name, ReLU(), name, name + "y"), Node("b", ReLU(), name, name + "z")])
    text = described(net)
    assert text.replace("\n", "").isprintable()
    assert [row[0] for row in table(text)[1:]] == [r"a\x1b[2J\r\n", "b"]
    assert [row[2] for row in table(text)[1:]] == [r"a\x1b[2J\r\n"] * 2


def test_what_lies_behind_an_input_of_unknown_size() -> None:
    header, *rows = table(described(hollow("fast-rcnn-vgg16-pascal07-dagnn")))
    outputs = {row[0]: (row[2], row[header.index("output")]) for row in rows}
    assert outputs["conv5_3"] == ("conv5_2x", "37x37x512")
    assert outputs["roi_pool5"] == ("conv5_3x, rois", "-")
    assert outputs["bbox_pred"] == ("fc7x", "-")
