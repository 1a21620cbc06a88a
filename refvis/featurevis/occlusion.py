"""FeatureVis' occlusion: each box adds the change of the measured map to the pixels that it covers."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from refvis.featurevis.boxes import Fill, box_fill, box_geometry, box_spans
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
from refvis.layers.graph.not_finite import finite_trace
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

    Source: Gruen et al. 2016, `simplenn_occlusion`, `dagnn_occlusion`. A pixel's heat is the sum of the changes over
    the boxes that cover it, each the spectral norm of the difference of the measured map. Each spec's heatmap is
    divided by its maximum, and so is their sum. A map of zeros becomes NaN.

    Parameters:

        net             the network
        x               one image, 1 x H x W x C, float32 or float64
        specs           one or more of (size, stride) or (size_w, stride_w, size_h, stride_h), in pixels
        box_color       three numbers, for the first three channels. Default for "simplenn": minus their means in x;
                        for "dagnn": uniform noise from -128 to 128 in every channel
        measure_layer   as in `deconvolution`; the default of "dagnn" skips a softmax only if its input layer is stored
                        directly before it
        measure_filter  as in `deconvolution`
        seed            seed of the noise (MATLAB's noise cannot be repeated)
        version         as in `deconvolution`

    Raises ShapeError for several images, ValueError for invalid sizes, colours, names and filters.

    >>> import numpy as np
    >>> from refvis import chain, featurevis, layers
    >>> x = np.zeros((1, 1, 7, 3))
    >>> x[..., 0] = np.arange(1, 8)
    >>> net = chain({"sum": layers.FullyConnected(np.ones((1, 21)))})
    >>> featurevis.occlusion(net, x, (2, 3, 1, 1), box_color=(0, 0, 0))
    array([[0. , 0.5, 0.5, 0.5, 1. , 1. , 1. ]])
    """
    version = version_of(net, version)
    require_one_image(x)
    sizes = [box_geometry(spec) for spec in specs]
    if not sizes:
        raise ValueError("no box was given, expected (size, stride), or (size_w, stride_w, size_h, stride_h)")
    fill = box_fill(x, box_color, version, seed)
    node = default_node(net, version) if measure_layer is None else measured_node(net, measure_layer)
    cut = net.upto(node.name)
    values = activation(finite_trace(cut, x), node)
    filters = measured_filters(net, node, values, measure_filter)
    before = measured_map(values, filters)

    def change(covered: Array) -> Array:
        return spectral_norm(before - measured_map(cut.forward(covered)[node.output], filters))

    with np.errstate(divide="ignore", invalid="ignore"):
        return _normalise(sum(_normalise(heat_of_boxes(x, size, fill, change)) for size in sizes))


def heat_of_boxes(x: Array, size: tuple[int, int, int, int], fill: Fill, change: Callable[[Array], Array]) -> Array:
    """Return for each pixel (H x W) the sum of the changes that the boxes over it cause."""
    heat = array_module(x).zeros(x.shape[1:3], x.dtype)
    size_w, stride_w, size_h, stride_h = size
    for columns in box_spans(x.shape[2], size_w, stride_w):
        for rows in box_spans(x.shape[1], size_h, stride_h):
            covered = x.copy()
            box = fill(rows.stop - rows.start, columns.stop - columns.start)
            covered[0, rows, columns, : box.shape[-1]] = box
            heat[rows, columns] += change(covered)
    return heat


def default_node(net: Network, version: str) -> Node:
    """Return the layer that is measured by default: the last one, or the one before a softmax.

    The DagNN version finds the latter only if it is stored directly before the softmax; otherwise it measures the
    softmax.
    """
    last = output_node(net)
    before = next((node for node, after in pairwise(net.stored_nodes) if after.name == last.name), None)
    separate = isinstance(last.layer, Softmax) and (before is None or before.output != last.inputs[0])
    return last if version == "dagnn" and separate else measured_node(net, None)


def measured_map(values: Array, filters: list[int]) -> Array:
    """Return the measured map of `values` (1 x H x W x C) as a matrix for the spectral norm: H x W for one filter.

    The default can give several filters if the output has several positions. If these lie in one row or column, the
    result is the matrix positions x filters. Otherwise the original ends in an error; this function raises ValueError.
    """
    if len(filters) == 1:
        return values[0, :, :, filters[0]]
    height, width = values.shape[1:3]
    if min(height, width) > 1:
        raise ValueError(
            f"FeatureVis has no default filter for an output of {height} x {width} positions: give measure_filter"
        )
    return values[0][..., filters].reshape(height * width, len(filters))


def _normalise(values: Array) -> Array:
    """Return the values divided by their maximum."""
    return values / values.max()
