"""Batch normalisation without moments: files of that time normalised each batch by its own."""

import numpy as np
import pytest
from support.shared_files import shared

import refvis
from refvis.layers import BatchNorm
from refvis.weights.mat.write import write_v5

SCALE, OFFSET = np.float32([[2.0], [3.0]]), np.float32([[0.5], [-1.0]])


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": [SCALE, OFFSET]},
        {"weights": [SCALE, OFFSET, np.zeros((0, 0))]},
        {"filters": SCALE, "biases": OFFSET},
    ],
)
def test_absent_moments_are_those_of_the_batch(tmp_path, fields):
    write_v5(tmp_path / "old.mat", {"net": {"layers": [{"type": "bnorm", "name": "bn", **fields}]}})
    net = refvis.load(tmp_path / "old.mat")
    warnings = [remark.text for remark in net.load_report if remark.kind == "warning"]
    assert "no moments: each batch is normalised by its own" in warnings
    x = np.random.default_rng(0).normal(3, 5, (4, 6, 5, 2))
    y = net.forward(x).output
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), OFFSET.ravel(), atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), SCALE.ravel(), rtol=1e-5)
    refvis.save(net, tmp_path / "new.mat")
    np.testing.assert_array_equal(refvis.load(tmp_path / "new.mat").forward(x).output, y)


def test_moments_of_zeros_that_a_file_holds_are_kept(tmp_path):
    moments = np.zeros((2, 2), "float32")
    layer = {"type": "bnorm", "name": "bn", "weights": [SCALE, OFFSET, moments]}
    write_v5(tmp_path / "tidied.mat", {"net": {"layers": [layer]}})
    net = refvis.load(tmp_path / "tidied.mat")
    assert "2 of 2 deviations are 0: outputs are infinite" in [remark.text for remark in net.load_report]
    layer = net.node("bn").layer
    assert isinstance(layer, BatchNorm)
    np.testing.assert_array_equal(layer.moments, moments)


def test_a_file_without_moments_runs():
    net = refvis.load(shared("cases", "bnorm_without_moments.mat"))
    x = np.random.default_rng(0).normal(0, 9, (1, 8, 8, 3)).astype("float32")
    assert np.isfinite(net.forward(x).output).all()
    assert np.isfinite(refvis.deconvolution(net, x, "guided").values).all()
