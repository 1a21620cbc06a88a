"""The benchmarks measure what they say: fair turns, the same computation on both sides, tables of it."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from benchmarks import costs, full_layers, growth, rows, single, tiles, timing, work  # noqa: E402
from refvis.layers import OPERATORS, Conv, FullyConnected, Graph, ReLU, chain, is_exact  # noqa: E402
from refvis.layers.fast import conv_winograd  # noqa: E402

RANDOM = np.random.default_rng(0)


class Clock:
    """Time that passes only in functions made by `taking`."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def __call__(self):
        return self.now

    def taking(self, name, *seconds):
        number = count()

        def function():
            self.called.append(name)
            self.now += seconds[min(next(number), len(seconds) - 1)]

        return function


def test_functions_take_turns():
    clock = Clock()
    functions = {"a": clock.taking("a", 9, 1, 5, 2), "b": clock.taking("b", 7, 3)}
    times = timing.side_by_side(functions, 3, clock, pause=0)
    assert clock.called == ["a", "b", *["a", "b"] * 3]
    assert times == {"a": timing.Times((1, 5, 2)), "b": timing.Times((3, 3, 3))}
    assert (times["a"].median, times["b"].spread) == (2, 0)


def test_short_functions_are_called_several_times():
    clock = Clock()
    times = timing.side_by_side({"short": clock.taking("short", 0.004)}, 2, clock, pause=0)
    assert len(clock.called) == 1 + 2 * 5
    np.testing.assert_allclose(times["short"].seconds, [0.004, 0.004])


def test_spread():
    assert timing.Times((4.0, 1.0, 3.0, 2.0, 5.0)).spread == pytest.approx((4 - 2) / 3)
    assert timing.Times((4.0,)).spread == 0


def row(**seconds):
    return rows.Row("it", {name: timing.Times((one,)) for name, one in seconds.items()}, 0.9)


def test_ratio_to_the_fastest_of_the_others():
    assert row(refvis=3.0, slow=5.0, fast=4.0, definition=1.0).ratio == 0.75
    assert row(refvis=3.0, definition=1.0).ratio is None
    cells = rows.table([row(refvis=0.003, slow=5.0, fast=0.04, definition=1.0)]).splitlines()[2]
    assert cells == "| it | 3.00 ± 0 % | 40 ± 0 % (fast) | 0.07 | 0.90 | 1000 ± 0 % |"
    assert rows.table([row(refvis=0.0123)]).splitlines()[2] == "| it | 12 ± 0 % |  |  | 0.90 |"


@pytest.mark.parametrize("change", [lambda y: y[:, ::-1], lambda y: 1.02 * y, lambda y: -y, lambda y: 0 * y])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
def test_another_computation_is_not_timed(change):
    y = RANDOM.standard_normal((1, 5, 4, 3))
    rows.require_agreement("it", y, "peer", y + 1e-4)
    with pytest.raises(ValueError, match="correlate"):
        rows.require_agreement("it", y, "peer", change(y))
    with pytest.raises(ValueError, match=r"shape \(1, 5, 4, 3\), that of peer \(1, 4, 5, 3\)"):
        rows.compare("it", lambda: y, {"peer": lambda: y.transpose(0, 2, 1, 3)}, 1)


def test_the_definition_is_timed_by_definition():
    seen = []

    def ours():
        seen.append(is_exact())
        return np.arange(3.0)

    result = rows.compare("it", ours, {"peer": lambda: np.arange(3.0)}, 1, slow=1)
    assert set(result.times) == {"refvis", "peer", "definition"}
    assert seen == sorted(seen)
    assert True in seen


def test_cases_of_layers_run_both_ways():
    for name, (layer, shape, *goals) in single.cases().items():
        assert type(layer) in OPERATORS, name
        assert len(goals) == 2
        if np.prod(shape) < 2e5:
            made = work.of_layer(layer, *shape)
            assert made.gradient().shape == (1, *shape), name
            assert made.forward().shape == made.seed.shape


def test_full_layers_compute_the_same():
    filters = [RANDOM.standard_normal(shape, "float32") for shape in ((6, 3, 2, 4), (5, 4, 7, 6), (8, 1, 1, 5))]
    parts = {"conv": Conv(filters[0]), "relu": ReLU(), "fc": Conv(filters[1], np.ones(5, "float32"))}
    graph = Graph(chain({**parts, "out": Conv(filters[2])}))
    x = RANDOM.standard_normal((2, 6, 8, 4), "float32")
    full = full_layers.with_full_layers(graph, x.shape)
    assert [type(node.layer) for node in full.nodes] == [Conv, ReLU, FullyConnected, FullyConnected]
    one, other = (work.of_network(made, x).gradient() for made in (graph, full))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_peers_compute_the_same():
    pytest.importorskip("torch", reason="PyTorch is not installed: CONTRIBUTING.md says how")
    made = work.of_layer(Conv(RANDOM.standard_normal((5, 3, 2, 4), "float32"), stride=2), 9, 8, 4)
    for what in ("forward", "gradient"):
        functions = made.others(what)
        assert set(functions) == {"torch NCHW", "torch NHWC"}
        for function in functions.values():
            np.testing.assert_allclose(function(), getattr(made, what)(), atol=1e-5)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_power(power):
    grown = growth.Growth("n", "it", {n: timing.Times((3 * n**power,)) for n in (1, 3, 8)})
    assert grown.power == pytest.approx(power)
    assert growth.table([grown]).splitlines()[2].startswith("| n: it | 1 … 8 | 3000 ms … ")
    assert growth.table([grown]).endswith(f"| {power:.2f} |\n")


def test_costs():
    made = [costs.Cost("a", 3.0, "b", 2.0, 4.0), costs.Cost("c", 100, "d", 80, None, "MB")]
    assert costs.table(made).splitlines()[2:] == [
        "| a | 3.00 s | b | 2.00 s | 1.50 | 4.00 s |",
        "| c | 100 MB | d | 80 MB | 1.25 |  |",
    ]


def test_tiles(monkeypatch):
    """Errors grow with the tile, and stay below their bounds; the table has a cell for each number."""
    monkeypatch.setattr(tiles, "SIZES", ((28, 64, 72),))
    monkeypatch.setattr(conv_winograd, "FEWEST_PRODUCTS", 0)  # this one is small
    (one,) = tiles.measure(1, quick=False)
    assert 0 < one.errors[0] < one.errors[4] < 1e-4
    assert one.bounds[0] is None
    assert all(one.errors[m] < one.bounds[m] for m in (2, 4))
    row = tiles.table([one]).splitlines()[2]
    assert row.startswith("| 28 × 28 × 64 to 72 | ")
    assert row.count("|") == 10


STUBBED = """
import runpy, sys
sys.path.append("tests")
from benchmarks import growth
from benchmarks.timing import Times
growth.measure = lambda rounds, quick: [growth.Growth("n", "it", {1: Times((1.0,)), 2: Times((2.0,))})]
runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
"""


def test_as_a_command(tmp_path):
    """One group, its table and picture written, by the number of threads that was asked for."""
    arguments = ["--only", "growth", "--quick", "--threads", "1", "--out", str(tmp_path)]
    command = [sys.executable, "-c", STUBBED, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "benchmarks" / "growth.inc").read_text()
    assert "| n: it | 1 … 2 | 1000 ms … 2000 ms | 1.00 |" in text
    assert "1 thread" in text
    assert (tmp_path / "_static" / "benchmarks_growth.png").read_bytes()[:4] == b"\x89PNG"
