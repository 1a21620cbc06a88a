"""Models that other people trained, and the running original's own files before and after its upgrade."""

from dataclasses import replace

import numpy as np
import pytest
from support.golden_files import golden
from support.same import assert_same
from support.shared_files import shared

from refvis.layers import LRN, BatchNorm, Conv, Pool, SoftmaxLoss, Unknown
from refvis.weights import bundled_names, bundled_path, read_mat, read_model, save_model
from refvis.weights.matconvnet.simplenn import read_simplenn


def model_file(name):
    return golden(name)[0] if golden(name) else shared("golden", f"{name}.mat")


def test_old_format_equals_its_upgrade():
    old, tidied = read_model(model_file("simplenn_net_old_format")), read_model(model_file("simplenn_net_old_tidied"))
    assert_same(old.nodes, tidied.nodes)
    assert_same(old.meta, tidied.meta)
    assert tidied.report == []


def test_newer_format_equals_its_upgrade():
    old = read_model(model_file("simplenn_net_old_format"))
    new, tidied_new = read_model(model_file("simplenn_net_new")), read_model(model_file("simplenn_net_new_tidied"))
    assert_same(new.nodes, tidied_new.nodes)
    assert_same(new.meta, tidied_new.meta)
    for one, two in zip(old.nodes, new.nodes, strict=True):
        assert_same(one.layer, two.layer, one.name)


def test_original_upgrade_case_by_case():
    tree = read_mat(model_file("tidy_cases"))
    before, after = tree["inputs"]["net"], tree["outputs"]["net"]
    assert len(before["layers"]) == 15
    for one, two in zip(before["layers"], after["layers"], strict=True):
        layer, expected = (read_simplenn({"layers": [layer]}, "", []).nodes[0].layer for layer in (one, two))
        if isinstance(layer, BatchNorm) and layer.moments is None:  # it ran on the batch's own before the upgrade
            assert not expected.moments.any()
            layer = replace(layer, moments=np.zeros_like(expected.moments))
        assert_same(layer, expected, one["type"])
        assert not isinstance(layer, Unknown)
    before["layers"], after["layers"] = before["layers"][:1], after["layers"][:1]  # all of them are no chain
    meta, expected = (read_simplenn(net, "", []).meta for net in (before, after))
    assert_same(meta, expected)


COUNTS = {
    "cifar10_lenet_old": 12,
    "cifar10_pretrained": 13,
    "lood2": 10,
    "DCFNet7": 4,
    "DnCNN_s25": 33,
    "DnCNN_s25_Bnorm": 49,
    "DnCNN_dag_ep50": 50,
    "LapSRN_x2": 28,
    "FFD_retrained": 32,
}
UNKNOWN = {
    "DnCNN_dag_ep50": {"dagnn.Loss"},  # of a kind of its own, L2
    "LapSRN_x2": {"dagnn.vllab_dag_loss"},
}


@pytest.mark.parametrize("name", COUNTS)
def test_real_models_load_and_save(tmp_path, name):
    model = read_model(shared("models", f"{name}.mat"))
    assert len(model.nodes) == COUNTS[name]
    assert {node.layer.type for node in model.nodes if isinstance(node.layer, Unknown)} == UNKNOWN.get(name, set())
    assert {node.layer.filters.dtype.name for node in model.nodes if isinstance(node.layer, Conv)} == {"float32"}
    save_model(model.nodes, model.meta, tmp_path / "a.mat")
    again = read_model(tmp_path / "a.mat")
    assert_same(again.nodes, model.nodes)
    assert_same(again.meta, model.meta)
    save_model(again.nodes, again.meta, tmp_path / "b.mat")
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()


def test_details_of_real_models():
    old = read_model(shared("models", "cifar10_lenet_old.mat"))
    assert old.nodes[0].layer.filters.shape == (32, 5, 5, 3)
    assert vars(old.nodes[1].layer) == vars(Pool(3, 2, (0, 1, 0, 1), "max"))
    assert isinstance(old.nodes[-1].layer, SoftmaxLoss)
    assert ("model.info", "ignored") in [(remark.place, remark.kind) for remark in old.report]
    tracker = read_model(shared("models", "DCFNet7.mat"))
    assert vars(tracker.nodes[-1].layer) == vars(LRN(5, 1, 2e-5, 0.75))
    assert_same(tracker.meta["normalization"]["averageImage"], np.array([123, 117, 104], "float32"))
    assert tracker.meta["normalization"]["imageSize"] == (125, 125, 3)
    pretrained = read_model(shared("models", "cifar10_pretrained.mat"))
    assert pretrained.meta["classes"]["name"][:2] == ["airplane", "automobile"]
    assert read_model(shared("models", "DnCNN_s25.mat")).nodes[-1].layer.filters.shape == (1, 3, 3, 64)


def test_bundled_networks_load():
    for name in bundled_names():
        assert read_model(bundled_path(name)).nodes
    with pytest.raises(KeyError, match="no bundled network is named 'nothing'"):
        bundled_path("nothing")
