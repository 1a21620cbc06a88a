"""Hypothesis strategies: distances, regions, samplers and grids, with inputs that fit; sizes as in `cases`."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.cases import FLOATS, Case, Draw, Shape, fill, generators, shapes

from refvis import layers


def distance_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a distance from a target of the same shape or with 1 along some axes, weighted in any way or not."""
    target = tuple(draw(st.sampled_from([n, 1])) if axis < 3 else n for axis, n in enumerate(shape))
    p = draw(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 4.0]))
    size = draw(st.sampled_from([(*shape[:3], 1), (shape[0], 1, 1, 1), (1, *shape[1:3], 1)]))
    weights, kind = fill(draw, size, dtype), draw(st.sampled_from(["none", "number", "field", "input"]))
    own = {"none": None, "number": 0.75, "field": weights, "input": None}[kind]
    no_root, aggregate = draw(st.booleans()), draw(st.booleans())
    layer = layers.PairwiseDistance(p, no_root, aggregate=aggregate, instance_weights=own)
    inputs = fill(draw, shape, dtype), fill(draw, target, dtype)
    return Case(layer, (*inputs, weights) if kind == "input" else inputs)


def regions_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return ROI pooling of up to five regions, some turned round, half or wholly outside, between pixels."""
    random, count = draw(generators()), draw(st.integers(1, 5))
    u, v = (random.integers(-3, 2 * n + 6, (2, count)) / 2 for n in (shape[2], shape[1]))
    image = random.integers(1, shape[0] + 1, count)
    rois = np.stack([image, u[0], v[0], u[1], v[1]]).astype(dtype)
    transforms: list[Any] = [1, 0.5, (0.75, 1.25), ((0, 1, 0), (1, 0, 0.5))]
    tiles = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    method, flatten = draw(st.sampled_from(["max", "avg"])), draw(st.booleans())
    layer = layers.ROIPool(tiles, method, draw(st.sampled_from(transforms)), flatten)
    x = fill(draw, shape, dtype)
    return Case(layer, (x, rois if draw(st.booleans()) else np.ascontiguousarray(rois.T).reshape(-1, 1, 1, 5)))


def samples_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a sampler with one or two grids per image, some of it outside."""
    size = shape[0] * draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 4)), 2
    grid = draw(generators()).uniform(-1.6, 1.6, size).astype(dtype)
    return Case(layers.BilinearSampler(), (fill(draw, shape, dtype), grid))


def affine_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return an affine grid."""
    return Case(layers.AffineGrid(*shape[1:3]), (fill(draw, (shape[0], 1, 1, 6), dtype),))


def scaling_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a grid of scale and translation."""
    return Case(layers.UniformScalingGrid(*shape[1:3]), (fill(draw, (shape[0], 1, 1, 3), dtype),))


PLACED = {
    "distance": distance_of,
    "regions": regions_of,
    "samples": samples_of,
    "affine": affine_of,
    "scaling": scaling_of,
}
"""Name -> a layer, and inputs of which the first has a given shape (or, for grids, its number of images)."""


@st.composite
def placed(draw: Draw, names: tuple[str, ...] = tuple(PLACED), dtype: str | None = None, largest: int = 6) -> Case:
    """A layer of one of the kinds in PLACED."""
    shape, name = draw(shapes(largest)), draw(st.sampled_from(names))
    return PLACED[name](draw, shape, dtype or draw(st.sampled_from(FLOATS)))
