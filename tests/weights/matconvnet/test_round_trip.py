"""Round trips: saved networks read the same, bit for bit, and so do their older layouts and v7.3 files."""

import dataclasses
import itertools
import os

import numpy as np
import pytest
import scipy.io
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import cases
from support.matlab_files import V73, StructArray
from support.same import assert_same

from refvis import layers
from refvis.layers import LRN, Conv, Dropout, FullyConnected, Loss, Node, Pool, ReLU, Sigmoid, Softmax, SoftmaxLoss
from refvis.weights import Opaque, read_mat, read_model, save_model, save_simplenn

small = st.integers(1, 4)
fraction = st.floats(0, 0.9)


@st.composite
def convolutions(draw):
    """A convolution in either precision, any bits in its weights but those of NaN."""
    dtype, width = draw(st.sampled_from([("float32", 32), ("float64", 64)]))
    shape = draw(st.tuples(small, small, small, st.just(1)))  # depth 1 fits any chain, as groups
    numbers = st.floats(width=width, allow_nan=False, allow_infinity=False)
    filters = draw(arrays.arrays(dtype, shape, elements=numbers))
    biases = draw(st.none() | arrays.arrays(dtype, shape[:1], elements=numbers))
    pad = draw(st.integers(0, 3) | st.tuples(*[st.integers(0, 3)] * 4))
    return Conv(filters, biases, draw(small | st.tuples(small, small)), pad, draw(small))


sides = st.integers(3, 5)
pools = st.builds(Pool, st.tuples(sides, sides), small, st.integers(0, 2), st.sampled_from(["max", "avg"]))
simple = st.one_of(
    pools,
    st.builds(ReLU, fraction),
    st.builds(LRN, small, fraction, fraction, fraction),
    st.builds(Dropout, fraction),
    st.sampled_from([Softmax(), Sigmoid()]),
)


@st.composite
def chains(draw):
    chosen = [draw(st.one_of(convolutions(), simple)) for _ in range(draw(st.integers(1, 5)))]
    # Each convolution has depth 1: the number of filters has to be a multiple of the channels before.
    channels = 1
    for index, layer in enumerate(chosen):
        if isinstance(layer, Conv):
            filters = np.concatenate([layer.filters] * channels)
            biases = None if layer.biases is None else np.concatenate([layer.biases] * channels)
            chosen[index] = dataclasses.replace(layer, filters=filters, biases=biases)
            channels = len(filters)
            if channels > 16:
                chosen = chosen[: index + 1]
                break
    chosen += draw(st.sampled_from([[], [SoftmaxLoss()], [Loss()]]))
    names = draw(
        st.lists(st.text("abc_é1", min_size=1, max_size=9), min_size=len(chosen), max_size=len(chosen), unique=True)
    )
    return layers.chain(dict(zip(names, chosen, strict=True)))


numbers = st.floats(allow_nan=False) | st.booleans()
plain = st.recursive(
    numbers | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=9).map(str.rstrip),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
metas = st.dictionaries(st.text("xyz", min_size=1, max_size=5), plain, max_size=3)


@settings(deadline=None, max_examples=80)
@given(nodes=chains(), meta=metas)
def test_saved_networks_read_the_same(tmp_path_factory, nodes, meta):
    path = tmp_path_factory.mktemp("save") / "net.mat"
    save_simplenn(nodes, meta, path)
    model = read_model(path)
    assert_same(model.nodes, nodes)
    assert_same(model.meta, meta)
    assert [remark for remark in model.report if remark.kind != "warning"] == []


def holds(layer, inputs):
    """Whether a model file can hold a layer with so many inputs."""
    if isinstance(layer, layers.Scale) and layer.scale is not None and inputs > 1:
        return False
    if isinstance(layer, Loss):
        return layer.normalise
    if isinstance(layer, layers.Trunc):
        return (layer.limit, layer.mirrored) == (5, True)
    return not isinstance(layer, FullyConnected) and getattr(layer, "mask", None) is None


def stored(layer):
    """The layer as a file holds it: numbers as floats, factors and offsets with all four axes."""
    if isinstance(layer, ReLU):
        return ReLU(float(layer.leak))
    if isinstance(layer, layers.Scale):
        given = (layer.scale, layer.offset)
        return layers.Scale(*(x if x is None else x.reshape((1,) * (4 - x.ndim) + x.shape) for x in given))
    return layer


@example(case=cases.Case(ReLU(0), (np.ones((1, 2, 3, 4)),)), in_chain=False)
@example(
    case=cases.Case(layers.Scale(np.arange(4.0), np.arange(3.0)[:, None]), (np.ones((1, 2, 3, 4)),)), in_chain=False
)
@settings(max_examples=150)
@given(case=cases.every(), in_chain=st.booleans())
def test_every_layer_reads_the_same(tmp_path_factory, case, in_chain):
    layer, path = case.layer, tmp_path_factory.mktemp("every") / "net.mat"
    assume(holds(layer, len(case.inputs)) and not isinstance(layer, layers.NormalizeLp))  # no file holds it
    names = tuple(f"in {i}" for i in range(len(case.inputs)))
    node = layers.chain({"it": layer})[0] if in_chain and len(names) == 1 else Node("it", layer, names, "out")
    assume(node.inputs == ("x0",) or not isinstance(layer, SoftmaxLoss | layers.NoiseLevel))  # a DagNN has none
    save_model([node], {}, path)
    model = read_model(path)
    assert_same(model.nodes, (dataclasses.replace(node, layer=stored(layer)),))
    x, given = case.inputs, layers.Graph(model.nodes)
    assert_same(
        given.forward(**dict(zip(node.inputs, x, strict=True)))["out" if "in 0" in node.inputs else "x1"],
        layers.forward(layer, *x),
    )


@st.composite
def graphs(draw):
    """Nodes that read anything written before, some of which share their arrays, in any order."""
    count = draw(st.integers(1, 6))
    shared = [draw(convolutions()) for _ in range(2)]
    odd = layers.Unknown("dagnn.Odd", {"a": "text", "weights": [np.arange(24.0).reshape(3, 2, 4)]})
    nodes, variables = [], ["data", "more"]
    for number in range(count):
        layer = draw(st.sampled_from([*shared, layers.Sum(), layers.Concat(), ReLU(0.5), odd]))
        many = isinstance(layer, (layers.Sum, layers.Concat, layers.Unknown))
        inputs = draw(st.lists(st.sampled_from(variables), min_size=1, max_size=3 if many else 1))
        nodes.append(Node(f"n{number}", layer, tuple(inputs), f"v {number}"))
        variables.append(f"v {number}")
    return nodes


@settings(max_examples=60)
@given(nodes=graphs(), meta=metas)
def test_graphs_read_the_same(tmp_path_factory, nodes, meta):
    folder = tmp_path_factory.mktemp("graph")
    save_model(nodes, meta, folder / "a.mat")
    model = read_model(folder / "a.mat")
    assert_same({node.name: node for node in model.nodes}, {node.name: node for node in nodes})
    assert_same(model.meta, meta)
    for one, two in itertools.product(nodes, repeat=2):
        if isinstance(one.layer, Conv) and isinstance(two.layer, Conv):
            filters = {node.name: node.layer.filters for node in model.nodes if isinstance(node.layer, Conv)}
            assert (filters[one.name] is filters[two.name]) == (one.layer.filters is two.layer.filters)
    save_model(model.nodes, model.meta, folder / "b.mat")
    assert_same(read_model(folder / "b.mat").nodes, model.nodes)
    tree = read_mat(folder / "a.mat")
    tree["net"] = {
        key: StructArray(value) if isinstance(value, list) and value else value for key, value in tree["net"].items()
    }
    V73(folder / "c.mat").write(tree)
    assert_same(read_model(folder / "c.mat").nodes, model.nodes)


def test_layers_with_several_outputs_are_one_again(tmp_path):
    fields = {"axis": 3.0, "weights": [], "outputs": ["a", "b"]}
    nodes = [
        Node(f"split{end}", layers.Unknown("dagnn.Split", fields), "x", out) for end, out in (("", "a"), (":2", "b"))
    ]
    save_model([*nodes, Node("sum", layers.Sum(), ("a", "b"), "c")], {}, tmp_path / "a.mat")
    stored = read_mat(tmp_path / "a.mat")["net"]["layers"]
    assert [(one["name"], one["outputs"]) for one in stored] == [("split", ["a", "b"]), ("sum", ["c"])]
    again = read_model(tmp_path / "a.mat").nodes
    assert [(node.name, node.inputs, node.outputs) for node in again[:2]] == [
        ("split", ("x",), ("a",)),
        ("split:2", ("x",), ("b",)),
    ]


def test_what_matconvnet_reads_of_a_graph(tmp_path):
    """What ``dagnn.DagNN.loadobj`` uses: struct arrays, and in each block the properties of its class."""
    random = np.random.default_rng(0)
    one = Conv(random.standard_normal((4, 3, 2, 5)).astype("float32"), np.ones(4, "float32"), 2, (1, 2, 3, 4))
    norm = layers.BatchNorm(np.ones(4), np.zeros(4), np.ones((4, 2)))
    nodes = [Node("c", one, "data", "x"), Node("n", norm, "x", "y"), Node("p", Pool(2), "y", "z")]
    save_model(nodes, {}, tmp_path / "a.mat")
    stored = scipy.io.loadmat(tmp_path / "a.mat", mat_dtype=True)["net"][0, 0]
    assert set(stored.dtype.names) == {"vars", "params", "layers", "meta"}
    assert [stored[name].shape for name in ("vars", "params", "layers")] == [(1, 4), (1, 5), (1, 3)]
    assert [str(name[0]) for name in stored["params"]["name"][0]] == ["cf", "cb", "nm", "nb", "nx"]
    assert [value.shape for value in stored["params"]["value"][0]] == [(3, 2, 5, 4), (1, 4), (4, 1), (4, 1), (4, 2)]
    blocks = [block[0, 0] for block in stored["layers"]["block"][0]]
    assert [set(block.dtype.names) for block in blocks] == [
        {"size", "hasBias", "pad", "stride", "dilate", "opts"},
        {"numChannels", "epsilon"},
        {"method", "poolSize", "stride", "pad", "opts"},
    ]
    np.testing.assert_array_equal(blocks[0]["size"], [[3, 2, 5, 4]])
    assert blocks[0]["hasBias"].dtype == bool
    assert stored["layers"]["inputs"][0, 0].dtype == object


def old(layer):
    """A tidied layer as files of 2014 hold it."""
    kept = {key: value for key, value in layer.items() if key not in ("weights", "precious", "opts", "dilate")}
    if layer["type"] == "conv":
        kept |= dict(zip(("filters", "biases"), layer["weights"], strict=True))
    return kept | ({"type": "normalize"} if layer["type"] == "lrn" else {})


def as_cell(layers_):
    cell = np.empty((1, len(layers_)), dtype=object)
    cell[0, :] = layers_
    return cell


@pytest.mark.parametrize("place", ["", "net", "model.net"])
@settings(deadline=None, max_examples=20)
@given(nodes=chains())
def test_older_layouts_read_the_same(tmp_path_factory, place, nodes):
    folder = tmp_path_factory.mktemp("old")
    nodes = tuple(
        dataclasses.replace(node, layer=dataclasses.replace(node.layer, dilate=1))
        if isinstance(node.layer, Conv)
        else node
        for node in nodes
    )
    save_simplenn(nodes, {}, folder / "new.mat")
    net = {"layers": as_cell([old(layer) for layer in read_mat(folder / "new.mat")["net"]["layers"]])}
    for name in reversed(place.split(".") if place else []):
        net = {name: net, "info": 1.0}
    scipy.io.savemat(folder / "old.mat", net)
    assert_same(read_model(folder / "old.mat").nodes, nodes)


@settings(deadline=None, max_examples=20)
@given(nodes=chains(), meta=metas)
def test_v73_reads_the_same(tmp_path_factory, nodes, meta):
    folder = tmp_path_factory.mktemp("v73")
    save_simplenn(nodes, meta, folder / "a.mat")
    V73(folder / "b.mat", compression="gzip").write(read_mat(folder / "a.mat"))
    model = read_model(folder / "b.mat")
    assert_same(model.nodes, nodes)
    assert_same(model.meta, meta)


def test_preprocessing_survives(tmp_path):
    for average in (np.array([1, 2, 3], "float32"), np.arange(24, dtype="float32").reshape(2, 4, 3), None):
        meta = {
            "classes": {"name": ["n1", "n2"], "description": ["a cat, or two", "é"]},
            "normalization": {
                "imageSize": (2, 4, 3),
                "averageImage": average,
                "border": (0, 0),
                "cropSize": (1.0, 1.0),
            },
        }
        save_simplenn(layers.chain({"r": ReLU()}), meta, tmp_path / "a.mat")
        assert_same(read_model(tmp_path / "a.mat").meta, meta)


def test_same_network_same_bytes(tmp_path):
    for name in ("a.mat", "b.mat"):
        save_simplenn(layers.chain({"r": ReLU()}), {"n": 1.0}, tmp_path / name)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (FullyConnected(np.ones((2, 3), "float32")), "make it a Conv with filters as big as its input"),
        (Loss("hinge"), "simplenn has no such Loss: refvis.save writes a DagNN"),
        (Dropout(0.5, np.ones((1, 2, 3, 4), "float32")), "holds no mask"),
        (Conv(np.ones((1, 1, 1, 1), "int32")), "float32 or float64"),
        (layers.Unknown("Mine", {"run": Opaque("function_handle")}), "an object of class function_handle"),
        (layers.Unknown("Mine", {"a b": 1.0}), "expected a MATLAB field name"),
    ],
)
def test_what_cannot_be_saved(tmp_path, layer, words):
    (tmp_path / "a.mat").write_bytes(b"kept")
    with pytest.raises(ValueError, match=r"layer|net") as caught:
        save_simplenn(layers.chain({"x": layer}), {}, tmp_path / "a.mat")
    assert words in str(caught.value)
    assert (tmp_path / "a.mat").read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_only_chains_can_be_saved(tmp_path):
    nodes = [Node("a", ReLU(), ("x",), ("y",)), Node("b", ReLU(), ("x",), ("z",))]
    with pytest.raises(ValueError, match="a chain only, but layer 'b' reads 'x', expected only 'y'"):
        save_simplenn(nodes, {}, tmp_path / "a.mat")
    with pytest.raises(ValueError, match="no layers"):
        save_simplenn([], {}, tmp_path / "a.mat")


def test_a_failed_write_leaves_no_trace(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("the disk is full")

    (tmp_path / "a.mat").write_bytes(b"kept")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        save_simplenn(layers.chain({"r": ReLU()}), {}, tmp_path / "a.mat")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.mat", b"kept")]
