"""Batch normalisation: its cases, and what another choice or a mistake gives."""

from dataclasses import replace

import numpy as np

from refvis.layers import Array, BatchNorm
from refvis.layers import batch_norm as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, backward_is, forward_is
from refvis.verify.kinds import parameters


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a batch normalisation and an input; simple: given moments."""
    channels, count = choose.integer(1, 3), choose.integer(1, 4)
    scale, offset = filled(choose, (channels,)), filled(choose, (channels,))
    x = filled(choose, (count, choose.integer(1, 4), choose.integer(1, 3), channels))
    if simple:
        deviations = filled(choose, (channels,), "positive") / 2
        moments = np.stack([filled(choose, (channels,)), deviations], axis=1)
        return Case(BatchNorm(scale, offset, moments), (x,))
    if x.size == channels:  # one value for each channel has no variance
        x = filled(choose, (2, *x.shape[1:]))
    return Case(BatchNorm(scale, offset, None, choose.choice((0.5, 0.25, 2.0))), (x,))


def moments(layer: BatchNorm, x: Array) -> tuple[Array, Array]:
    """Return mean and variance of the batch; of given moments, the mean and the square of the deviation."""
    if layer.moments is not None:
        return layer.moments[:, 0], layer.moments[:, 1] ** 2
    mean = x.mean(axis=(0, 1, 2))
    return mean, ((x - mean) ** 2).mean(axis=(0, 1, 2))


def normalised(layer: BatchNorm, x: Array, mean: Array, deviation: Array) -> Array:
    """Return the output for a mean and a deviation."""
    return layer.scale * (x - mean) / deviation + layer.offset


def epsilon_outside(layer: BatchNorm, x: Array) -> Array:
    """Return y with epsilon added to the deviation."""
    mean, variance = moments(layer, x)
    added = layer.epsilon if layer.moments is None else 0.0
    return normalised(layer, x, mean, np.sqrt(variance) + added)


def no_epsilon(layer: BatchNorm, x: Array) -> Array:
    """Return y without epsilon."""
    mean, variance = moments(layer, x)
    return normalised(layer, x, mean, np.sqrt(variance))


def unbiased(layer: BatchNorm, x: Array) -> Array:
    """Return y with a variance that divides by M - 1."""
    if layer.moments is not None:
        return definition.forward(layer, x)
    mean, variance = moments(layer, x)
    number = x.size // x.shape[3]
    return normalised(layer, x, mean, np.sqrt(variance * number / (number - 1) + layer.epsilon))


def variance_for_deviation(layer: BatchNorm, x: Array) -> Array:
    """Return y that divides by the variance."""
    mean, variance = moments(layer, x)
    added = layer.epsilon if layer.moments is None else 0.0
    return normalised(layer, x, mean, variance + added)


def root_of_given(layer: BatchNorm, x: Array) -> Array:
    """Return y that takes the given deviation for a variance, and its root with epsilon."""
    if layer.moments is None:
        return definition.forward(layer, x)
    mean, deviation = layer.moments.T
    return normalised(layer, x, mean, np.sqrt(deviation + layer.epsilon))


def epsilon_with_given(layer: BatchNorm, x: Array) -> Array:
    """Return y that adds epsilon to the square of the given deviation."""
    if layer.moments is None:
        return definition.forward(layer, x)
    mean, deviation = layer.moments.T
    return normalised(layer, x, mean, np.sqrt(deviation**2 + layer.epsilon))


def batch_ignoring_given(layer: BatchNorm, x: Array) -> Array:
    """Return y by the batch's own moments, whatever is given."""
    return definition.forward(replace(layer, moments=None), x)


def for_each_image(layer: BatchNorm, x: Array) -> Array:
    """Return y by each image's own moments."""
    return np.concatenate([definition.forward(layer, x[i : i + 1]) for i in range(len(x))])


def no_mean(layer: BatchNorm, x: Array) -> Array:
    """Return y without the mean taken away."""
    _, variance = moments(layer, x)
    added = layer.epsilon if layer.moments is None else 0.0
    return normalised(layer, x, np.zeros_like(variance), np.sqrt(variance + added))


def frozen_gradient(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient that takes the batch's moments as constants."""
    return definition.gradient(definition.frozen(layer, x), signal, output, x)


def batch_gradient(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient with the batch's terms at given moments."""
    if layer.moments is None:
        return definition.gradient(layer, signal, output, x)
    mean, deviation = layer.moments.T
    z, axes = (x - mean) / deviation, (0, 1, 2)
    return (layer.scale / deviation * (signal - signal.mean(axis=axes) - z * (signal * z).mean(axis=axes)),)


def no_variance_term(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient that takes the variance as constant, and the mean as it is."""
    if layer.moments is not None:
        return definition.gradient(layer, signal, output, x)
    _, deviation = definition.moments_for(layer, x)
    return (layer.scale / deviation * (signal - signal.mean(axis=(0, 1, 2))),)


def no_mean_term(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient that takes the mean as constant, and the variance as it is."""
    if layer.moments is not None:
        return definition.gradient(layer, signal, output, x)
    mean, deviation = definition.moments_for(layer, x)
    z = (x - mean) / deviation
    return (layer.scale / deviation * (signal - z * (signal * z).mean(axis=(0, 1, 2))),)


def no_scale(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient without the scale."""
    return definition.gradient(replace(layer, scale=np.ones_like(layer.scale)), signal, output, x)


PAGE = "operators/batch_norm.html"
ANSWERS: tuple[Answer, ...] = (
    forward_is("epsilon_outside", "it adds epsilon to the deviation, outside of the root", epsilon_outside),
    forward_is("no_epsilon", "it has no epsilon", no_epsilon),
    forward_is("unbiased_variance", "its variance divides by M - 1", unbiased, flag="CONVENTION"),
    forward_is("variance_for_deviation", "it divides by the variance, not by its root", variance_for_deviation),
    forward_is(
        "root_of_given",
        "it takes the given deviations for variances",
        root_of_given,
        result="acceptable",
        flag="CONVENTION",
        seen=("PyTorch", "Caffe", "ONNX"),
    ),
    forward_is("epsilon_with_given", "it adds epsilon to the square of the given deviations", epsilon_with_given),
    forward_is(
        "batch_ignoring_given", "it takes the batch's own moments although others are given", batch_ignoring_given
    ),
    forward_is("for_each_image", "it takes the moments of each image alone (instance normalisation)", for_each_image),
    forward_is("no_mean", "it does not take the mean away", no_mean),
    forward_is("no_offset", "it leaves the offset out", lambda layer, x: definition.forward(layer, x) - layer.offset),
    forward_is(
        "no_scale",
        "it leaves the scale out",
        lambda layer, x: definition.forward(replace(layer, scale=np.ones_like(layer.scale)), x),
    ),
    backward_is(
        "moments_are_constants",
        "its backward pass takes the batch's moments as constants",
        frozen_gradient,
        result="acceptable",
        flag="CONVENTION",
    ),
    backward_is(
        "batch_terms_at_given",
        "its backward pass at given moments has the batch's terms",
        batch_gradient,
        result="acceptable",
        flag="CONVENTION",
        seen=("MatConvNet",),
        page="quirks.html",
    ),
    backward_is("no_variance_term", "its backward pass lacks the term of the variance", no_variance_term),
    backward_is("no_mean_term", "its backward pass lacks the term of the mean", no_mean_term),
    backward_is("no_scale_in_gradient", "its backward pass lacks the scale", no_scale),
    *parameters.answers("scale", "offset"),
)
FEATURES = {
    "given moments": lambda case: case.layer.moments is not None,
    "the batch's own moments": lambda case: case.layer.moments is None,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
}


def terms(case: Case) -> int:
    """Return the values of a channel, and some for the root and the quotient."""
    (x,) = case.inputs
    return int(x.size // x.shape[3]) + 4


BATCH_NORM = Kind("batch_norm", draw, terms, ANSWERS, FEATURES, page=PAGE)
