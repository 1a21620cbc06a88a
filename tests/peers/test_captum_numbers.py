"""The expected numbers of captum's own tests (tests/attr of its repository), for the methods that refvis has, too.

Left out: layers that refvis lacks (tanh, three spatial axes, embeddings), methods whose tests only look at shapes or at
random numbers (NoiseTunnel, GradientShap), LIME (theirs is a lasso, here it is ridge regression), masks of features
that differ by image, and boxes that the border cuts off (here the last box is moved inside).
"""

from functools import partial
from typing import Any

import numpy as np
import pytest
from support.peers import captum_nets as nets
from support.peers.captum_nets import rising, row
from support.peers.compared import assert_close

import refvis
from refvis import layers, modes
from refvis.layers import lrp

TINY = 1e-9
EPSILON = partial(lrp.epsilon, eps=TINY)
KEPT = {"split": "weights", "modify_bias": False, "eps": TINY}
Z_PLUS = partial(lrp.z_plus, **KEPT)
EXACT = 1e-6
"""captum's numbers are whole or fractions; its stabiliser of 1e-9 is the larger difference."""


def gamma(value: float) -> Any:
    return partial(lrp.gamma, gamma=value, **KEPT)


def agree(found: Any, expected: Any, atol: float = EXACT) -> None:
    expected = np.asarray(expected, float)
    assert_close("captum's numbers", np.asarray(found).reshape(expected.shape), expected, atol)


def heatmap(net: Any, x: np.ndarray, mode: Any, channel: int = 0, **options: Any) -> np.ndarray:
    return refvis.deconvolution(net, x, mode, channel=channel, **options).values


X = row(1, 2, 3)
BASIC = [[0, 1, 2, 3], [0, 5, 6, 7], [0, 9, 10, 11], [0, 0, 0, 0]]
RELEVANCE = {
    "epsilon of a convolution": (nets.one_conv(), rising(), modes.relevance(EPSILON), BASIC),
    "epsilon": (nets.simple(), X, modes.relevance(EPSILON), [18, 36, 54]),
    "epsilon, a larger input": (nets.simple(), 3 * X, modes.relevance(EPSILON), [54, 108, 162]),
    "gamma": (nets.simple(-2), X, modes.relevance(gamma(0.25)) | {"linear": gamma(1)}, [28 / 3, 104 / 3, 52]),
    "z+": (nets.simple(-2), X, modes.relevance(Z_PLUS), [12, 33.6, 50.4]),
    "identity": (
        nets.simple(-2),
        X.transpose(0, 1, 3, 2),
        modes.relevance(EPSILON) | {"linear": lrp.passes},
        [24, 36, 36],
    ),
}


@pytest.mark.parametrize("name", RELEVANCE)
def test_relevance(name: str) -> None:
    net, x, mode, expected = RELEVANCE[name]
    agree(heatmap(net, x, mode), expected)


def test_relevance_of_a_skip_connection() -> None:
    x = np.array([2.0, 3.0]).reshape(1, 1, 1, 2)
    agree(heatmap(nets.skip(), x, modes.relevance(EPSILON), channel=1), [10, 18])


def test_relevance_of_max_pooling() -> None:
    net = refvis.chain({"pool": layers.Pool(2)})
    x = np.array([1.0, 2, 5, 6]).reshape(1, 2, 2, 1)
    agree(heatmap(net, x, modes.relevance(EPSILON)), [0, 0, 0, 6])


def test_relevance_of_a_sum_of_inputs() -> None:
    """captum gives it whole to each of the two summands, x and 3 x, since it has no rule for a plain +."""
    agree(heatmap(nets.multi_layer(), 4 * X, modes.relevance(EPSILON)), [16, 32, 48])


def test_relevance_without_biases_is_gradient_times_input() -> None:
    found = heatmap(nets.simple(), X, modes.relevance(EPSILON))
    agree(found, refvis.gradient_times_input(nets.simple(), X, channel=0).values)


@pytest.mark.parametrize("mode", [modes.relevance(gamma(0.25)), modes.relevance(Z_PLUS)], ids=["gamma", "z+"])
def test_relevance_at_a_layer(mode: Any) -> None:
    agree(heatmap(nets.simple(-2), X, mode, to="linear"), [24, 36, 36])


def test_relevance_at_a_convolution() -> None:
    found = heatmap(nets.one_conv(), rising(), modes.relevance(EPSILON), to="conv1")
    agree(found.transpose(0, 3, 1, 2), [[[0, 4], [31, 40]], [[0, 0], [-6, -15]]])


GUIDED = [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]]
GUIDED_SHIFTED = [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]
DECONVNET = [[2, 3, 3, 1], [3, 5, 5, 2], [3, 5, 5, 2], [1, 2, 2, 1]]


@pytest.mark.parametrize("at", ["relu2", "fc1"])
@pytest.mark.parametrize(
    ("mode", "shift", "expected"),
    [("guided", 0, GUIDED), ("guided", 1, GUIDED_SHIFTED), ("deconvnet", 0, DECONVNET), ("deconvnet", 1, DECONVNET)],
)
def test_guided_and_deconvnet(mode: str, shift: float, expected: Any, at: str) -> None:
    agree(heatmap(nets.one_conv(shift), rising(), mode, at=at), expected)


def test_saliency_and_gradient_times_input() -> None:
    x, gradient = row(1, 2, 3, 0, -1, 7), np.array([0.0, 0, 0, 1, 1, 0])
    agree(heatmap(nets.capped(), x, "gradient"), gradient)
    agree(refvis.gradient_times_input(nets.capped(), x, channel=0).values, gradient * x.ravel())


GRAD_CAM = {
    "layer without positions": (nets.multi_layer(), row(0, 100, 0).transpose(0, 1, 3, 2), "linear0", [400]),
    "convolution": (nets.one_conv(), rising(), "conv1", [[11.25, 13.5], [20.25, 22.5]]),
    "ReLU": (nets.one_conv(), rising(), "relu1", [[0, 4], [28, 32.5]]),
    "shifted input": (nets.one_conv(1), rising(), "conv1", [[14.5, 19], [32.5, 37]]),
}


@pytest.mark.parametrize("name", GRAD_CAM)
def test_grad_cam(name: str) -> None:
    net, x, layer, expected = GRAD_CAM[name]
    agree(refvis.grad_cam(net, x, channel=0, layer=layer, relu=False, upsample=False).values, expected)


@pytest.mark.parametrize("relu", [False, True])
def test_grad_cam_of_the_input(relu: bool) -> None:
    x = rising()
    x[0, 1, 1] = -4
    expected = 0.5625 * (np.maximum(x, 0) if relu else x)
    agree(refvis.grad_cam(nets.one_conv(), x, channel=0, layer="x0", relu=relu, upsample=False).values, expected)


GUIDED_GRAD_CAM = {
    ("relu1", 0): [[0, 0, 4, 4], [0, 0, 12, 8], [28, 84, 97.5, 65], [28, 56, 65, 32.5]],
    ("conv1", 1): [[14.5, 29, 38, 19], [29, 58, 76, 38], [65, 130, 148, 74], [32.5, 65, 74, 37]],
}


@pytest.mark.parametrize(("layer", "shift"), GUIDED_GRAD_CAM)
def test_guided_grad_cam_with_nearest_values(layer: str, shift: float) -> None:
    net = nets.one_conv(shift)
    small = refvis.grad_cam(net, rising(), channel=0, layer=layer, upsample=False).values
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    agree(large * heatmap(net, rising(), "guided"), GUIDED_GRAD_CAM[layer, shift])


LAYER_GRADIENTS = {
    ("linear0", (0, 100, 0)): 400,
    ("linear1", (0, 100, 0)): 90 + 3 * 101,
    ("relu", (3, 4, 0)): 24,
}


@pytest.mark.parametrize(("layer", "x"), LAYER_GRADIENTS)
def test_gradient_times_activation_of_a_layer(layer: str, x: tuple[float, ...]) -> None:
    found = refvis.linear_approximation(nets.multi_layer(), row(*x), channel=0, layer=layer, upsample=False)
    agree(found.values, [LAYER_GRADIENTS[layer, x]])


def test_deeplift_of_relus() -> None:
    found = refvis.deeplift(nets.sum_of_relus(), row(1, 2), channel=0)
    agree(found.values, [2, 1])
    agree(found.values / row(1, 2), [2, 0.5])


@pytest.mark.parametrize(
    ("start", "expected"), [((1, 2, 3, 9), [0, 0, 0, -8]), ((4, 8, 6, 7), [0, -7, 0, 0])], ids=["last", "second"]
)
def test_deeplift_of_max_pooling(start: Any, expected: Any) -> None:
    found = refvis.deeplift(nets.pooled(), np.ones((1, 1, 4, 1)), row(*start), channel=0)
    agree(found.values, expected)
    agree(found.measures["completeness_error"], [0])


STEPS = 300
PATHS = {"relu(relu(x1) - 1 - relu(x2))": ((0, 0), -1), "relu(relu(x1 - 1) - relu(x2))": ((-1, 0), 0)}


@pytest.mark.parametrize("method", ["gausslegendre", "trapezoid", "left", "right", "middle"])
@pytest.mark.parametrize("formula", PATHS)
def test_integrated_gradients(formula: str, method: str) -> None:
    """The gradient jumps once on the way: a step of one STEPS-th at most counts on the wrong side of it."""
    net = nets.two_relus(*PATHS[formula])
    found = refvis.integrated_gradients(net, row(3, 1), None, STEPS, method, channel=0)
    agree(found.values, [1.5, -0.5], 2 * 3 / STEPS)


CONV_BOXES = [[17, 17, 17, 17], [17, 17, 17, 17], [64, 65.5, 65.5, 67], [64, 65.5, 65.5, 67]]
CONV_PIXELS = [[0, 2, 4, 3], [4, 9, 10, 7], [4, 13, 14, 11], [0, 0, 0, 0]]
OCCLUSION = {
    "one feature": (nets.multi_layer(), row(20, 50, 30), (1, 1), 1, 0, [80, 200, 120]),
    "a smaller input": (nets.multi_layer(), row(2, 10, 3), (1, 1), 1, 0, [8, 35, 12]),
    "two features": (nets.multi_layer(), row(20, 50, 30), (1, 2), 1, 10, [200, 220, 240]),
    "all pixels": (nets.one_conv(1), rising(), (4, 4), 1, 0, np.full((4, 4), 67)),
    "pixels of a convolution": (nets.one_conv(1), rising(), (1, 1), 1, 0, CONV_PIXELS),
    "boxes of a convolution": (nets.one_conv(1), rising(), (2, 3), (2, 1), 0, CONV_BOXES),
}


@pytest.mark.parametrize("name", OCCLUSION)
def test_occlusion_and_feature_ablation(name: str) -> None:
    net, x, size, stride, fill, expected = OCCLUSION[name]
    agree(refvis.occlusion(net, x, size, stride, fill, channel=0).values, expected)


def test_ablation_of_pixels_for_one_position() -> None:
    found = refvis.occlusion(nets.capped(), row(-3, 1, 2), 1, 1, 0, channel=0, position=(0, 0))
    agree(found.values, [-3, 0, 0])


SHAPLEY = {
    "three features": ((20, 50, 30), (0, 1, 2), 0, [230 / 3, 590 / 3, 350 / 3]),
    "another input": ((2, 10, 3), (0, 1, 2), 0, [7, 32.5, 10.5]),
    "two features in one": ((20, 50, 30), (0, 0, 1), 0, [275, 275, 115]),
    "two in one, another input": ((2, 10, 3), (0, 0, 1), 0, [39.5, 39.5, 10.5]),
    "a baseline": ((20, 50, 30), (0, 0, 1), 4, [248, 248, 104]),
    "a baseline image": ((20, 50, 30), (0, 1, 2), row(10, 20, 10), [40, 120, 80]),
}


@pytest.mark.parametrize("name", SHAPLEY)
def test_shapley_values(name: str) -> None:
    x, segments, fill, expected = SHAPLEY[name]
    agree(refvis.kernel_shap(nets.multi_layer(), row(*x), np.array([segments]), fill=fill, channel=0).values, expected)
