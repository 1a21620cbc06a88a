"""FeatureVis' reconstruction: gradient descent with momentum on an image, towards a target output."""

from functools import partial

from refvis.featurevis.measure import activation, output_node, require_one_image, version_of
from refvis.featurevis.rules import batch_norm, no_batch_norm
from refvis.layers import Array, BatchNorm, Rule, ShapeError, array_module, modes
from refvis.layers.graph.not_finite import finite_trace
from refvis.network import Network

BATCH_NORMS: dict[str, Rule] = {"simplenn": partial(batch_norm, epsilon=None), "dagnn": no_batch_norm}
"""In this function, the original uses each layer's own epsilon."""


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

    Source: Gruen et al. 2016, `simplenn_reconstruction`, `dagnn_reconstruction`. Each run adds s to the image:

        s <- momentum * s - (target_factor * dA + p_norm_factor * dP + tv_norm_factor * dV)

    with the gradients of ``A = sum (output - target)^2`` and ``P = sum |x|^p``, and half the gradient of the total
    variation V (`half_tv_gradient`). A factor of 0 leaves its term out.

    Parameters:

        net             the network; ``net.upto(name)`` ends it at another layer
        start           one image, 1 x H x W x C, float32 or float64
        target          the target output, 1 x h x w x c
        runs            number of steps
        p               exponent of P
        p_norm_factor   Default: 1 / (H W 128^p)
        tv_norm_factor  Default: 1 / (H W 128^2 0.01^2)
        target_factor   Default: 1 / sum target^2
        momentum        share of the previous step that is kept
        version         as in `deconvolution`

    Raises ShapeError for several images and for a target of another shape than the output, ValueError wherever the
    original ends in an error.

    >>> import numpy as np
    >>> from refvis import chain, featurevis, layers
    >>> net = chain({"double": layers.Conv(np.full((1, 1, 1, 1), 2.0))})
    >>> start, target = np.zeros((1, 1, 1, 1)), np.ones((1, 1, 1, 1))
    >>> featurevis.reconstruction(net, start, target, runs=1, target_factor=0.125)
    array([[[0.5]]])
    """
    if runs < 0:
        raise ValueError(f"runs is {runs}, expected 0 or more")
    require_one_image(start)
    version = version_of(net, version)
    end = output_node(net)
    cut = net.upto(end.name)
    expected = activation(finite_trace(cut, start), end).shape
    if target.shape != expected:
        raise ShapeError(f"the target has shape {target.shape}, expected the output's {expected}")
    area = start.shape[1] * start.shape[2]
    fit = _default_target_factor(target) if target_factor is None else float(target_factor)
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


def _default_target_factor(target: Array) -> float:
    """Return 1 / sum target^2; ValueError for a target of zeros."""
    total = float((target * target).sum())
    if total == 0:
        raise ValueError(
            "the target is zero everywhere: give target_factor, since its default 1 / sum(target^2) is infinite"
        )
    return 1 / total


def p_gradient(x: Array, p: float) -> Array:
    """Return the gradient of sum |x|^p (shape of x): p sign(x) |x|^(p - 1)."""
    xp = array_module(x)
    return p * xp.sign(x) * xp.abs(x) ** (p - 1)


def half_tv_gradient(x: Array) -> Array:
    """Return the sum of the differences of each pixel to its neighbours (shape of x).

    It is half the gradient of V, the sum of the squared differences between neighbours.
    """
    sums = array_module(x).zeros_like(x)
    dy, dx = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    sums[:, 1:] += dy
    sums[:, :-1] -= dy
    sums[:, :, 1:] += dx
    sums[:, :, :-1] -= dx
    return sums
