"""Grad-CAM's map of activations and gradients: its cases, and what another choice or a mistake gives.

The function is ``(layer, activations, gradients) -> map``: N x h x w x C both, the map N x h x w x 1, or N x H x W x 1
where `layer.size` is (H, W).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from refvis.deconvolutional.grad_cam import weighted_maps
from refvis.layers import Array
from refvis.results.upsampling import upsample_bilinear
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, changed, forward_is
from refvis.verify.kinds.changes import with_fields


@dataclass(frozen=True, eq=False)
class GradCAM:
    """The options of Grad-CAM.

    relu  whether negative values of the map become zero. Default: yes
    size  height and width that the map is upsampled to, bilinearly. Default: it is not upsampled
    """

    relu: bool = True
    size: tuple[int, int] | None = None


def formula(layer: GradCAM, activations: Array, gradients: Array) -> Array:
    """Return the map: ReLU(sum_k alpha_k A_k), alpha_k the mean of the gradients over positions, upsampled."""
    return finished(layer, weighted_maps(activations, gradients))


def finished(layer: GradCAM, maps: Array) -> Array:
    """Return the map with ReLU and upsampling."""
    positive = np.maximum(maps, 0) if layer.relu else maps
    return upsample_bilinear(positive, layer.size) if layer.size else positive


def draw(choose: Chooser, simple: bool) -> Case:
    """Return activations and gradients of both signs; not simple: without ReLU, or upsampled."""
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    size = None if simple else choose.choice((None, (shape[1] + choose.integer(0, 5), shape[2] + choose.integer(1, 5))))
    layer = GradCAM(True if simple else choose.choice((True, False)), size)
    return Case(layer, (filled(choose, shape), filled(choose, shape)))


def by(combine: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return the map of another combination, ``(activations, gradients) -> N x h x w x C``, summed over channels."""
    return lambda layer, a, g: finished(layer, combine(a, g).sum(axis=3, keepdims=True))


def mean(g: Array) -> Array:
    """Return the mean over positions."""
    return g.mean(axis=(1, 2), keepdims=True)


def plus_plus(a: Array, g: Array) -> Array:
    """Return the maps with the weights of Grad-CAM++."""
    below = 2 * g**2 + a.sum(axis=(1, 2), keepdims=True) * g**3
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
    return a * (alpha * np.maximum(g, 0)).sum(axis=(1, 2), keepdims=True)


def upsampled_first(layer: GradCAM, a: Array, g: Array) -> Array:
    """Return the map whose ReLU comes after the upsampling."""
    maps = formula(replace(layer, relu=False), a, g)
    return np.maximum(maps, 0) if layer.relu else maps


def corners_aligned(layer: GradCAM, a: Array, g: Array) -> Array:
    """Return the map, upsampled so that the centres of the corners' pixels meet."""
    maps = formula(replace(layer, size=None), a, g)
    return _by_places(maps, layer.size, lambda count, pixels: np.linspace(0, count - 1, pixels))


def nearest(layer: GradCAM, a: Array, g: Array) -> Array:
    """Return the map, upsampled by repeating values."""
    maps = formula(replace(layer, size=None), a, g)
    return _by_places(maps, layer.size, lambda count, pixels: np.floor(np.arange(pixels) * count / pixels))


def _by_places(maps: Array, size: tuple[int, int] | None, places: Callable[[int, int], Array]) -> Array:
    if size is None:
        return maps
    for axis, pixels in enumerate(size, 1):
        count = maps.shape[axis]
        weights = np.maximum(0, 1 - np.abs(places(count, pixels)[:, None] - np.arange(count)))
        maps = np.moveaxis(np.tensordot(weights, maps, (1, axis)), 0, axis)
    return maps


def scaled_to_one(layer: GradCAM, a: Array, g: Array) -> Array:
    """Return the map divided by its largest value, where that is not zero."""
    maps = formula(layer, a, g)
    largest = np.abs(maps).max(axis=(1, 2, 3), keepdims=True)
    return maps / np.where(largest > 0, largest, 1)


def of_channels(layer: GradCAM, a: Array, g: Array) -> Array:
    """Return the map whose weights are means over channels, one for each position."""
    return finished(layer, (a * g.mean(axis=3, keepdims=True)).sum(axis=3, keepdims=True))


PAGE = "methods/grad_cam.html"
ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "sum_for_mean",
        "its weights are sums over positions, not means",
        by(lambda a, g: a * g.sum(axis=(1, 2), keepdims=True)),
        result="acceptable",
        flag="CONVENTION",
    ),
    changed("no_relu", "it leaves the ReLU out", with_fields(relu=False), ("forward",)),
    changed("always_relu", "it always has the ReLU", with_fields(relu=True), ("forward",), flag="UNSUPPORTED"),
    forward_is(
        "relu_before_sum", "its ReLU comes before the sum over channels", by(lambda a, g: np.maximum(a * mean(g), 0))
    ),
    forward_is(
        "positive_gradients",
        "its weights are means of positive gradients",
        by(lambda a, g: a * mean(np.maximum(g, 0))),
        flag="CONVENTION",
    ),
    forward_is("positive_weights", "it drops negative weights", by(lambda a, g: a * np.maximum(mean(g), 0))),
    forward_is("absolute_weights", "it takes absolute weights", by(lambda a, g: a * np.abs(mean(g)))),
    forward_is(
        "absolute_gradients", "its weights are means of absolute gradients", by(lambda a, g: a * mean(np.abs(g)))
    ),
    forward_is("positive_activations", "it drops negative activations", by(lambda a, g: np.maximum(a, 0) * mean(g))),
    forward_is("no_activations", "it does not multiply by the activations", by(lambda a, g: np.ones_like(a) * mean(g))),
    forward_is("no_weights", "it does not multiply by the weights", by(lambda a, g: a)),
    forward_is(
        "largest_gradient",
        "its weights are the largest gradients",
        by(lambda a, g: a * g.max(axis=(1, 2), keepdims=True)),
    ),
    forward_is(
        "weights_of_positions", "its weights are means over channels, one for each position", of_channels, flag="LAYOUT"
    ),
    forward_is(
        "mean_over_rows",
        "its weights are means over rows only",
        by(lambda a, g: a * g.mean(axis=1, keepdims=True)),
        flag="LAYOUT",
    ),
    forward_is(
        "mean_over_images",
        "its weights are means over the images, too",
        by(lambda a, g: a * g.mean(axis=(0, 1, 2), keepdims=True)),
    ),
    forward_is(
        "channels_averaged",
        "it averages over channels instead of summing",
        by(lambda a, g: a * mean(g) / a.shape[3]),
        flag="CONVENTION",
    ),
    forward_is(
        "hires_cam",
        "it is HiRes-CAM: gradients weight each position by itself",
        by(lambda a, g: a * g),
        result="acceptable",
        flag="CONVENTION",
        seen=("HiResCAM of pytorch-grad-cam",),
    ),
    forward_is(
        "layer_cam",
        "it is Layer-CAM: positive gradients weight each position by itself",
        by(lambda a, g: a * np.maximum(g, 0)),
        result="acceptable",
        flag="CONVENTION",
        seen=("LayerCAM of pytorch-grad-cam and torchcam",),
    ),
    forward_is("grad_cam_plus_plus", "it is Grad-CAM++", by(plus_plus), flag="CONVENTION", seen=("pytorch-grad-cam",)),
    forward_is("scaled_to_one", "it divides the map by its largest value", scaled_to_one, flag="CONVENTION"),
    changed("not_upsampled", "it does not upsample", with_fields(size=None), ("forward",), flag="UNSUPPORTED"),
    forward_is(
        "relu_after_upsampling",
        "its ReLU comes after the upsampling",
        upsampled_first,
        result="acceptable",
        flag="CONVENTION",
    ),
    forward_is(
        "corners_aligned",
        "its upsampling aligns the centres of the corners",
        corners_aligned,
        result="acceptable",
        flag="CONVENTION",
        seen=("align_corners=True of PyTorch",),
    ),
    forward_is("nearest_upsampling", "its upsampling repeats values", nearest),
)
FEATURES = {
    "an upsampling": lambda case: case.layer.size is not None,
    "no ReLU": lambda case: not case.layer.relu,
    "several positions": lambda case: case.inputs[0].shape[1] * case.inputs[0].shape[2] > 1,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
}


def terms(case: Case) -> int:
    """Return the gradients in a mean, the channels in a sum, and the four values of an interpolation."""
    _, height, width, channels = case.inputs[0].shape
    return int(height * width + channels) + 16


GRAD_CAM = Kind("grad_cam", draw, terms, ANSWERS, FEATURES, formula=formula, page=PAGE)
