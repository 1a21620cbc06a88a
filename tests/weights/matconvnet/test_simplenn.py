"""Simplenn models of every era: upgrades, defaults, remarks, and errors that name the place."""

import numpy as np
import pytest
from support.same import assert_same

from refvis.layers import LRN, Dropout, Loss, Pool, ReLU, Sigmoid, Softmax, SoftmaxLoss, Unknown
from refvis.weights import ModelFormatError, Opaque
from refvis.weights.matconvnet.simplenn import read_simplenn
from refvis.weights.read import find_network, report_neighbours


def row(*values):
    return np.array([values], dtype="float64")


def weights(height=3, width=2, depth=4, count=5, dtype="float32"):
    values = np.arange(height * width * depth * count, dtype=dtype)
    return [values.reshape(height, width, depth, count), np.arange(count, dtype=dtype).reshape(1, -1)]


def load(*layers, **beside):
    return read_simplenn({"layers": list(layers), **beside}, "net", [])


def layer_of(**fields):
    return load(fields).nodes[0].layer


def remarks(model, kind):
    return {(remark.place, remark.text) for remark in model.report if remark.kind == kind}


def test_filters_are_transposed_once():
    given = weights()
    layer = layer_of(type="conv", weights=given)
    assert layer.filters.flags.c_contiguous
    assert_same(layer.filters, np.ascontiguousarray(given[0].transpose(3, 0, 1, 2)))
    assert_same(layer.biases, np.arange(5, dtype="float32"))
    assert layer.filters[4, 2, 1, 3] == given[0][2, 1, 3, 4]


def test_older_fields_are_weights():
    filters, biases = weights()
    old = load({"type": "conv", "filters": filters, "biases": biases, "filtersLearningRate": row(1)})
    assert_same(old.nodes[0].layer, layer_of(type="conv", weights=[filters, biases]))
    assert any("filters and biases were read as weights" in text for _, text in remarks(old, "changed"))
    assert ("net.layers{1}", "not used: filtersLearningRate") in remarks(old, "ignored")


@pytest.mark.parametrize("biases", [[np.zeros((0, 0))], [], [np.zeros((0, 0), "float32")]])
def test_absent_biases(biases):
    assert layer_of(type="conv", weights=[weights()[0], *biases]).biases is None


def test_biases_in_a_column():
    filters, biases = weights()
    assert_same(layer_of(type="conv", weights=[filters, biases.T]).biases, biases.ravel())


@pytest.mark.parametrize("given", [[], [np.zeros((0, 0)), weights()[1]]])
def test_empty_filters_pass_channels_through(given):
    model = load({"type": "conv", "weights": given, "stride": row(2)})
    assert model.nodes[0].layer.filters is None
    assert any("each channel passes through" in text for _, text in remarks(model, "warning"))


@pytest.mark.parametrize(("depth", "count", "axes"), [(4, 1, 3), (1, 1, 2), (1, 5, 4)])
def test_trailing_axes_are_restored(depth, count, axes):
    filters, biases = weights(depth=depth, count=count)
    filters = filters.reshape(filters.shape[:axes])
    assert layer_of(type="conv", weights=[filters, biases]).filters.shape == (count, 3, 2, depth)


def test_geometry_forms():
    layer = layer_of(type="conv", weights=weights(), pad=row(1, 2, 3, 4), stride=row(2, 3), dilate=row(2))
    assert (layer.pad, layer.stride, layer.dilate) == ((1, 2, 3, 4), (2, 3), (2, 2))
    assert layer_of(type="conv", weights=weights(), pad=row(3)).pad == (3, 3, 3, 3)


def test_every_type():
    kinds = {
        "pool": ({"pool": row(3, 2), "pad": row(0, 1, 0, 1), "method": "avg"}, Pool((3, 2), 1, (0, 1, 0, 1), "avg")),
        "relu": ({"leak": row(0.25)}, ReLU(0.25)),
        "lrn": ({"param": row(4, 2, 0.5, 0.25)}, LRN(4, 2.0, 0.5, 0.25)),
        "normalize": ({}, LRN(5, 1, 2e-5, 0.75)),
        "softmax": ({}, Softmax()),
        "sigmoid": ({}, Sigmoid()),
        "dropout": ({"rate": row(0.25)}, Dropout(0.25)),
        "softmaxloss": ({}, SoftmaxLoss()),
        "loss": ({}, Loss("softmaxlog")),
    }  # fmt: skip
    for kind, (fields, expected) in kinds.items():
        layer = layer_of(type=kind, **fields)
        assert type(layer) is type(expected), kind
        assert vars(layer) == vars(expected), kind


def test_defaults_are_remarked():
    model = load({"type": "pool", "pool": row(2)}, {"type": "conv", "weights": weights()}, {"type": "dropout"})
    assert {place for place, _ in remarks(model, "default")} == {
        *(f"net.layers{{1}}.{name}" for name in ("name", "method", "stride", "pad")),
        *(f"net.layers{{2}}.{name}" for name in ("name", "pad", "stride", "dilate")),
        *(f"net.layers{{3}}.{name}" for name in ("name", "rate")),
    }
    assert model.nodes[0].layer.method == "max"
    assert [node.name for node in model.nodes] == ["layer1", "layer2", "layer3"]


def test_chain_variables_and_labels():
    model = load({"type": "relu", "name": "r"}, {"type": "softmaxloss", "name": "l", "class": Opaque("gpuArray")})
    assert [(node.inputs, node.outputs) for node in model.nodes] == [(("x0",), ("x1",)), (("x1", "label"), ("x2",))]
    assert ("net.layers{2}.class", "labels of the last training batch") in remarks(model, "ignored")


def test_repeated_names_become_unique():
    model = load(*({"type": "relu", "name": name} for name in ("a", "a", "a_2", "a")))
    assert [node.name for node in model.nodes] == ["a", "a_2", "a_2_2", "a_3"]
    assert len(remarks(model, "changed")) == 3


def test_unknown_types_keep_their_fields():
    fields = {"type": "Mine", "name": "s", "scale": row(0.5), "run": Opaque("function_handle")}
    model = load(fields)
    layer = model.nodes[0].layer
    assert isinstance(layer, Unknown)
    assert layer.type == "Mine"
    assert_same(layer.fields, {"scale": row(0.5)})
    assert any("function_handle" in text and "left out" in text for _, text in remarks(model, "ignored"))
    assert any("'Mine'" in text for _, text in remarks(model, "warning"))


def test_numbers_that_are_not_finite_are_a_warning():
    filters, biases = weights()
    filters[0, 0, 0, 0], filters[1, 0, 0, 0] = np.nan, np.inf
    model = load({"type": "conv", "weights": [filters, biases]})
    assert ("net.layers{1}.weights{1}", "2 of 120 numbers are NaN or infinite") in remarks(model, "warning")


def test_whole_number_weights_become_single():
    model = load({"type": "conv", "weights": [weights()[0].astype("int16"), weights()[1]]})
    assert model.nodes[0].layer.filters.dtype == "float32"
    assert ("net.layers{1}.weights{1}", "int16 was made float32") in remarks(model, "changed")


def test_groups_fit_or_not():
    first = {"type": "conv", "weights": weights(count=6)}
    load(first, {"type": "relu"}, {"type": "conv", "weights": weights(depth=3, count=4)})
    with pytest.raises(ModelFormatError, match=r"layers\{3\}.weights\{1\}: 4 filters of depth 4, .* 6 channels"):
        load(first, {"type": "relu"}, {"type": "conv", "weights": weights(depth=4, count=4)})
    load(first, {"type": "SubP"}, {"type": "conv", "weights": weights(depth=4, count=4)})


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({}, "layers{1}.type: nothing, expected the layer's type"),
        ({"type": row(1)}, "layers{1}.type: float64 of size 1 x 1, expected text"),
        ({"type": "conv"}, "layers{1}: neither weights nor filters"),
        ({"type": "conv", "weights": row(1)}, "layers{1}.weights: float64 of size 1 x 1, expected a cell"),
        ({"type": "conv", "weights": ["abc"]}, "layers{1}.weights{1}: the text 'abc', expected an array"),
        ({"type": "conv", "weights": [Opaque("gpuArray")]}, "vl_simplenn_move(net, 'cpu')"),
        ({"type": "conv", "weights": [np.array([[1j]])]}, "weights{1}: complex128 of size 1 x 1"),
        ({"type": "conv", "weights": [np.ones((2, 2, 2, 2, 2))]}, "weights{1}: float64 of size 2 x 2 x 2 x 2 x 2"),
        ({"type": "conv", "weights": [weights()[0], row(1, 2)]}, "weights{2}: 2 biases, expected one for each"),
        ({"type": "conv", "weights": weights(), "pad": row(1, 2, 3)}, "layers{1}.pad: float64 of size 1 x 3, expected"),
        ({"type": "conv", "weights": weights(), "pad": row(-1)}, "{1}.pad: the number -1, expected whole"),
        ({"type": "conv", "weights": weights(), "stride": row(0)}, "layers{1}: Conv stride is 0"),
        ({"type": "conv", "weights": weights(), "stride": row(1.5)}, "{1}.stride: the number 1.5, expected whole"),
        ({"type": "conv", "weights": weights(), "stride": row(np.inf)}, "layers{1}.stride: [inf]"),
        ({"type": "pool"}, "layers{1}.pool: nothing, expected the window's size"),
        ({"type": "pool", "pool": row(2), "method": "median"}, "layers{1}: Pool method is 'median'"),
        ({"type": "pool", "pool": row(2), "pad": row(2)}, "layers{1}: Pool pad"),
        ({"type": "lrn", "param": row(5, 1)}, "layers{1}.param: float64 of size 1 x 2, expected 4 number(s)"),
        ({"type": "lrn", "param": row(2.5, 1, 1, 1)}, "layers{1}.param: the number 2.5, expected whole"),
        ({"type": "dropout", "rate": row(1)}, "layers{1}: Dropout rate is 1"),
        (row(3), "layers{1}: float64 of size 1 x 1, expected a struct"),
    ],
)  # fmt: skip
def test_nonsense_names_its_place(layer, words):
    with pytest.raises(ModelFormatError) as caught:
        load(layer)
    assert words in str(caught.value)


def test_the_network_is_found_wherever_it_stands():
    net = {"layers": [{"type": "relu"}]}
    assert find_network(net) == ""
    assert find_network({"net": net, "stats": 1}) == "net"
    assert find_network({"model": {"net": net}}) == "model.net"
    assert find_network({"cnn": net, "info": "x"}) == "cnn"


def test_what_stands_beside_is_remarked():
    report = []
    net = {"layers": [{"type": "relu"}], "meta": {}, "arch": "x"}
    report_neighbours({"model": {"net": net, "info": {}}, "state": {}}, "model.net", report)
    assert [remark.place for remark in report] == ["state", "model.info", "model.net.arch"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"x": row(1), "y": "a"}, "the variables x, y, expected layers"),
        ({"net": Opaque("dagnn.DagNN")}, "net = net.saveobj()"),
    ],
)
def test_no_network(variables, words):
    with pytest.raises(ModelFormatError) as caught:
        find_network(variables)
    assert words in str(caught.value)
    with pytest.raises(ModelFormatError, match="layers: 0 values in a cell"):
        load()
