"""Weighted least squares, exactly: by singular values, in float64, on the host."""

import numpy as np

from refvis.layers import Array


def fitted(design: Array, values: Array, weights: Array, ridge: Array | float = 0.0) -> Array:
    """Return the coefficients c (M x K) that minimise sum_i weight_i |values_i - design_i c|^2 + sum_j ridge_j c_j^2.

    `design` is B x M, `values` B x K, `weights` B, `ridge` a number, or one per coefficient. The square roots of the
    weights are multiplied in, which is better conditioned than the normal equations; ridge j is one more row, of
    sqrt(ridge_j) at j. Raises ValueError where several solutions fit equally well.
    """
    count = design.shape[1]
    root = np.sqrt(weights)[:, None]
    extra = np.diag(np.sqrt(np.broadcast_to(np.asarray(ridge, "float64"), count)))
    rows, goals = (
        np.concatenate([root * design, extra]),
        np.concatenate([root * values, np.zeros((count, values.shape[1]))]),
    )
    found, _, rank, _ = np.linalg.lstsq(rows, goals, rcond=None)
    if rank < count:
        raise ValueError(
            f"{len(design)} samples determine {rank} of {count} coefficients: give more samples, or fewer segments"
        )
    return np.asarray(found)
