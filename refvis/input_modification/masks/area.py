"""Area of a mask as a constraint (Fong, Patrick & Vedaldi 2019): the distance to a 0/1 mask of a given area.

    R(m) = mean over u of (sorted m - r)^2,    r: (1 - area) H W zeros, then area H W ones

R is 0 if the mask is 1 on that share of the pixels and 0 elsewhere, whichever pixels these are. Each pixel is drawn to
the value of r at its own rank: d R / d m(u) = 2 (m(u) - r at the rank of u) / (H W). Pixels of equal value have no
order. Each of them is drawn to the mean of r over their ranks, so no pixel is preferred.
"""

from collections.abc import Sequence

from refvis.layers import Array, array_module


def area_misfit(m: Array, areas: Sequence[float]) -> tuple[Array, Array]:
    """Return R for each mask (N x H x W x 1) and its area, N, and the gradient, N x H x W x 1."""
    xp, flat = array_module(m), m.reshape(len(m), -1)
    count = flat.shape[1]
    ordered = xp.sort(flat, axis=1)
    zeros = [count - round(area * count) for area in areas]
    goals = xp.stack([xp.arange(count) >= first for first in zeros]).astype(m.dtype)
    own = xp.stack([_mean_at_rank(*row) for row in zip(ordered, flat, zeros, strict=True)])
    gradient = (2 / count) * (flat - own.astype(m.dtype))
    return ((ordered - goals) ** 2).mean(axis=1), gradient.reshape(m.shape)


def _mean_at_rank(ordered: Array, values: Array, zeros: int) -> Array:
    """Return for each value the mean of r over the ranks of the values equal to it; r is 0 at the first `zeros`."""
    xp = array_module(ordered, values)
    first, end = (xp.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (end - xp.minimum(xp.maximum(first, zeros), end)) / (end - first)
