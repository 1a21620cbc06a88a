"""Files with very many small parts are read in linear time, though a kilobyte can hold them.

Times are of the processor, with room for slow machines: what grew by the square of the number took several times as
long as is allowed here on a fast one.
"""

import time
from contextlib import contextmanager

import numpy as np
import scipy.io
from support.dag_files import layer, net

import refvis
from refvis.weights import read_mat
from refvis.weights.matconvnet.dag import read_dag


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
    with at_most(8):
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
