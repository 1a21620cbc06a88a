"""What ``--array`` does to a suite: calls compute on the other side, and what cannot is said."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import array_side
from support.array_side import MODULES, computed, staying

from refvis import layers
from refvis.layers import array_module

ROOT = Path(__file__).resolve().parents[2]


def suite(*arguments):
    """Return how a run of pytest ended."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_a_part_of_the_suite_on_the_stand_in():
    chosen = ("layers/graph/test_network.py", "layers/test_errors.py")
    ended = suite("--array", "standin", *(f"tests/{name}" for name in chosen))
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert int(ended.stdout.partition("the other side")[2].split()[1]) > 200


def test_all_modules_exist():
    for name in MODULES:
        assert (ROOT / f"{name.removeprefix('refvis.').replace('.', '/')}.py").exists() or (
            ROOT / f"{name.replace('.', '/')}.py"
        ).exists(), name


def test_without_a_gpu():
    ended = suite("--array", "cupy", "--collect-only", "tests/layers/graph/test_trace.py")
    if ended.returncode:  # here is no GPU
        assert "--array cupy needs CuPy and a GPU" in ended.stdout + ended.stderr
        assert ended.returncode == 4


@pytest.fixture
def moving(monkeypatch):
    """Move what is given over, also in a suite that runs with ``--array``, where these tests move arrays themselves."""
    monkeypatch.setattr(array_side, "_active", True)


class Elsewhere:
    """A function that notes of which library the arrays are that it gets."""

    def __init__(self, inner=None):
        self.inner, self.seen = inner, []
        self.called = computed(self.function())

    def function(self):
        def function(x, rule=None, images=None):
            self.seen.append((array_module(x).__name__, type(images)))
            return rule(x) if rule else x + 1

        function.__module__ = "refvis.layers.example"
        return function


def test_a_call_goes_over_and_comes_back(cupy, moving):
    one, x = Elsewhere(), np.zeros((1, 2))
    given = []

    def rule(x):
        given.append(type(x))
        return x * 2

    found = one.called(x, rule=rule, images=x)
    assert (one.seen, given, type(found)) == ([("cupy", np.ndarray)], [np.ndarray], np.ndarray)
    with staying():
        one.called(x)
    assert one.seen[1:] == [("numpy", type(None))]


def test_an_array_of_the_host_inside_is_an_error(cupy, moving):
    inner = Elsewhere()

    def outer(x):
        return inner.called(x.get())

    outer.__module__ = "refvis.example"
    with pytest.raises(AssertionError, match="an array of NumPy's arrived"):
        computed(outer)(np.zeros(2))


def test_steps_go_over_one_by_one(cupy, moving):
    def steps(x):
        for k in range(3):
            yield k, x + k

    steps.__module__ = "refvis.example"
    found = list(computed(steps)(np.zeros(2)))
    assert [(k, type(x), x[0]) for k, x in found] == [(k, np.ndarray, k) for k in range(3)]


def test_layers_go_over_with_what_they_hold(cupy, moving):
    def parts(layer):
        assert array_module(layer.filters) is cupy
        return layer

    parts.__module__ = "refvis.example"
    conv = layers.Conv(np.ones((2, 1, 1, 3)), stride=2)
    found = computed(parts)(conv)
    assert type(found.filters) is np.ndarray
    assert found.stride == (2, 2)
