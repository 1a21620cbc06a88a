"""Options in the cell `opts` of a block: the same layer as by the field, names without case, the last one counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dag_files import layer, net, row
from support.same import assert_same

import refvis
from refvis.layers import Loss, Pool, ReLU, Unknown
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn

ARRAYS = {"f": np.arange(48, dtype="float32").reshape(2, 2, 3, 4), "b": np.arange(4, dtype="float32").reshape(1, 4)}
BATCH = {"f": np.arange(4, dtype="float32").reshape(4, 1), "b": np.ones((4, 1), "float32")}
WEIGHTS = np.arange(6, dtype="float32").reshape(1, 1, 1, 6)

BLOCKS = {
    "ReLU": ("x", "", {}, {"leak": row(0.3)}),
    "Pooling": ("x", "", {"poolSize": row(2)}, {"method": "avg", "pad": row(1, 0, 1, 0), "stride": row(2, 3)}),
    "Conv": ("x", "f b", {}, {"pad": row(1), "stride": row(2), "dilate": row(3)}),
    "ConvTranspose": ("x", "f", {}, {"upsample": row(2, 3), "crop": row(1), "numGroups": row(2)}),
    "BatchNorm": ("x", "f b", {}, {"epsilon": row(0.5)}),
    "PDist": ("x t", "", {}, {"noRoot": row(1), "aggregate": row(0), "epsilon": row(0.5), "instanceWeights": WEIGHTS}),
    "ROIPooling": ("x r", "", {}, {"method": "avg", "subdivisions": row(2), "transform": row(0.5)}),
}
"""Block class -> inputs, parameters, fields that it needs, and the fields that may be options."""


def read(block, inputs, params, fields):
    arrays = BATCH if block == "BatchNorm" else ARRAYS
    given = layer("l", f"dagnn.{block}", inputs, "y", params, fields)
    model = read_dag(net(given, **{name: arrays[name] for name in params.split()}), "net", [])
    return model.nodes[0].layer


@given(st.data())
def test_an_option_gives_the_same_layer_as_the_field(data):
    block = data.draw(st.sampled_from(sorted(BLOCKS)))
    inputs, params, needed, options = BLOCKS[block]
    cell = ["CuDNN"]
    for name in data.draw(st.permutations(sorted(options))):
        spelled = "".join(data.draw(st.sampled_from((c.lower(), c.upper()))) for c in name)
        cell += [spelled, options[name], "cudnnWorkspaceLimit", row(1)]
    by_field = read(block, inputs, params, needed | options)
    assert_same(read(block, inputs, params, needed | {"opts": cell}), by_field)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["topK", row(3), "loss", "TopKError"], Loss("topkerror", 3)),
        (["threshold", row(2), "LOSS", "binaryerror"], Loss("binaryerror", threshold=2.0)),
        (["instanceweights", WEIGHTS], Loss(instance_weights=WEIGHTS.transpose(3, 0, 1, 2))),
        (["instanceWeights", row(3)], Loss(instance_weights=np.full((1, 1, 1, 1), 3.0))),
    ],
)
def test_options_of_losses(options, expected):
    assert_same(read("Loss", "x c", "", {"opts": options}), expected)


@pytest.mark.parametrize("weights", [np.zeros((0, 0)), [], row(1, 2, 3)])
def test_weights_of_classes_have_no_effect(weights):
    options = ["instanceWeights", np.zeros((0, 0)), "classWeights", weights, "threshold", row(0), "topK", row(3)]
    given, report = layer("l", "dagnn.Loss", "x c", "y", loss="topkerror", opts=options), []
    assert_same(read_dag(net(given), "net", report).nodes[0].layer, Loss("topkerror", 3))
    assert [remark.text.split()[0] for remark in report] == ["classWeights"] * int(len(weights) == 1)


def test_texts_are_compared_without_case():
    assert read("Loss", "x c", "", {"loss": "SoftMaxLog"}).kind == "softmaxlog"
    assert read("Pooling", "x", "", {"poolSize": row(2), "method": "AVG"}).method == "avg"
    assert read("ROIPooling", "x r", "", {"method": "Avg"}).method == "avg"


def test_an_option_has_the_last_word():
    options = ["leak", row(0.2), "Leak", row(0.3)]
    assert_same(read("ReLU", "x", "", {"leak": row(0.1), "opts": options}), ReLU(0.3))


@pytest.mark.parametrize("block", ["ReLU", "SoftMax", "Sum", "Loss", "Conv"])
def test_a_layer_with_an_option_that_is_not_known_is_not_run(block):
    inputs = "x c" if block == "Loss" else "x"
    read_layer = read(block, inputs, "f" if block == "Conv" else "", {"opts": ["colour", row(3)]})
    assert isinstance(read_layer, Unknown)
    assert read_layer.fields["opts"][0] == "colour"


def chain_of(**fields):
    return read_simplenn({"layers": [{"name": "l", **fields}]}, "net", []).nodes[0].layer


def test_options_of_simplenn_layers():
    options = ["METHOD", "avg", "stride", row(2)]
    assert_same(chain_of(type="pool", pool=row(2), opts=options), Pool(2, 2, 0, "avg"))
    filters = [ARRAYS["f"], ARRAYS["b"]]
    assert_same(
        chain_of(type="conv", weights=filters, opts=["pad", row(1)]), chain_of(type="conv", weights=filters, pad=row(1))
    )
    assert isinstance(chain_of(type="conv", weights=filters, opts=["colour", row(1)]), Unknown)
    assert_same(chain_of(type="relu", opts=["leak", row(0.3)]), ReLU(0.0))  # vl_simplenn passes none on


def test_a_leak_in_opts_counts_in_the_output():
    given = layer("r", "dagnn.ReLU", "x", "y", opts=["leak", row(0.3)])
    found = read_dag(net(given), "net", []).nodes[0].layer
    x = np.array([-1.0, 2]).reshape(1, 1, 1, 2)
    np.testing.assert_allclose(refvis.layers.forward(found, x).ravel(), [-0.3, 2])


def test_weights_of_instances_are_options_of_a_saved_block(tmp_path):
    weights = np.arange(1, 7, dtype="float32").reshape(6, 1, 1, 1)
    for kind in (refvis.layers.PairwiseDistance(instance_weights=weights), Loss("hinge", instance_weights=weights)):
        node = refvis.layers.Node("d", kind, ("a", "b"), ("y",))
        path = tmp_path / "net.mat"
        refvis.weights.save_model([node], {}, path)
        block = refvis.weights.read_mat(path)["net"]["layers"]["block"]
        assert "instanceWeights" not in block
        assert block["opts"][0] == "instanceWeights"
        assert_same(refvis.weights.read_model(path).nodes[0].layer, kind)
    node = refvis.layers.Node("d", Loss(instance_weights=weights), ("x0", "label"), ("x1",))  # no chain holds weights
    refvis.weights.save_model([node], {}, path)
    assert_same(refvis.weights.read_model(path).nodes[0].layer, node.layer)
