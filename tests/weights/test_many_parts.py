"""Files with very many small parts are read in linear time, though a kilobyte can hold them.

Times are of the processor, with room for slow machines: what grew by the square of the number took several times as
long as is allowed here on a fast one.
"""

import time
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
import scipy.io
from support.dag_files import layer, net
from support.matlab_files import V73

import refvis
from refvis.weights import Limits, ModelFormatError, read_mat
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn


@contextmanager
def at_most(seconds):
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def test_many_layers_of_one_name(tmp_path):
    cell = np.empty((1, 20_000), object)
    cell[0, :] = [{"type": "relu", "name": "r"}] * cell.size
    scipy.io.savemat(tmp_path / "a.mat", {"layers": cell}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 30_000
    with at_most(15):
        loaded = refvis.load(tmp_path / "a.mat")
    assert [node.name for node in loaded.nodes] == ["r", *(f"r_{number}" for number in range(2, 20_001))]
    with at_most(1):
        assert loaded.scores == "x20000"


def test_many_blocks_of_one_name():
    model = net(*(layer("r", "dagnn.ReLU", f"v{i}", f"v{i + 1}") for i in range(10_000)))
    with at_most(8):
        nodes = read_dag(model, "net", []).nodes
    assert [node.name for node in nodes[:3]] == ["r", "r_2", "r_3"]
    assert nodes[-1].name == "r_10000"


def test_many_entries_of_a_struct_array(tmp_path):
    entries = np.empty((1, 40_000), [("a", object)])
    entries["a"] = [[np.zeros((0, 0))] * entries.size]
    scipy.io.savemat(tmp_path / "a.mat", {"s": entries}, do_compression=True)
    with at_most(8):
        values = read_mat(tmp_path / "a.mat")["s"]
    assert len(values) == 40_000
    assert all(list(value) == ["a"] and value["a"].shape == (0, 0) for value in values)


def hdf5_file(path, write):
    V73(path).write({"y": np.ones((1, 1))})
    with h5py.File(path, "a") as file:
        refs = file.require_group("#refs#")
        one = refs.create_dataset("one", data=np.full((1, 1), 7.0))
        one.attrs["MATLAB_class"] = np.bytes_("double")
        write(file, refs, one)
    return path


def cell(group, name, target, count):
    data = group.create_dataset(name, data=np.full((count, 1), target.ref, h5py.ref_dtype), compression="gzip")
    data.attrs["MATLAB_class"] = np.bytes_("cell")
    return data


def test_many_references_to_one_value(tmp_path):
    path = hdf5_file(tmp_path / "a.mat", lambda file, refs, one: cell(file, "x", one, 65_536))
    assert path.stat().st_size < 30_000
    with at_most(20):
        values = read_mat(path)["x"]
    assert len(values) == 65_536
    assert {id(value) for value in values} == {id(values[0])}, "shared in the file, shared here"
    assert values[0] == 7


def test_references_to_references(tmp_path):
    """Twenty levels of ten are 10**20 values: whoever goes through them meets them all, so they all count."""

    def write(file, refs, one):
        for level in range(20):
            one = cell(refs, f"level{level}", one, 10)
        cell(file, "x", one, 10)

    with at_most(5), pytest.raises(ModelFormatError, match="too many values, expected at most 2,000,000"):
        read_mat(hdf5_file(tmp_path / "a.mat", write))


def test_shared_values_count_in_every_limit(tmp_path):
    path = hdf5_file(tmp_path / "a.mat", lambda file, refs, one: cell(file, "x", cell(refs, "c", one, 2), 3))
    read_mat(path, Limits(size=2_000, values=40, depth=4))
    for limits in Limits(size=120), Limits(values=20), Limits(depth=2):
        with pytest.raises(ModelFormatError, match="expected at most"):
            read_mat(path, limits)


def test_many_softmax_layers():
    model = read_simplenn({"layers": [{"type": "softmax", "name": f"s{i}"} for i in range(10_000)]}, "net", [])
    with at_most(5):
        assert refvis.Network(model.nodes).scores == "x0"


def test_many_unknown_endings():
    layers = [layer(f"l{i}", "dagnn.Mine", "x w", f"y{i}") for i in range(20_000)]
    nodes = read_dag(net(layer("r", "dagnn.ReLU", "v", "x"), *layers), "net", []).nodes
    with at_most(5):
        loaded = refvis.Network(nodes)
        assert loaded.scores == "x"
        assert len(loaded.outputs) == 20_000
