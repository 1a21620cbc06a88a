"""The benchmark for GPUs: it compares what it times, and ends with a message where there is no GPU."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks import gpu, work
from refvis.layers import Conv
from refvis.machine.probe import Gpus, machine


@pytest.fixture
def small():
    return work.of_layer(Conv(np.random.default_rng(0).normal(size=(4, 3, 3, 2)).astype("float32")), 9, 8, 2)


def test_rows(cupy, small):
    finished = []
    found = list(gpu.rows("conv", small, 1, lambda: finished.append(1)))
    assert [(row.title, row.what, row.difference, row.repeated, row.right) for row in found] == [
        ("conv", what, 0, True, True) for what in ("forward", "gradient")
    ]
    assert finished
    assert gpu.table(found).count("| yes |") == 2


def test_what_differs_is_found(cupy, small, monkeypatch):
    off = replace(small, x=small.x + np.float32(0.01))
    monkeypatch.setattr(gpu, "on_gpu", lambda work: replace(off, graph=off.graph.to("cupy"), x=cupy.asarray(off.x)))
    forward = next(gpu.rows("conv", small, 1, int))
    assert forward.difference > gpu.MOST["forward"]
    assert not forward.right
    assert not replace(forward, difference=0.0, repeated=False).right
    assert "NO" in gpu.table([replace(forward, repeated=False)])


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        (Gpus(), "no GPU to compute on: CuPy is not installed"),
        (Gpus("13.6", (), "no driver"), r"finds none \(no driver"),
    ],
)
def test_without_a_gpu(gpus, message, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    monkeypatch.setattr(gpu, "machine", lambda: replace(machine(), gpus=gpus))
    with pytest.raises(SystemExit, match=message):
        gpu.main()
