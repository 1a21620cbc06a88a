"""captum's methods beside those of refvis, in float64: of backward passes, and of changed inputs."""

import numpy as np
import pytest
from support.peers import MISSING, nets

import refvis
from refvis import layers
from refvis.layers import modes

if MISSING:
    pytest.skip(f"{', '.join(MISSING)} not installed: CONTRIBUTING.md says how", allow_module_level=True)

from support.peers import maps
from support.peers.compared import assert_close

ROUNDING = 1e-12
SINGLE = 1e-7
SUMS = 16 * np.finfo(np.float32).eps
"""captum adds up effects of boxes and of permutations in float32, whatever the scores are."""
STEPS = 8
"""captum keeps the weights of the steps in float32, where 1 / 8 is exact and those of Gauss and Legendre are not."""
CHANNEL = 2
LAYER = "relu2"
NETS = pytest.mark.parametrize("net", nets.NETS)
RIEMANN = {
    "gausslegendre": "gausslegendre",
    "trapezoid": "riemann_trapezoid",
    "left": "riemann_left",
    "right": "riemann_right",
    "middle": "riemann_middle",
}


def assert_equal(found: np.ndarray, expected: np.ndarray, relative: float = ROUNDING) -> None:
    np.testing.assert_equal(bool(np.abs(expected).max() > 0), True)
    assert_close("captum", found, expected, relative * np.abs(expected).max())


def made(net: str) -> tuple[refvis.Network, np.ndarray, np.ndarray]:
    """Return a network with biases, images, and images to compare them with."""
    return refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0), nets.signed(1)


@NETS
def test_gradient_times_input(net: str) -> None:
    graph, x, _ = made(net)
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.InputXGradient)
    assert_equal(refvis.gradient_times_input(graph, x, channel=CHANNEL).values, expected)


@NETS
@pytest.mark.parametrize("method", RIEMANN)
def test_integrated_gradients(net: str, method: str) -> None:
    graph, x, references = made(net)
    options = {"baselines": maps.to_torch(references[:1]), "n_steps": STEPS, "method": RIEMANN[method]}
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.IntegratedGradients, **options)
    found = refvis.integrated_gradients(graph, x, references[:1], STEPS, method, channel=CHANNEL).values
    if method == "trapezoid":  # whose weights add up to (n - 1) / n in captum
        expected *= STEPS / (STEPS - 1)
    assert_equal(found, expected, SINGLE if method == "gausslegendre" else ROUNDING)


@NETS
@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam(net: str, relu: bool) -> None:
    graph, x, _ = made(net)
    shown = 0
    for channel in range(nets.CLASSES):
        expected = maps.captum_walk(graph, x, channel, maps.attr.LayerGradCam, LAYER, relu_attributions=relu)
        found = refvis.grad_cam(graph, x, channel=channel, layer=LAYER, relu=relu, upsample=False)
        assert_close("captum", found.values, expected, ROUNDING)
        shown += int((expected != 0).any())
    np.testing.assert_array_less(1, shown)


@NETS
def test_guided_grad_cam(net: str) -> None:
    graph, x, _ = made(net)
    shown = 0
    for channel in range(nets.CLASSES):
        expected = maps.captum_walk(graph, x, channel, maps.attr.GuidedGradCam, LAYER, interpolate_mode="bilinear")
        found = refvis.guided_grad_cam(graph, x, channel=channel, layer=LAYER)
        assert_close("captum", found.values, expected, ROUNDING)
        shown += int((expected != 0).any())
    np.testing.assert_array_less(1, shown)


def deeplift(graph: layers.Graph, x: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the attributions and the difference of the scores that they should add up to."""
    trace = graph.forward(np.concatenate([x, references]))
    seed = np.zeros_like(trace.output)
    seed[..., CHANNEL] = 1
    multipliers = graph.backward(trace, {graph.outputs[0]: seed}, modes.DEEPLIFT)[graph.inputs[0]]
    scores = trace.output[:, 0, 0, CHANNEL]
    return (x - references) * multipliers[: len(x)], scores[: len(x)] - scores[len(x) :]


def captum_deeplift(graph: layers.Graph, x: np.ndarray, references: np.ndarray) -> np.ndarray:
    return maps.captum_walk(graph, x, CHANNEL, maps.attr.DeepLift, baselines=maps.to_torch(references))


@pytest.mark.parametrize("net", [net for net in nets.NETS if net != "plain"])
def test_deeplift(net: str) -> None:
    given = made(net)
    assert_equal(deeplift(*given)[0], captum_deeplift(*given))


@pytest.mark.parametrize("net", [net for net in nets.NETS if net != "plain"])
def test_deeplift_from_several_references(net: str) -> None:
    graph, x, references = made(net)
    options = {"baselines": maps.to_torch(references)}
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.DeepLiftShap, **options)
    assert_equal(refvis.deeplift(graph, x, references, channel=CHANNEL).values, expected)


@NETS
def test_gradient_times_activation_of_a_layer(net: str) -> None:
    graph, x, _ = made(net)
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.LayerGradientXActivation, LAYER)
    found = refvis.linear_approximation(graph, x, channel=CHANNEL, layer=LAYER, upsample=False).values
    assert_equal(found, expected.sum(axis=3, keepdims=True))


@NETS
@pytest.mark.parametrize("fill", [0, 0.5])
def test_occlusion(net: str, fill: float) -> None:
    graph, x = made(net)[0], made(net)[1][:1]
    options = {"sliding_window_shapes": (4, 3, 5), "strides": (4, 2, 3), "baselines": fill}
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.Occlusion, **options)
    found = refvis.occlusion(graph, x, (3, 5), (2, 3), fill, channel=CHANNEL).values
    assert_close("captum", found, expected[..., :1], SUMS * np.abs(graph.forward(x).output).max())


@NETS
def test_feature_ablation_of_columns(net: str) -> None:
    graph, x = made(net)[0], made(net)[1][:1]
    options = {"feature_mask": maps.torch.arange(11).expand(1, 1, 13, 11)}
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.FeatureAblation, **options)
    found = refvis.occlusion(graph, x, (13, 1), 1, 0, channel=CHANNEL).values
    assert_close("captum", found, expected[..., :1], ROUNDING * np.abs(graph.forward(x).output).max())


QUARTERS = (np.arange(13)[:, None] // 6 % 2 * 2 + np.arange(11) // 7).astype(int)
"""Four segments, the last row with the first."""


@NETS
def test_shapley_values(net: str) -> None:
    graph, x = made(net)[0], made(net)[1][:1]
    options = {"feature_mask": maps.torch.tensor(QUARTERS)[None, None]}
    expected = maps.captum_walk(graph, x, CHANNEL, maps.attr.ShapleyValues, **options)
    found = refvis.kernel_shap(graph, x, QUARTERS, fill=0, channel=CHANNEL).values
    assert_close("captum", found, expected[..., :1], SUMS * np.abs(graph.forward(x).output).max())


def pooled(pool: layers.Pool, relu: bool) -> tuple[layers.Graph, np.ndarray, np.ndarray]:
    """Return a convolution, a ReLU or none, max pooling and a fully connected layer, with images and references."""
    make, x = nets.Maker(0, biases=True), nets.signed(0)
    below = {"conv": make.conv(6, 3, 2, 4)} | ({"relu": layers.ReLU()} if relu else {}) | {"pool": pool}
    size = layers.Graph(layers.chain(below)).forward(x).output[0].size
    return layers.Graph(layers.chain(below | {"fc": make.full(size)})), x, nets.signed(1)


def test_deeplift_of_max_pooling() -> None:
    given = pooled(layers.Pool(3, 3), relu=False)
    assert_equal(deeplift(*given)[0], captum_deeplift(*given))


@pytest.mark.parametrize(
    ("pool", "relu"), [(layers.Pool(3, 2), False), (layers.Pool(3, 3), True)], ids=["overlap", "relu"]
)
def test_deeplift_adds_up_where_captum_does_not(pool: layers.Pool, relu: bool) -> None:
    """captum's pooling overwrites where windows overlap, and its rule for a ReLU below reads the signal too early."""
    given = pooled(pool, relu)
    found, rise = deeplift(*given)
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), rise, rtol=1e-10)
    np.testing.assert_array_less(0.1, np.abs(captum_deeplift(*given).sum(axis=(1, 2, 3)) - rise))
