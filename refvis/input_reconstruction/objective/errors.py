"""Normalised reconstruction errors of a code: three definitions are in use, and each has a name here.

With d = |code - target|, Euclidean over all values of a code (Mahendran & Vedaldi 2015 and their program):

    norm        d^2 / |target|^2                                                    1: as good as a code of zeros
    root        d / |target|                                                        the square root of `norm`
    pairwise    d^2 / mean over pairs of different images of |code_i - code_j|^2    1: as good as another image
"""

from functools import partial
from math import isfinite

from refvis.input_reconstruction.objective.measures import EACH, Measure, distance, squared_distance
from refvis.layers import Array, ShapeError

ERRORS = ("norm", "root", "pairwise")


def reconstruction_errors(codes: Array, target: Array, others: Array | None = None) -> dict[str, Array]:
    """Return the named errors of codes (N x h x w x c), one value per image, against `target` (1 or N codes).

    `others` are codes of different images (at least 2); without them, "pairwise" is left out.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.errors import reconstruction_errors
    >>> code, target = np.array([[[[3.0, 0.0]]]]), np.array([[[[2.0, 0.0]]]])
    >>> errors = reconstruction_errors(code, target)
    >>> errors["norm"].item(), errors["root"].item()
    (0.25, 0.5)
    """
    norm = squared_distance(codes, target, 1.0)[0] / (target * target).sum(axis=EACH)
    errors = {"norm": norm, "root": norm**0.5}
    if others is not None:
        errors["pairwise"] = squared_distance(codes, target, _mean_squared_distance(others, target))[0]
    return errors


def mean_squared_distance(codes: Array) -> float:
    """Return the mean of |code_i - code_j|^2 over all pairs of different images; ValueError for fewer than two.

    It equals 2 / (N - 1) times the sum of the squared distances to the mean code.
    """
    if len(codes) < 2:
        raise ValueError(f"there are {len(codes)} codes to take distances between, expected 2 or more")
    away = codes - codes.mean(axis=0, keepdims=True)
    return float((away * away).sum()) * 2 / (len(codes) - 1)


def code_measure(target: Array, error: str, others: Array | None = None) -> Measure:
    """Return the error of this name ("norm", "root" or "pairwise") as a measure of a code, for a `Term`.

    "pairwise" needs `others`, codes of different images. Raises ValueError for any other name, and if the error would
    divide by zero.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.errors import code_measure
    >>> error = code_measure(np.array([[[[2.0, 0.0]]]]), "norm")
    >>> error(np.array([[[[3.0, 0.0]]]]))
    (array([0.25]), array([[[[0.5, 0. ]]]]))
    """
    if error not in ERRORS:
        raise ValueError(f"the error is {error!r}, expected one of {', '.join(map(repr, ERRORS))}")
    if error == "pairwise":
        if others is None:
            raise ValueError("the error 'pairwise' is relative to codes of different images: give them as others=")
        return partial(
            squared_distance, target=target, scale=_positive(_mean_squared_distance(others, target), "others")
        )
    squared = _positive(float((target * target).sum()), "target")
    if error == "root":
        return partial(distance, target=target, scale=squared**0.5)
    return partial(squared_distance, target=target, scale=squared)


def _mean_squared_distance(others: Array, target: Array) -> float:
    """Return `mean_squared_distance`; ShapeError unless the codes have the target's shape."""
    if others.shape[1:] != target.shape[1:]:
        raise ShapeError(f"others have shape {others.shape}, expected codes like the target, N x {target.shape[1:]}")
    return mean_squared_distance(others)


def require_weights(**weights: float) -> None:
    """Raise ValueError for a weight that is negative, infinite or NaN."""
    for name, weight in weights.items():
        if not (weight >= 0 and isfinite(weight)):
            raise ValueError(f"{name} is {weight}, expected 0 or more: a negative weight would maximise its term")


def _positive(scale: float, what: str) -> float:
    if not scale > 0:
        raise ValueError(f"the scale of the error is {scale}: the codes in {what} are zero, or all equal: give others")
    return scale
