"""FeatureVis' occlusion: boxes slide over the image, and each adds to its pixels how much the measured map changed."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from refvis.featurevis.boxes import Fill, filler, four, strips
from refvis.featurevis.measure import (
    activation,
    measured_filters,
    measured_node,
    output_node,
    require_one_image,
    spectral_norm,
    version_of,
)
from refvis.layers import Array, Node, Softmax, array_module
from refvis.network import Network


def occlusion(
    net: Network,
    x: Array,
    *specs: Sequence[int],
    box_color: Any = None,
    measure_layer: str | None = None,
    measure_filter: int | None = None,
    seed: int = 0,
    version: str | None = None,
) -> Array:
    """Return the heatmap of FeatureVis' ``*_occlusion`` for input x (1 x H x W x C): H x W, dtype of x, at most 1.

    Each of `specs` is (size, stride) or (size_w, stride_w, size_h, stride_h), in pixels; their heatmaps are added, each
    divided by its maximum, and divided again. A map of zeros becomes NaN. `box_color` is three numbers, for the first
    three channels; None: minus their means in x for "simplenn", noise from -128 to 128 in every channel, from `seed`,
    for "dagnn" (MATLAB's noise cannot be repeated). `measure_layer`, `measure_filter` and `version` are those of
    `deconvolution`; but the "dagnn" version passes over a softmax only if the layer that it reads stands before it.
    Raises ShapeError for several images, ValueError for sizes, colours, names and filters that make no sense.
    Source: Gruen et al. 2016, `simplenn_occlusion`, `dagnn_occlusion`.
    """
    version = version_of(net, version)
    require_one_image(x)
    sizes = [four(spec) for spec in specs]
    if not sizes:
        raise ValueError("no box was given, expected (size, stride), or (size_w, stride_w, size_h, stride_h)")
    fill = filler(x, box_color, version, seed)
    node = occluded_node(net, version) if measure_layer is None else measured_node(net, measure_layer)
    cut = net.upto(node.name)
    values = activation(cut.forward(x), node)
    filters = measured_filters(net, node, values, measure_filter)
    before = measured_map(values, filters)

    def change(covered: Array) -> Array:
        return spectral_norm(before - measured_map(cut.forward(covered)[node.output], filters))

    with np.errstate(divide="ignore", invalid="ignore"):
        return scaled(sum(scaled(heat(x, size, fill, change)) for size in sizes))


def heat(x: Array, size: tuple[int, int, int, int], fill: Fill, change: Callable[[Array], Array]) -> Array:
    """Return for each pixel (H x W) the sum of the changes that the boxes over it brought about."""
    found = array_module(x).zeros(x.shape[1:3], x.dtype)
    size_w, stride_w, size_h, stride_h = size
    for columns in strips(x.shape[2], size_w, stride_w):
        for rows in strips(x.shape[1], size_h, stride_h):
            covered = x.copy()
            box = fill(rows.stop - rows.start, columns.stop - columns.start)
            covered[0, rows, columns, : box.shape[-1]] = box
            found[rows, columns] += change(covered)
    return found


def occluded_node(net: Network, version: str) -> Node:
    """Return the layer that is measured by default: the last one, or the one before a softmax.

    The DagNN version finds it only if it stands right before the softmax in the file; else it measures the softmax.
    """
    last = output_node(net)
    before = next((node for node, after in pairwise(net.stored_nodes) if after.name == last.name), None)
    apart = isinstance(last.layer, Softmax) and (before is None or before.output != last.inputs[0])
    return last if version == "dagnn" and apart else measured_node(net, None)


def measured_map(values: Array, filters: list[int]) -> Array:
    """Return the measured map of `values` (1 x H x W x C) as the matrix whose norm is taken: H x W for one filter.

    Of several, which the default finds where the output has positions, a matrix is left if these stand in one row or
    column; else the original ends in an error, as this does (ValueError).
    """
    if len(filters) == 1:
        return values[0, :, :, filters[0]]
    height, width = values.shape[1:3]
    if min(height, width) > 1:
        raise ValueError(f"FeatureVis has no default filter for an output of {height} x {width} positions: name one")
    return values[0][..., filters].reshape(height * width, len(filters))


def scaled(values: Array) -> Array:
    """Return the values divided by their maximum."""
    return values / values.max()
