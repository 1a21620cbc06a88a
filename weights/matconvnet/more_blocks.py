"""Readers of the less common layers: normalisations, transposed convolution, distances, regions and grids.

Each takes the fields of a simplenn layer, or of a DagNN block (whose arrays then stand in `weights`).
"""

from typing import Any

import numpy as np

from refvis.layers import (
    AffineGrid,
    BatchNorm,
    Concat,
    ConvTranspose,
    Crop,
    NormalizeLp,
    NormOffset,
    PairwiseDistance,
    ROIPool,
    Scale,
    SpatialNorm,
    UniformScalingGrid,
)
from refvis.weights.matconvnet.fields import Fields, describe
from refvis.weights.matconvnet.parameters import (
    flat,
    geometry,
    last_axis_first,
    parameter,
    parameters,
    restored_filters,
)


def conv_transpose(fields: Fields) -> ConvTranspose:
    """Return a transposed convolution; its filters are stored FH x FW x Kout/G x Cin."""
    filters, biases = parameters(fields, ("filters", "biases"))
    if filters is None:
        raise fields.error("weights{1}", "no filters", "filters, FH x FW x K x C")
    filters = restored_filters(fields, filters)
    biases = None if biases is None else fields.once(biases, flat)
    upsample, crop = geometry(fields, "upsample", 1), geometry(fields, "crop", 0)
    return ConvTranspose(filters, biases, upsample, crop, geometry(fields, "numGroups", 1))


def batch_norm(fields: Fields, moments_needed: bool = True) -> BatchNorm:
    """Return batch normalisation; moments that are absent become zeros, as `vl_simplenn_tidy` makes them."""
    scale, offset, moments = parameters(fields, ("filters", "biases", "moments"))
    if scale is None or offset is None:
        raise fields.error("weights", "no scale or no offset", "a cell {scale, offset, moments}")
    scale, offset = fields.once(scale, flat), fields.once(offset, flat)
    if moments is None and moments_needed:
        moments = np.zeros((scale.size, 2), scale.dtype)
        fields.remark("warning", "no moments: they were set to 0, so that outputs are infinite", "weights{3}")
    elif moments is None:
        fields.remark("warning", "no moments: each batch is normalised by its own", "weights{3}")
    return BatchNorm(scale, offset, moments, fields.number("epsilon", 1e-5))


def batch_norm_block(fields: Fields) -> BatchNorm:
    """Return batch normalisation of a DagNN; without moments it takes the batch's own."""
    return batch_norm(fields, moments_needed=False)


def scale(fields: Fields) -> Scale:
    """Return a scale; arrays that are no parameters are inputs."""
    arrays = [parameter(fields, value, f"weights{{{i + 1}}}") for i, value in enumerate(fields.values["weights"])]
    arrays = [None if array is None else fields.once(array, last_axis_first) for array in arrays]
    by_input: list[Any] = [None] * (fields.inputs - 1)
    factor, offset = [*by_input, *arrays, None, None][:2]
    if len(by_input) + len(arrays) > 2 or not by_input + arrays:
        found = f"{fields.inputs} inputs and {len(arrays)} parameters"
        raise fields.error("", found, "a factor and at most one offset, each an input or a parameter")
    return Scale(factor, offset)


def concat(fields: Fields) -> Concat:
    """Return concatenation; dim counts from 1 in H x W x C x N."""
    dim = fields.number("dim", 3)
    if dim not in (1, 2, 3, 4):
        raise fields.error("dim", f"{dim:g}", "1, 2, 3 or 4")
    return Concat(int(dim) % 4)


def crop(fields: Fields) -> Crop:
    """Return cropping to the second input's size."""
    return Crop(geometry(fields, "crop", 0))


def spatial_norm(fields: Fields) -> SpatialNorm:
    """Return normalisation by the energy around each pixel; param is [height, width, alpha, beta]."""
    height, width, alpha, beta = fields.numbers("param", (2.0, 2.0, 10.0, 2.0), (4,))
    return SpatialNorm((height, width), alpha, beta)  # type: ignore[arg-type]  # SpatialNorm refuses 2.5


def norm_offset(fields: Fields) -> NormOffset:
    """Return the subtraction of a power of the norm; param is [alpha, beta]."""
    return NormOffset(*fields.numbers("param", (1.0, 0.5), (2,)))


def normalize_lp(fields: Fields) -> NormalizeLp:
    """Return the division by the Lp norm over some dimensions."""
    dimensions = tuple(int(value) for value in fields.numbers("dimensions", (3.0,), (1, 2, 3, 4)))
    spatial = fields.flag("spatial", False)
    return NormalizeLp(fields.number("p", 2), fields.number("epsilon", 0.01), spatial, dimensions)


def distance(fields: Fields, epsilon: float = 1e-3, aggregate: bool = False) -> PairwiseDistance:
    """Return the distance from a second input."""
    weights = parameter(fields, fields.take("instanceWeights"), "instanceWeights")
    if weights is not None:
        weights = weights.item() if weights.size == 1 else fields.once(weights, last_axis_first)
    no_root, together = fields.flag("noRoot", False), fields.flag("aggregate", aggregate)
    return PairwiseDistance(fields.number("p", 2), no_root, fields.number("epsilon", epsilon), together, weights)


def distance_block(fields: Fields) -> PairwiseDistance:
    """Return the distance of a DagNN, whose defaults are others."""
    return distance(fields, 1e-6, aggregate=True)


def roi_pool(fields: Fields) -> ROIPool:
    """Return the pooling of regions; transform is a factor, two, or 2 x 3 numbers."""
    numbers = fields.numbers("transform", (1.0,), (1, 2, 6))
    stored: Any = fields.values.get("transform")
    transform: Any = numbers[0] if len(numbers) == 1 else numbers
    if len(numbers) == 6:
        if stored.shape != (2, 3):
            raise fields.error("transform", describe(stored), "2 x 3 numbers")
        transform = tuple(tuple(float(value) for value in row) for row in stored)
    subdivisions = geometry(fields, "subdivisions", 6)
    return ROIPool(subdivisions, fields.text("method") or "max", transform, fields.flag("flatten", False))


def affine_grid(fields: Fields) -> AffineGrid:
    """Return a grid from affine maps."""
    return AffineGrid(geometry(fields, "Ho", 0), geometry(fields, "Wo", 0))


def scaling_grid(fields: Fields) -> UniformScalingGrid:
    """Return a grid from scales and translations."""
    return UniformScalingGrid(geometry(fields, "Ho", 0), geometry(fields, "Wo", 0))
