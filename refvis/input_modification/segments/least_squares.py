"""Weighted least squares by singular values, in float64, on the host."""

import numpy as np

from refvis.layers import Array


def weighted_least_squares(design: Array, values: Array, weights: Array, ridge: Array | float = 0.0) -> Array:
    """Return the coefficients c (M x K) that minimise sum_i weight_i |values_i - design_i c|^2 + sum_j ridge_j c_j^2.

    `design` is B x M, `values` B x K, `weights` B, `ridge` a number or one number per coefficient. Rows are multiplied
    by the square roots of the weights, which is better conditioned than the normal equations. Ridge j is one more row,
    with sqrt(ridge_j) at j. Raises ValueError if several solutions fit equally well.
    """
    count = design.shape[1]
    root = np.sqrt(weights)[:, None]
    extra = np.diag(np.sqrt(np.broadcast_to(np.asarray(ridge, "float64"), count)))
    rows = np.concatenate([root * design, extra])
    goals = np.concatenate([root * values, np.zeros((count, values.shape[1]))])
    coefficients, _, rank, _ = np.linalg.lstsq(rows, goals, rcond=None)
    if rank < count:
        raise ValueError(
            f"{len(design)} samples determine {rank} of {count} coefficients: give more samples, or fewer segments"
        )
    return np.asarray(coefficients)
