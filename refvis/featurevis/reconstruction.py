"""FeatureVis' reconstruction: an image is moved, by gradients with momentum, until the network's output is a target."""

from functools import partial

from refvis.featurevis.measure import activation, output_node, require_one_image, version_of
from refvis.featurevis.rules import batch_norm, no_batch_norm
from refvis.layers import Array, BatchNorm, Rule, ShapeError, array_module, modes
from refvis.network import Network

BATCH_NORMS: dict[str, Rule] = {"simplenn": partial(batch_norm, epsilon=None), "dagnn": no_batch_norm}
"""In this function, the original goes back with each layer's own epsilon."""


def reconstruction(
    net: Network,
    start: Array,
    target: Array,
    runs: int = 100,
    p: float = 6,
    p_norm_factor: float | None = None,
    tv_norm_factor: float | None = None,
    target_factor: float | None = None,
    momentum: float = 0.9,
    version: str | None = None,
) -> Array:
    """Return the image of FeatureVis' ``*_reconstruction`` from image `start` (1 x H x W x C): H x W x C, its dtype.

    `target` is what the network's output should be (1 x h x w x c; ``net.upto(name)`` ends it at another layer). Each
    of the `runs` adds s to the image, ``s = momentum * s - (target_factor * dA + p_norm_factor * dP + tv_norm_factor *
    dV)``, for the terms ``A = sum (output - target)^2``, ``P = sum |x|^p``, and V, whose gradient is taken as half of
    what it is (`half_tv_gradient`); a factor of 0 leaves its term out. Factors that are None are ``1 / sum target^2``,
    ``1 / (H W 128^p)`` and ``1 / (H W 128^2 0.01^2)``.
    `version` is that of `deconvolution`. Raises ShapeError for several images and a target of another shape than the
    output, ValueError where the original ends in an error. Source: Gruen et al. 2016, `simplenn_reconstruction`,
    `dagnn_reconstruction`.
    """
    if runs < 0:
        raise ValueError(f"runs is {runs}, expected 0 or more")
    require_one_image(start)
    version = version_of(net, version)
    end = output_node(net)
    cut = net.upto(end.name)
    expected = activation(cut.forward(start), end).shape
    if target.shape != expected:
        raise ShapeError(f"the target has shape {target.shape}, expected the output's {expected}")
    area = start.shape[1] * start.shape[2]
    fit = one_over_squares(target) if target_factor is None else float(target_factor)
    bound = 1 / (area * 128.0**p) if p_norm_factor is None else float(p_norm_factor)
    smooth = 1 / (area * 128**2 * 0.01**2) if tv_norm_factor is None else float(tv_norm_factor)
    mode = modes.GRADIENT | {BatchNorm: BATCH_NORMS[version]}
    x, step = start, array_module(start, target).zeros_like(start)
    for _ in range(runs):
        trace = cut.forward(x)
        signals = cut.backward(trace, {end.output: 2 * (trace[end.output] - target)}, mode)
        gradient = fit * signals[cut.inputs[0]]
        if bound:
            gradient = gradient + bound * p_gradient(x, float(p))
        if smooth:
            gradient = gradient + smooth * half_tv_gradient(x)
        step = float(momentum) * step - gradient
        x = x + step
    return x[0]


def one_over_squares(target: Array) -> float:
    """Return 1 / sum target^2, or raise ValueError for a target of zeros."""
    total = float((target * target).sum())
    if total == 0:
        raise ValueError("the target is zero everywhere: give target_factor, 1 / sum(target^2) unless told otherwise")
    return 1 / total


def p_gradient(x: Array, p: float) -> Array:
    """Return the gradient of sum |x|^p (shape of x): p sign(x) |x|^(p - 1)."""
    xp = array_module(x)
    return p * xp.sign(x) * xp.abs(x) ** (p - 1)


def half_tv_gradient(x: Array) -> Array:
    """Return the differences of each pixel to its neighbours, added up (shape of x).

    That is half the gradient of V, the sum of the squared differences between neighbours.
    """
    found = array_module(x).zeros_like(x)
    dy, dx = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    found[:, 1:] += dy
    found[:, :-1] -= dy
    found[:, :, 1:] += dx
    found[:, :, :-1] -= dx
    return found
