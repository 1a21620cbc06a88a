"""Names that are no MATLAB field names: changed in the file, and as they were after loading."""

import numpy as np
from support.same import assert_same

from refvis.layers import Conv, Node, ReLU, Sum
from refvis.weights import read_mat, read_model, save_model
from refvis.weights.matconvnet.names import field_names, is_valid


def test_names_become_fields_and_come_back(tmp_path):
    filters = np.ones((2, 1, 1, 3), "float32")
    nodes = (
        Node("conv1/7x7", Conv(filters), ("data",), ("a/b",)),
        Node("conv1_7x7", ReLU(0.0), ("a/b",), ("a_b",)),
        Node("7" * 80, Sum(), ("a/b", "a_b"), ("\u00e9 " + "z" * 80,)),
    )
    save_model(nodes, {"note": "kept"}, tmp_path / "net.mat")
    net = read_mat(tmp_path / "net.mat")["net"]
    for kind in ("vars", "layers"):
        names = [one["name"] for one in net[kind]]
        assert all(map(is_valid, names)), names
        assert len(set(names)) == len(names)
    assert is_valid(net["params"]["name"])
    model = read_model(tmp_path / "net.mat")
    assert_same(model.nodes, nodes)
    assert model.meta == {"note": "kept"}


def test_valid_names_stay():
    assert field_names(["a/b", "a_b", "a b", "x_1"]) == {"a/b": "a_b_2", "a_b": "a_b", "a b": "a_b_3", "x_1": "x_1"}
