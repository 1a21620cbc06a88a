"""DeSaliNet's switches: its corners are the three modes, and centres stand where a slow replica puts them."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases, replicas, walks

from refvis import layers
from refvis.layers import lrp, modes, pool
from refvis.layers.modes.tables import RECTIFIERS

CORNERS = {(True, False): "gradient", (False, True): "deconvnet", (True, True): "guided"}
FEW = settings(max_examples=10, phases=[Phase.generate])


@pytest.mark.parametrize("corner", CORNERS)
@FEW
@given(random=cases.generators())
def test_the_corners_are_the_modes(corner: tuple[bool, bool], random: np.random.Generator) -> None:
    np.testing.assert_equal(modes.desalinet(*corner), modes.MODES[CORNERS[corner]])
    graph = walks.chain(random)
    trace = graph.forward(walks.values(random, 3, 5, 6, 2))
    seeds = {graph.outputs[0]: random.normal(size=trace.output.shape)}
    expected = graph.backward(trace, seeds, CORNERS[corner])
    np.testing.assert_equal(graph.backward(trace, seeds, modes.desalinet(*corner)), expected)


def test_without_any_switch_a_relu_is_not_there() -> None:
    table = modes.desalinet(False, False)
    np.testing.assert_equal(table, modes.GRADIENT | dict.fromkeys(RECTIFIERS, lrp.passes))


def test_each_switch_turns_one_layer() -> None:
    np.testing.assert_equal(modes.desalinet(pooling_switches=False), modes.GUIDED | {layers.Pool: pool.centred})
    np.testing.assert_equal(modes.desalinet(lrn_gradient=False), modes.GUIDED | {layers.LRN: lrp.passes})


def centres(layer: layers.Pool, signal: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Every window's signal goes to its middle row and column (the earlier of two), or the nearest that exist."""
    dx = np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*signal.shape):
        row = layer.stride[0] * i - layer.pad[0] + (layer.size[0] - 1) // 2
        column = layer.stride[1] * j - layer.pad[2] + (layer.size[1] - 1) // 2
        dx[n, min(max(row, 0), x.shape[1] - 1), min(max(column, 0), x.shape[2] - 1), c] += signal[n, i, j, c]
    return dx


@settings(max_examples=60, phases=[Phase.generate])
@given(cases.single(("pool",), dtype="float64"), st.data())
def test_without_switches_the_signal_goes_to_the_centre(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    signal = cases.like(data.draw, layers.forward(layer, x))
    found = layers.backward(layer, signal, None, x, rule=pool.centred)[0]
    expected = centres(layer, signal, x) if layer.method == "max" else replicas.pool_gradient(layer, signal, x)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, strict=True)
    np.testing.assert_allclose(found.sum(), signal.sum(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_centres_by_hand(dtype: str) -> None:
    """4 x 2 windows, a row of padding above: rows -1 ... 2 and 1 ... 4 have their centres at 0 and 2, columns at 0."""
    x = np.zeros((1, 5, 3, 2), dtype)
    layer = layers.Pool((4, 2), 2, (1, 0, 0, 0))
    signal = np.array([[3.0, 4.0], [5.0, 6.0]], dtype).reshape(1, 2, 1, 2)
    found = layers.backward(layer, signal, None, x, rule=pool.centred)[0]
    expected = np.zeros_like(x)
    expected[0, 0, 0], expected[0, 2, 0] = (3, 4), (5, 6)
    np.testing.assert_array_equal(found, expected, strict=True)
