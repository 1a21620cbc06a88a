"""shap on the same networks: DeepExplainer is DeepLIFT, ExactExplainer gives the values that KernelSHAP estimates.

GradientExplainer draws its points, so that only its values for a network without ReLU are comparable: those of all
methods that complete. shap's own tests compare with sums, trees or correlated features; none of these numbers maps.
"""

import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest
from support.peers import absent, nets

if absent("torch", "shap"):
    missing = ", ".join(absent("torch", "shap"))
    pytest.skip(f"{missing} not installed: CONTRIBUTING.md says how", allow_module_level=True)

with warnings.catch_warnings(action="ignore"):  # of packages that shap imports
    import shap

import torch
from support.peers.compared import assert_close
from support.peers.torch_nets import TorchNet, to_torch

import refvis

CHANNEL = 2
SINGLE = 32 * np.finfo(np.float32).eps
"""DeepExplainer keeps its results in float32."""


def deep(graph: refvis.Network, x: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return DeepExplainer's values of a score, the mean over the references."""
    net = TorchNet(graph, x.shape, torch.nn.Identity)
    with warnings.catch_warnings(action="ignore"):  # of hooks on modules
        explainer = shap.DeepExplainer(net, to_torch(references).detach())
        values = explainer.shap_values(to_torch(x).detach(), check_additivity=False)
    return values[..., CHANNEL].transpose(0, 2, 3, 1)


@pytest.mark.parametrize("net", ["averaged", "normalised"])
def test_deep_explainer(net: str) -> None:
    graph, x = refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0)
    references = np.concatenate([nets.signed(1), nets.signed(2)])
    expected = deep(graph, x, references)
    found = refvis.deeplift(graph, x, references, channel=CHANNEL).values
    assert_close("shap", found, expected, SINGLE * np.abs(expected).max())


def test_deep_explainer_of_max_pooling() -> None:
    make = nets.Maker(0, biases=True)
    layers = {"conv": make.conv(6, 3, 2, 4), "pool": refvis.layers.Pool(3, 3)}
    graph = refvis.chain(layers | {"fc": make.full(3 * 3 * 6)})
    expected = deep(graph, nets.signed(0), nets.signed(1))
    found = refvis.deeplift(graph, nets.signed(0), nets.signed(1), channel=CHANNEL).values
    assert_close("shap", found, expected, SINGLE * np.abs(expected).max())


SEGMENTS = (np.arange(13)[:, None] // 5 * 2 + np.arange(11) // 6).astype(int)
"""Six rectangles."""


@pytest.mark.parametrize("fill", [0, 0.5])
@pytest.mark.parametrize("net", nets.NETS)
def test_exact_shapley_values(net: str, fill: float) -> None:
    graph, x = refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0)[:1]
    count = int(SEGMENTS.max()) + 1

    def levels(coalitions: np.ndarray) -> Any:
        shown = coalitions.astype(bool)[:, SEGMENTS][..., None]
        return graph.forward(np.where(shown, x, fill)).output[:, 0, 0, CHANNEL]

    explainer = shap.ExactExplainer(levels, np.zeros((1, count)))
    expected = explainer(np.ones((1, count))).values[0]
    found = refvis.kernel_shap(graph, x, SEGMENTS, fill=fill, channel=CHANNEL).values[0, ..., 0]
    for segment, (row, column) in enumerate(product((0, 5, 10), (0, 6))):
        values = found[row : row + 5, column : column + 6]
        atol = 1e-12 * np.abs(expected).max()
        assert_close("shap", values, np.full(values.shape, expected[segment]), atol)


def test_values_of_a_linear_network() -> None:
    """Weights times the distance from the mean reference: LinearExplainer's values, DeepLIFT's and path integrals'."""
    make, x, references = nets.Maker(0, biases=True), nets.signed(0), np.concatenate([nets.signed(1), nets.signed(2)])
    graph = refvis.chain({"fc": make.full(x[0].size)})
    layer = graph.nodes[0].layer
    explainer = shap.LinearExplainer((layer.weights[CHANNEL], layer.biases[CHANNEL]), references.reshape(4, -1))
    expected = explainer.shap_values(x.reshape(2, -1)).reshape(x.shape)
    for method in (refvis.deeplift, refvis.integrated_gradients):
        found = method(graph, x, references, channel=CHANNEL).values
        assert_close("shap", found, expected, 1e-12 * np.abs(expected).max())


def test_gradient_explainer_of_a_linear_network() -> None:
    make, x, start = nets.Maker(0, biases=True), nets.signed(0), nets.signed(1)[:1]
    graph = refvis.chain({"fc": make.full(x[0].size)})
    net = TorchNet(graph, x.shape, torch.nn.Identity).float()
    explainer = shap.GradientExplainer(net, to_torch(start).detach().float())
    expected = explainer.shap_values(to_torch(x).float(), nsamples=4)[..., CHANNEL].transpose(0, 2, 3, 1)
    found = refvis.integrated_gradients(graph, x, start, 4, channel=CHANNEL).values
    assert_close("shap", found, expected, SINGLE * np.abs(expected).max())
