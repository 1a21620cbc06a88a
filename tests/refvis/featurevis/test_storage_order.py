"""The order of a DagNN file's layers outlives loading, surgery and saving: FeatureVis' relevance depends on it."""

from dataclasses import replace

import numpy as np
import scipy.io
from support.dag_files import layer, net
from support.same import assert_same
from support.small_nets import classifier

import refvis
from refvis.featurevis.measure import version_of
from refvis.layers import Node, ReLU

STORED = ("add", "left", "right", "first")


def shuffled(path):
    """A DagNN file whose layers stand in another order than that of execution, as MatConvNet may store them."""
    struct = net(
        layer("add", "dagnn.Sum", "l r", "s"),
        layer("left", "dagnn.ReLU", "f", "l"),
        layer("right", "dagnn.Sigmoid", "f", "r"),
        layer("first", "dagnn.ReLU", "data", "f"),
        meta={"note": "text"},
    )
    for name in ("layers", "vars"):
        rows = struct[name]
        struct[name] = np.array([tuple(map(cell, row.values())) for row in rows], [(key, object) for key in rows[0]])
    scipy.io.savemat(path, {"net": {key: value for key, value in struct.items() if key != "params"}})
    return refvis.load(path)


def cell(value):
    """A list of texts as the cell that scipy writes."""
    return np.array(value, object) if isinstance(value, list) else value


def names(nodes):
    return tuple(node.name for node in nodes)


def test_the_order_in_the_file_is_kept_beside_that_of_execution(tmp_path):
    loaded = shuffled(tmp_path / "net.mat")
    assert names(loaded.nodes) == ("first", "left", "right", "add")
    assert loaded.stored == names(loaded.stored_nodes) == STORED
    refvis.save(loaded, tmp_path / "again.mat")
    again = refvis.load(tmp_path / "again.mat")
    assert_same((again.stored, again.nodes), (loaded.stored, loaded.nodes))


def test_layers_that_are_gone_leave_no_gap_and_new_ones_come_last(tmp_path):
    loaded = shuffled(tmp_path / "net.mat")
    assert names(loaded.upto("left").stored_nodes) == ("left", "first")
    longer = replace(loaded, nodes=(Node("new", ReLU(), "raw", "data"), *loaded.nodes))
    assert names(longer.stored_nodes) == (*STORED, "new")
    assert names(longer.astype("float64").stored_nodes) == (*STORED, "new")


def test_the_version_follows_from_the_file(tmp_path):
    loaded, chain = shuffled(tmp_path / "net.mat"), classifier()
    assert version_of(loaded, None) == "dagnn"
    assert version_of(loaded.upto("first"), None) == "dagnn"  # a chain, but from a DagNN file
    assert version_of(replace(loaded, stored=()), None) == "dagnn"  # made by hand, but with branches
    assert version_of(chain, None) == version_of(chain.upto("pool1"), None) == "simplenn"
    assert (chain.stored, names(chain.stored_nodes)) == ((), names(chain.nodes))
    refvis.save(chain, tmp_path / "chain.mat")
    assert version_of(refvis.load(tmp_path / "chain.mat"), None) == "simplenn"
    assert [version_of(loaded, "simplenn"), version_of(chain, "dagnn")] == ["simplenn", "dagnn"]
