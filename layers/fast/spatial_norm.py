"""Spatial normalisation, fast: its mean is the fast average pooling."""

from refvis.layers import spatial_norm
from refvis.layers.base.arrays import Array
from refvis.layers.base.exactness import twin_of
from refvis.layers.fast import pool
from refvis.layers.spatial_norm import SpatialNorm, mean


@twin_of(spatial_norm.forward)
def forward(layer: SpatialNorm, x: Array) -> Array:
    """Return what ``spatial_norm.forward`` returns, to rounding."""
    return x * _energy(layer, x) ** -layer.beta


@twin_of(spatial_norm.gradient)
def gradient(layer: SpatialNorm, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``spatial_norm.gradient`` returns, to rounding."""
    F = _energy(layer, x)
    power = F**-layer.beta
    (back,) = pool.gradient(mean(layer, x.shape), signal * x * power / F, F, x)
    return (signal * power - (2 * layer.alpha * layer.beta) * x * back,)


def _energy(layer: SpatialNorm, x: Array) -> Array:
    return 1 + layer.alpha * pool.forward(mean(layer, x.shape), x * x)
