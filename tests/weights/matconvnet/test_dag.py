"""DagNN structs: wiring, order, shared parameters, blocks and their defaults, and errors that name the place."""

import numpy as np
import pytest
from support.dag_files import layer, net, row
from support.golden_files import golden, numbers, read
from support.same import assert_same

from refvis import layers
from refvis.layers import (
    LRN,
    AffineGrid,
    BatchNorm,
    BilinearSampler,
    Concat,
    Conv,
    Crop,
    Dropout,
    Loss,
    NormOffset,
    PairwiseDistance,
    Pool,
    ReLU,
    ROIPool,
    Scale,
    Sigmoid,
    Softmax,
    SpatialNorm,
    Sum,
    UniformScalingGrid,
    Unknown,
)
from refvis.weights import ModelFormatError, Opaque, read_mat, read_model
from refvis.weights.matconvnet.dag import read_dag

FILTERS = np.arange(3 * 2 * 4 * 5, dtype="float32").reshape(3, 2, 4, 5)
BIASES = np.arange(5, dtype="float32").reshape(1, 5)
RELU = layer("r", "dagnn.ReLU", "x", "y")


def load(*given, **params):
    return read_dag(net(*given, **params), "net", [])


def only(*given, **params):
    return load(layer("l", *given), **params).nodes[0].layer


def remarks(model, kind):
    return {(remark.place, remark.text) for remark in model.report if remark.kind == kind}


def test_names_are_kept():
    model = load(
        layer("conv", "dagnn.Conv", "data", "c", "f b", pad=row(1, 2), stride=row(3), dilate=row(2)),
        layer("add", "dagnn.Sum", "c c data", "s"),
        f=FILTERS,
        b=BIASES,
    )
    assert [(node.name, node.inputs, node.outputs) for node in model.nodes] == [
        ("conv", ("data",), ("c",)),
        ("add", ("c", "c", "data"), ("s",)),
    ]
    expected = Conv(np.ascontiguousarray(FILTERS.transpose(3, 0, 1, 2)), BIASES.ravel(), 3, (1, 1, 2, 2), 2)
    assert_same(model.nodes[0].layer, expected)


def test_two_pads_are_rows_and_columns():
    assert only("dagnn.Pooling", "x", "y", "", {"poolSize": row(5, 3), "pad": row(2, 1)}).pad == (2, 2, 1, 1)


def test_layers_share_arrays():
    given = [layer(name, "dagnn.Conv", name, f"{name}y", "f b") for name in ("one", "two")]
    one, two = load(*given, f=FILTERS, b=BIASES).nodes
    assert one.layer.filters is two.layer.filters
    assert np.shares_memory(one.layer.biases, two.layer.biases)


@pytest.mark.parametrize(
    ("kind", "block", "inputs", "expected"),
    [
        ("Pooling", {"poolSize": row(3), "method": "avg", "stride": row(2)}, "x", Pool(3, 2, 0, "avg")),
        ("ReLU", {"leak": row(0.25), "useShortCircuit": row(1)}, "x", ReLU(0.25)),
        ("Sigmoid", {}, "x", Sigmoid()),
        ("LRN", {}, "x", LRN(5, 1, 2e-5, 0.75)),
        ("SoftMax", {}, "x", Softmax()),
        ("Loss", {}, "x c", Loss("softmaxlog")),
        ("Loss", {"loss": "topkerror", "opts": ["topk", row(3), "cuDNN"]}, "x c", Loss("topkerror", topk=3)),
        ("Loss", {"loss": "binaryerror", "opts": ["threshold", row(2)]}, "x c", Loss("binaryerror", threshold=2.0)),
        ("DropOut", {"rate": row(0.25), "frozen": row(0)}, "x", Dropout(0.25)),
        ("Concat", {}, "x y z", Concat(3)),
        ("Concat", {"dim": row(1), "numInputs": row(2)}, "x y", Concat(1)),
        ("Concat", {"dim": row(4)}, "x y", Concat(0)),
        ("Sum", {}, "x y", Sum()),
        ("Scale", {}, "x s", Scale()),
        ("Crop", {"crop": row(2, 3)}, "x y", Crop((2, 3))),
        ("SpatialNorm", {"param": row(3, 2, 1, 0.5)}, "x", SpatialNorm((3, 2), 1.0, 0.5)),
        ("NormOffset", {}, "x", NormOffset(1.0, 0.5)),
        ("PDist", {"loss": "pdist"}, "x y", PairwiseDistance(2.0, False, 1e-6, True)),
        ("PDist", {"aggregate": row(0), "p": row(3)}, "x y", PairwiseDistance(3.0)),
        ("ROIPooling", {}, "x r", ROIPool(6)),
        (
            "ROIPooling",
            {"method": "avg", "subdivisions": row(2, 3), "flatten": row(1)}
            | {"transform": np.array([[1, 2, 3], [4, 5, 6.0]])},
            "x r",
            ROIPool((2, 3), "avg", ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), True),
        ),
        ("BilinearSampler", {}, "x g", BilinearSampler()),
        ("AffineGridGenerator", {"Ho": row(3), "Wo": row(4)}, "x", AffineGrid(3, 4)),
        ("UniformScalingGridGenerator", {"Ho": row(3), "Wo": row(4)}, "x", UniformScalingGrid(3, 4)),
    ],
)  # fmt: skip
def test_every_block(kind, block, inputs, expected):
    model = load(layer("l", f"dagnn.{kind}", inputs, "out", block=block))
    assert_same(model.nodes[0].layer, expected)
    assert not remarks(model, "ignored")


def test_blocks_with_parameters():
    column = np.arange(4, dtype="float32")[:, None]
    moments = np.stack([column, column + 1], axis=1)[..., 0]
    norm = only("dagnn.BatchNorm", "x", "y", "m b s", {"epsilon": row(0.5)}, m=column, b=-column, s=moments)
    assert_same(norm, BatchNorm(column.ravel(), -column.ravel(), moments, 0.5))
    assert only("dagnn.BatchNorm", "x", "y", "m b", m=column, b=column).moments is None
    up = only("dagnn.ConvTranspose", "x", "y", "f", {"upsample": row(2), "crop": row(1, 0, 0, 1)}, f=FILTERS)
    assert (up.upsample, up.crop, up.groups, up.biases) == ((2, 2), (1, 0, 0, 1), 1, None)
    assert_same(up.filters, np.ascontiguousarray(FILTERS.transpose(3, 0, 1, 2)))
    factor = np.arange(6, dtype="float32").reshape(1, 1, 6)
    scale = only("dagnn.Scale", "x", "y", "s b", s=factor, b=-factor)
    assert_same((scale.scale, scale.offset), (factor[None], -factor[None]))
    scale = only("dagnn.Scale", "x z", "y", "b", b=factor)
    assert_same((scale.scale, scale.offset), (None, factor[None]))


def test_deepest_layers_come_first():
    """a and b feed c; a's way to the end is the longer one."""
    given = [
        layer("short", "dagnn.ReLU", "x", "s"),
        layer("end", "dagnn.Sum", "s l2", "e"),
        layer("long2", "dagnn.ReLU", "l1", "l2"),
        layer("beside", "dagnn.ReLU", "x", "unread"),
        layer("long1", "dagnn.ReLU", "x", "l1"),
    ]
    assert [node.name for node in load(*given).nodes] == ["long1", "short", "long2", "end", "beside"]


@pytest.mark.parametrize("name", ["dag_memory_bn", "dag_memory_nobn"])
def test_order_is_the_originals(name):
    case = read(golden(name)[0])
    stem = case["options"]["net_file"].removesuffix(".mat")
    path = golden(stem)[0]
    stored = [one["name"] for one in read_mat(path)["layers"]]
    order = [stored[index - 1] for index in numbers(case["outputs"]["executionOrder"])]
    assert [node.name for node in read_model(path).nodes] == order
    assert order != stored


def test_unknown_blocks_keep_all_that_can_be_read():
    fields = {"lambda": row(0.5), "run": Opaque("function_handle")}
    model = load(layer("u", "dagnn.vllab_dag_loss", "x y", "z", "p", block=fields), p=FILTERS)
    unknown = model.nodes[0].layer
    assert isinstance(unknown, Unknown)
    assert (unknown.type, set(unknown.fields)) == ("dagnn.vllab_dag_loss", {"lambda", "weights"})
    assert any("function_handle" in text and "left out" in text for _, text in remarks(model, "ignored"))
    assert_same(unknown.fields["weights"], [FILTERS])
    assert any("vllab_dag_loss" in text for _, text in remarks(model, "warning"))


def test_unknown_blocks_with_several_outputs():
    model = load(
        layer("after", "dagnn.ReLU", "b", "c"),
        layer("split", "dagnn.Split", "x", "a b"),
        layer("other", "dagnn.ReLU", "a", "d"),
    )
    wiring = [(node.name, node.inputs, node.outputs) for node in model.nodes]
    assert wiring[:2] == [("split", ("x",), ("a",)), ("split:2", ("x",), ("b",))]
    assert {entry[0] for entry in wiring[2:]} == {"after", "other"}
    assert layers.Graph(model.nodes).inputs == ("x",)


def test_losses_of_other_kinds_are_unknown():
    model = load(layer("l", "dagnn.Loss", "x c", "z", loss="L2"))
    assert model.nodes[0].layer.fields["loss"] == "L2"
    assert ("net.layers(1).type", "losses of kind 'L2' are shown but cannot be run") in remarks(model, "warning")


def test_small_things_of_old_files():
    given = net(layer("r", "dagnn.ReLU", "x", "y"), meta=np.zeros((0, 0)))
    given["layers"] = given["layers"][0] | {"inputs": "x", "outputs": "y", "params": np.zeros((0, 0))}
    given["params"] = np.zeros((0, 0))
    model = read_dag(given, "", [])
    assert (model.nodes[0].inputs, model.nodes[0].outputs, model.meta) == (("x",), ("y",), {})


def test_what_is_not_used_is_remarked():
    rates = net(RELU, f=FILTERS)
    rates["params"][0]["learningRate"] = row(0.1)
    model = read_dag(rates, "net", [])
    assert remarks(model, "ignored") == {
        ("net.params", "no layer uses f"),
        ("net.params", "not used: learningRate"),
    }


def with_params(value):
    return net(RELU) | {"params": value}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (net(), "net.layers: no layers"),
        (net(RELU) | {"layers": row(1)}, "net.layers: float64 of size 1 x 1, expected a struct array"),
        (net(RELU | {"type": []}), "net.layers(1).type: nothing"),
        (net(RELU | {"inputs": []}), "net.layers(1).inputs: a layer without inputs"),
        (net(RELU | {"outputs": []}), "net.layers(1).outputs: a layer without outputs"),
        (net(RELU | {"outputs": [row(1)]}), "net.layers(1).outputs: 1 values in a cell or struct array"),
        (net(RELU | {"outputs": ["a", "b"]}), "net.layers(1).outputs: 2 names, expected one"),
        (net(RELU | {"block": Opaque("dagnn.ReLU")}), "net.layers(1).block: an object of class dagnn.ReLU"),
        (net(RELU | {"block": row(1)}), "net.layers(1).block: float64 of size 1 x 1, expected a struct"),
        (net(layer("c", "dagnn.Conv", "x", "y", "f")), "net.layers(1).params: the parameter 'f', expected one"),
        (net(layer("c", "dagnn.Conv", "x", "y", "f"), f="abc"), "net.params(1).value: the text 'abc'"),
        (net(layer("c", "dagnn.Conv", "x", "y", "f", stride=row(0)), f=FILTERS), "layers(1).block: Conv stride is 0"),
        (net(layer("p", "dagnn.Pooling", "x", "y")), "net.layers(1).block.poolSize: nothing, expected the window"),
        (net(layer("p", "dagnn.ConvTranspose", "x", "y")), "net.layers(1).block.weights{1}: no filters"),
        (net(layer("p", "dagnn.Scale", "x", "y")), "net.layers(1).block: 1 inputs and 0 parameters"),
        (net(layer("p", "dagnn.Concat", "x", "y", dim=row(5))), "net.layers(1).block.dim: 5, expected 1, 2, 3 or 4"),
        (net(layer("l", "dagnn.Loss", "x c", "y", opts=["topk", "a"])), "layers(1).block.opts: the text 'a'"),
        (net(RELU, RELU | {"name": "s"}), "net.layers(2).outputs: the variable 'y' is written a second time"),
        (net(RELU, layer("s", "dagnn.ReLU", "y", "x")), "net.layers(1): a layer whose input depends on its own output"),
        (net(layer("s", "dagnn.ReLU", "y", "y")), "net.layers(1): a layer whose input depends"),
        (with_params([{"value": FILTERS}]), "net.params(1).name: nothing, expected text"),
        (with_params([{"name": "f"}, {"name": "f"}]), "net.params(2).name: a second parameter named 'f'"),
        (with_params([row(1)]), "net.params: 1 values in a cell or struct array, expected a struct array"),
    ],
)  # fmt: skip
def test_nonsense_names_its_place(given, words):
    with pytest.raises(ModelFormatError) as caught:
        read_dag(given, "net", [])
    assert words in str(caught.value)


@pytest.mark.parametrize("has_bias", [True, False])
def test_biases_count_only_where_the_block_has_some(has_bias):
    filters, biases = np.ones((1, 1, 2, 3), "float32"), np.ones((3, 1), "float32")
    flag = np.array([[has_bias]])
    conv = layer("c", "dagnn.Conv", "x", "y", "f b", hasBias=flag)
    scale = layer("s", "dagnn.Scale", "y", "z", "g h", hasBias=flag)
    two = layer("t", "dagnn.Scale", "z v", "w", "o", hasBias=flag)
    colours = np.ones((1, 1, 3), "float32")
    report = []
    found = read_dag(net(conv, scale, two, f=filters, b=biases, g=colours, h=colours, o=colours), "", report)
    assert [(node.layer.biases if i == 0 else node.layer.offset) is not None for i, node in enumerate(found.nodes)] == [
        has_bias
    ] * 3
    assert sum("hasBias" in remark.text for remark in report) == (0 if has_bias else 3)
