"""Nie et al. (2018): guided backpropagation recovers the image in a network that was never trained.

The network is theirs: one convolution with N random filters, ReLU, (max pooling,) one fully connected output, all
weights normal and independent. With v the output's weights, window p of the image x gets the signal

    guided:    sum_k max(v_k, 0) [w_k . x_p > 0] w_k  ->  N c x_p / |x_p|      E[w [w . x > 0]] is along x
    gradient:  sum_k     v_k     [w_k . x_p > 0] w_k  ->  0                    v_k is positive as often as negative
    deconvnet: sum_k max(v_k, 0)                 w_k  ->  0                    nothing holds w_k to the image

as N grows, relative to N. What guided tends to is hence the image itself, each window divided by its length: `limit`.
"""

import numpy as np

from refvis import Network, chain
from refvis.layers import Array, Conv, FullyConnected, Layer, Pool, ReLU, backward, forward
from refvis.scenes import scene

SCENE = 7
SIDE = 7
"""Height and width of the filters in pixels."""
WIDTHS = (8, 64, 512, 2048)
SEEDS = range(5)
MODES = ("guided", "gradient", "deconvnet")


def picture(seed: int = SCENE) -> Array:
    """Return a scene in gray, of mean 0 and standard deviation 1 (1 x 64 x 64 x 1 float32)."""
    gray = scene(seed).image.mean(axis=2)
    return ((gray - gray.mean()) / gray.std()).astype("float32")[None, :, :, None]


def others() -> dict[str, Array]:
    """Return images of other kinds, of the same size, by their names."""
    colours = scene(SCENE).image.astype("float32")[None]
    return {
        "scene in gray, mean 0": picture(),
        "scene in gray, 0 ... 255": colours.mean(axis=3, keepdims=True),
        "scene in colour, mean colour 0": colours - colours.mean(axis=(1, 2), keepdims=True),
        "scene in colour, 0 ... 255": colours,
        "white noise": np.random.default_rng(0).standard_normal(picture().shape, "float32"),
    }


def network(random: np.random.Generator, x: Array, filters: int, side: int = SIDE, pooled: bool = False) -> Network:
    """Return the random network for images like `x`; the convolution keeps their size, pooling halves it."""
    layers: dict[str, Layer] = {"conv": Conv(_normal(random, (filters, side, side, x.shape[3])), pad=side // 2)}
    layers["relu"] = ReLU()
    if pooled:
        layers["pool"] = Pool(2, stride=2)
    maps = chain(layers).shapes(x0=x.shape)[f"x{len(layers)}"]
    layers["fc"] = FullyConnected(_normal(random, (1, int(np.prod(maps)))))
    return chain(layers)


def signals(net: Network, x: Array) -> dict[str, Array]:
    """Return the signal at the input for each mode."""
    trace = net.forward(x)
    seeds = {net.scores: np.ones_like(trace[net.scores])}
    return {mode: net.backward(trace, seeds, mode)[net.inputs[0]] for mode in MODES}


def limit(x: Array, side: int = SIDE) -> Array:
    """Return what guided backpropagation tends to with more and more filters (without pooling), up to a factor.

    The sum over windows of x_p / |x_p| is, at a pixel, x times the sum of 1 / |x_p| over the windows that hold it.
    """
    box = Conv(np.ones((1, side, side, x.shape[3]), x.dtype), pad=side // 2)
    (sums,) = backward(box, forward(box, x * x) ** -0.5, None, x)
    return x * sums


def correlation(a: Array, b: Array) -> float:
    """Return Pearson's correlation over all values."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def measure(pooled: bool, widths: tuple[int, ...] = WIDTHS, seeds: range = SEEDS) -> dict[str, Array]:
    """Return the correlations of each mode's signal with the image, widths x seeds."""
    x = picture()
    correlations: dict[str, Array] = {mode: np.empty((len(widths), len(seeds))) for mode in MODES}
    for i, filters in enumerate(widths):
        for j, seed in enumerate(seeds):
            net = network(np.random.default_rng(seed), x, filters, pooled=pooled)
            for mode, signal in signals(net, x).items():
                correlations[mode][i, j] = correlation(signal, x)
    return correlations


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return random.standard_normal(shape, "float32")
