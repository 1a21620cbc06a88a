"""What MatConvNet's display and training read of saved files: dilation, moments, and layers that it does not have."""

import numpy as np
import pytest
from support.same import assert_same

from refvis.layers import BatchNorm, Conv, Node, NormalizeLp, chain
from refvis.weights import read_mat, read_model, save_model
from refvis.weights.matconvnet.simplenn import read_simplenn

FILTERS = np.ones((2, 3, 3, 4), "float32")


@pytest.mark.parametrize(("dilate", "stored"), [(1, [[1]]), ((3, 3), [[3]]), ((2, 3), [[2], [3]])])
def test_equal_dilations_are_one_number(tmp_path, dilate, stored):
    nodes = chain({"c": Conv(FILTERS, dilate=dilate)})
    save_model(nodes, {}, tmp_path / "net.mat")
    np.testing.assert_array_equal(read_mat(tmp_path / "net.mat")["net"]["layers"][0]["dilate"], stored, strict=False)
    assert_same(read_model(tmp_path / "net.mat").nodes, nodes)


@pytest.mark.parametrize("moments", [None, np.ones((4, 2), "float32")])
def test_a_block_of_batch_normalisation_has_three_parameters(tmp_path, moments):
    ones = np.ones(4, "float32")
    node = Node("n", BatchNorm(ones, 2 * ones, moments), ("a",), ("b",))
    save_model([node], {}, tmp_path / "net.mat")
    net = read_mat(tmp_path / "net.mat")["net"]
    params = net["params"]
    assert [one["name"] for one in params] == ["nm", "nb", "nx"] == net["layers"]["params"]
    assert [one["learningRate"].item() for one in params] == [1, 1, 0.1]
    assert params[2]["value"].size == (0 if moments is None else 8)
    model = read_model(tmp_path / "net.mat")
    assert_same(model.nodes, (node,))
    assert [remark.kind for remark in model.report] == (["warning"] if moments is None else [])


def test_moments_in_a_chain_keep_a_running_average(tmp_path):
    nodes = chain({"n": BatchNorm(np.ones(4), np.zeros(4), np.ones((4, 2)))})
    save_model(nodes, {}, tmp_path / "net.mat")
    layer = read_mat(tmp_path / "net.mat")["net"]["layers"][0]
    np.testing.assert_array_equal(layer["learningRate"], [[1, 1, 0.1]])
    model = read_model(tmp_path / "net.mat")
    assert_same(model.nodes, nodes)
    assert model.report == []


def test_normalize_lp_is_read_and_not_written(tmp_path):
    struct = {"type": "normalizelp", "name": "n", "p": np.array([[3.0]])}
    layer = read_simplenn({"layers": [struct]}, "net", []).nodes[0].layer
    assert isinstance(layer, NormalizeLp)
    assert layer.p == 3
    with pytest.raises(ValueError, match="cannot be written to"):
        save_model(chain({"n": layer}), {}, tmp_path / "net.mat")
    assert not (tmp_path / "net.mat").exists()
