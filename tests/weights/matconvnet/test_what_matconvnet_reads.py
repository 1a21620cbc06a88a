"""Saved files hold, field by field, what MatConvNet reads: its tidying, its display, training, and `DagNN.loadobj`.

The tables state facts of MatConvNet 1.0-beta25: `vl_simplenn_tidy`, `vl_simplenn_display`, `vl_simplenn`, `cnn_train`,
`dagnn.DagNN.loadobj`, and the properties of the classes in `+dagnn`.
"""

import re

import numpy as np
import pytest
from support.same import assert_same

from refvis import layers
from refvis.layers import Node
from refvis.weights import bundled_names, bundled_path, read_mat, read_model, save_model

RANDOM = np.random.default_rng(0)


def some(*shape):
    return RANDOM.normal(size=shape).astype("float32")


CONVOLUTION = layers.Conv(some(4, 3, 2, 5), some(4), (1, 2), (1, 0, 2, 1), (2, 1))
WITH_MOMENTS = layers.BatchNorm(some(5), some(5), abs(some(5, 2)) + 1)


def is_number(value):
    return isinstance(value, np.ndarray) and value.dtype == "float64" and value.shape == (1, 1)


def is_flag(value):
    return isinstance(value, np.ndarray) and value.dtype == bool and value.shape == (1, 1)


def is_row(*counts):
    return lambda value: value.dtype == "float64" and value.ndim == 2 and value.size in counts and 1 in value.shape


def is_text(*texts):
    return lambda value: isinstance(value, str) and (not texts or value in texts)


def is_cell(*lengths):
    return lambda value: isinstance(value, list) and (not lengths or len(value) in lengths)


def is_dilation(value):
    return value.dtype == "float64" and value.shape in ((1, 1), (2, 1))


PAD, STRIDE, OPTIONS, FILTERS = is_row(1, 4), is_row(1, 2), is_cell(), is_cell(2)
EVERY = {"name": is_text(), "precious": is_flag, "weights": is_cell()}
IN_CHAIN = {
    "conv": {"pad": PAD, "stride": STRIDE, "dilate": is_dilation, "opts": OPTIONS, "weights": FILTERS},
    "convt": {"crop": PAD, "upsample": STRIDE, "numGroups": is_number, "opts": OPTIONS, "weights": FILTERS},
    "pool": {"method": is_text("max", "avg"), "pool": STRIDE, "pad": PAD, "stride": STRIDE, "opts": OPTIONS},
    "bnorm": {"epsilon": is_number, "weights": is_cell(3), "learningRate": is_row(3)},
    "relu": {"leak": is_number},
    "sigmoid": {},
    "softmax": {},
    "loss": {},
    "softmaxloss": {},
    "dropout": {"rate": is_number},
    "lrn": {"param": is_row(4)},
    "spnorm": {"param": is_row(4)},
    "noffset": {"param": is_row(2)},
    "pdist": {"noRoot": is_flag, "aggregate": is_flag, "p": is_number, "epsilon": is_number},
}
"""Type of a simplenn layer -> the fields that tidying would add, or that running it reads, and what they have to be."""

CHAINED = {
    "conv": CONVOLUTION,
    "convt": layers.ConvTranspose(some(6, 3, 2, 4), some(8), (2, 3), (1, 0, 1, 1), 2),
    "pool": layers.Pool((2, 3), (1, 2), (0, 1, 1, 0), "avg"),
    "bnorm": WITH_MOMENTS,
    "relu": layers.ReLU(0.1),
    "sigmoid": layers.Sigmoid(),
    "softmax": layers.Softmax(),
    "dropout": layers.Dropout(0.4),
    "lrn": layers.LRN(5, 1.0, 2e-5, 0.75),
    "spnorm": layers.SpatialNorm((2, 3), 1.0, 0.5),
    "noffset": layers.NormOffset(1.0, 0.5),
    "loss": layers.Loss(),
    "softmaxloss": layers.SoftmaxLoss(),
    "pdist": layers.PairwiseDistance(p=3, no_root=True),
}

PROPERTIES = {
    "Conv": "size hasBias opts pad stride dilate",
    "ConvTranspose": "size hasBias upsample crop numGroups opts",
    "Pooling": "method poolSize opts pad stride dilate",
    "ReLU": "useShortCircuit leak opts",
    "Sigmoid": "",
    "SoftMax": "",
    "Sum": "",
    "BilinearSampler": "",
    "LRN": "param",
    "SpatialNorm": "param",
    "NormOffset": "param",
    "BatchNorm": "numChannels epsilon opts",
    "Loss": "loss ignoreAverage opts",
    "PDist": "loss ignoreAverage opts p aggregate noRoot epsilon",
    "DropOut": "rate frozen",
    "Concat": "dim",
    "Scale": "size hasBias",
    "Crop": "crop",
    "ROIPooling": "method subdivisions transform flatten",
    "AffineGridGenerator": "Ho Wo",
    "UniformScalingGridGenerator": "Ho Wo",
}
"""Class in +dagnn -> its properties. `Layer.load` raises an error for a field that is none of them."""

OF_BLOCKS = {
    "size": is_row(4), "hasBias": is_flag, "opts": is_cell(), "pad": is_row(1, 2, 4), "crop": is_row(1, 2, 4),
    "stride": is_row(1, 2), "dilate": is_row(1, 2), "upsample": is_row(1, 2), "numGroups": is_number,
    "method": is_text("max", "avg"), "poolSize": is_row(1, 2), "leak": is_number, "numChannels": is_number,
    "epsilon": is_number, "loss": is_text(), "rate": is_number, "dim": is_number, "p": is_number,
    "aggregate": is_flag, "noRoot": is_flag, "flatten": is_flag, "subdivisions": is_row(2), "Ho": is_number,
    "Wo": is_number, "param": is_row(2, 4), "transform": lambda value: value.shape in ((1, 1), (1, 2), (2, 3)),
}  # fmt: skip
"""Field of a block -> what it has to be."""

PARAMS = {"Conv": 2, "ConvTranspose": 2, "BatchNorm": 3, "Scale": 2}
"""Class -> the number of parameters of the blocks below; all others have none."""

WEIGHTS = some(6, 1, 1, 1)
ONE_INPUT = [
    ("Conv", CONVOLUTION),
    ("Conv", layers.Conv(some(4, 3, 2, 5), some(4))),
    ("ConvTranspose", CHAINED["convt"]),
    ("Pooling", CHAINED["pool"]),
    ("Pooling", layers.Pool(2)),
    ("ReLU", layers.ReLU(0.1)),
    ("Sigmoid", layers.Sigmoid()),
    ("SoftMax", layers.Softmax()),
    ("LRN", CHAINED["lrn"]),
    ("SpatialNorm", CHAINED["spnorm"]),
    ("NormOffset", CHAINED["noffset"]),
    ("BatchNorm", WITH_MOMENTS),
    ("BatchNorm", layers.BatchNorm(some(5), some(5), None)),
    ("DropOut", layers.Dropout(0.4)),
    ("Scale", layers.Scale(some(1, 1, 1, 5), some(1, 1, 1, 5))),
    ("AffineGridGenerator", layers.AffineGrid(3, 4)),
    ("UniformScalingGridGenerator", layers.UniformScalingGrid(3, 4)),
]
TWO_INPUTS = [
    ("Sum", layers.Sum()),
    ("Concat", layers.Concat(1)),
    ("Crop", layers.Crop((1, 2))),
    ("ROIPooling", layers.ROIPool((2, 3), "avg", 0.5, True)),
    ("ROIPooling", layers.ROIPool(2)),
    ("BilinearSampler", layers.BilinearSampler()),
    ("Loss", layers.Loss("topkerror", topk=3)),
    ("Loss", layers.Loss("log", instance_weights=WEIGHTS)),
    ("PDist", CHAINED["pdist"]),
    ("PDist", layers.PairwiseDistance(instance_weights=WEIGHTS)),
]
BLOCKS = [(*row, ("in put",)) for row in ONE_INPUT] + [(*row, ("in put", "label é")) for row in TWO_INPUTS]


def saved(folder, nodes, meta=None):
    save_model(nodes, meta or {}, folder / "net.mat")
    return read_mat(folder / "net.mat")["net"]


@pytest.mark.parametrize("kind", IN_CHAIN)
def test_simplenn_layers_are_complete(tmp_path, kind):
    layer = CHAINED[kind]
    inputs = ("x0", "label") if kind in ("loss", "softmaxloss", "pdist") else ("x0",)
    node = Node("Schicht ä", layer, inputs, ("x1",))
    net = saved(tmp_path, [node])
    assert sorted(net) == ["layers", "meta"]
    (struct,) = net["layers"]
    assert struct["type"] == kind
    for name, fits in (EVERY | IN_CHAIN[kind]).items():
        assert fits(struct[name]), (name, struct[name])
    assert_same(read_model(tmp_path / "net.mat").nodes, (node,))


def display(net):
    """Return the supports, strides and pads that `vl_simplenn_display` computes (2 x L, 2 x L, 4 x L)."""
    supports, strides, pads = [], [], []
    for layer in net["layers"]:
        support = np.ones((2, 1))
        if layer["type"] == "conv":
            size = np.array([[layer["weights"][0].shape[0]], [layer["weights"][0].shape[1]]])
            support = (size - 1) * layer["dilate"] + 1
        elif layer["type"] == "pool":
            support = layer["pool"].reshape(-1, 1, order="F")
        supports.append(assigned(support, 2))
        strides.append(assigned(layer.get("stride", np.ones((1, 1))).reshape(-1, 1, order="F"), 2))
        pads.append(assigned(layer.get("pad", np.zeros((1, 1))).reshape(-1, 1, order="F"), 4))
    return np.hstack(supports), np.hstack(strides), np.hstack(pads)


def assigned(column, count):
    """Return what MATLAB stores by ``a(1:count, l) = column``, which takes one number or `count` in a column."""
    assert column.shape in ((1, 1), (count, 1))
    return np.broadcast_to(column, (count, 1))


def test_the_display_has_the_sizes_of_windows(tmp_path):
    nodes = layers.chain({"conv": CONVOLUTION, "pool": CHAINED["pool"], "relu": layers.ReLU()})
    supports, strides, pads = display(saved(tmp_path, nodes))
    np.testing.assert_array_equal(supports.T, [[5, 2], [2, 3], [1, 1]])
    np.testing.assert_array_equal(strides.T, [[1, 2], [1, 2], [1, 1]])
    np.testing.assert_array_equal(pads.T, [[1, 0, 2, 1], [0, 1, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_networks_can_be_displayed(name):
    net = read_mat(bundled_path(name))["net"]
    supports, _, _ = display(net)
    assert supports.shape == (2, len(net["layers"]))
    for struct in net["layers"]:
        assert all(fits(struct[field]) for field, fits in (EVERY | IN_CHAIN[struct["type"]]).items())


@pytest.mark.parametrize(("kind", "layer", "inputs"), BLOCKS)
def test_blocks_have_the_properties_of_their_class(tmp_path, kind, layer, inputs):
    node = Node("a layer: é", layer, inputs, ("out-1",))
    net = saved(tmp_path, [node])
    assert sorted(net) == ["layers", "meta", "params", "vars"]
    struct = net["layers"]
    assert struct["type"] == f"dagnn.{kind}"
    assert set(struct["block"]) <= set(PROPERTIES[kind].split())
    for name, value in struct["block"].items():
        assert OF_BLOCKS[name](value), (name, value)
    assert all(isinstance(struct[name], list) for name in ("inputs", "outputs", "params"))
    assert len(struct["params"]) == PARAMS.get(kind, 0)
    names = [struct["name"], *struct["inputs"], *struct["outputs"], *struct["params"]]
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,62}", name) for name in names)
    assert [one["name"] for one in net["vars"]] == [*struct["inputs"], *struct["outputs"]]
    assert_same(read_model(tmp_path / "net.mat").nodes, (node,))


def test_parameters_have_the_rates_and_decays_of_a_new_network(tmp_path):
    """`addParam` gives 1 and 1; `BatchNorm.attach` gives moments the rate 0.1, by which training averages them.

    Training reads no weight decay of moments: `cnn_train` and `cnn_train_dag` take their running average instead.
    """
    nodes = [Node("c", CONVOLUTION, ("x",), ("y",)), Node("n", WITH_MOMENTS, ("y",), ("z",))]
    params = saved(tmp_path, nodes)["params"]
    assert [sorted(one) for one in params] == [["learningRate", "name", "value", "weightDecay"]] * 5
    rates = {one["name"]: (one["learningRate"].item(), one["weightDecay"].item()) for one in params}
    assert rates == {"cf": (1, 1), "cb": (1, 1), "nm": (1, 1), "nb": (1, 1), "nx": (0.1, 1)}
    shapes = {one["name"]: one["value"].shape for one in params}
    assert shapes == {"cf": (3, 2, 5, 4), "cb": (1, 4), "nm": (5, 1), "nb": (5, 1), "nx": (5, 2)}
