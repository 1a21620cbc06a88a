r"""Tolerances: the distance that two right results may have.

Every operation of a computation rounds its result by at most a relative u (2^-53 in float64, 2^-24 in float32). So the
computed value is the exact value of data of which each was changed by at most n + 4 such roundings, with n the terms
that add up to one value. To first order it is off by at most

    (n + 4) u S,    S = sum over all data v of |df/dv| |v|,    the sum of the sizes

For a sum of products S is the sum of the products' sizes. In general it is measured: all data are changed by a
relative +-h with random signs. The change of f over h is then sum_v +-df/dv v, whose root mean square is
sqrt(sum_v (df/dv v)^2), and S is at most sqrt(n) times that. Where terms cancel that were computed from the same datum,
S misses their sizes. So a second measure is added: what the definition itself loses in float32, its largest difference
from float64, scaled to the u at hand, times YARDSTICK. Where all values are small integers and only products and sums
are taken, nothing is rounded at all, and the tolerance is 0.

`docs/verify/tolerances.md` derives it with an example.
"""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case, Values
from refvis.verify.kind import Kind, Part

PROBES = 6
STEP = 2.0**-20
YARDSTICK = 8
"""How many times the definition's own loss of digits another order of operations may lose."""
APART = 1000.0
"""Results further apart than this many tolerances differ by more than rounding."""


def roundings(dtype: object) -> float:
    """Return u, the largest relative error of one operation in that dtype."""
    return float(np.finfo(np.dtype(dtype)).eps) / 2  # type: ignore[call-overload]


def tolerances(kind: Kind, part: Part, case: Case, compute: Callable[[Case], Values], dtype: object) -> Values:
    """Return the tolerance of every value that `compute` gives for a case, if it is computed in `dtype`."""
    exact = compute(case)
    if part in kind.exact and _adds_exactly(case, dtype):
        return {name: np.zeros(np.shape(values)) for name, values in exact.items()}
    squares = {name: np.zeros(np.shape(values)) for name, values in exact.items()}
    random = np.random.default_rng(0)
    for _ in range(PROBES):
        moved = compute(_moved(kind, part, case, random))
        for name, values in moved.items():
            squares[name] += ((values - exact[name]) / STEP) ** 2
    terms = kind.terms(case)
    factor = roundings(dtype) * (terms + 4)
    size = {name: np.sqrt(terms * total / PROBES) for name, total in squares.items()}
    own = _own_losses(compute, case, exact, roundings(dtype))
    return {name: factor * (size[name] + np.abs(values)) + YARDSTICK * own[name] for name, values in exact.items()}


def _own_losses(compute: Callable[[Case], Values], case: Case, exact: Values, u: float) -> dict[str, float]:
    """Return how far the computation in float32 is from float64, at most, by name, scaled to roundings of size u."""
    single = compute(case.with_arrays({name: array.astype("float32") for name, array in case.arrays.items()}))
    scale = u / roundings("float32")
    finite = {name: np.abs(np.nan_to_num(single[name] - values)) for name, values in exact.items()}
    return {name: scale * float(np.max(apart, initial=0.0)) for name, apart in finite.items()}


def distance(theirs: Array, ours: Array, tolerance: Array) -> float:
    """Return the largest difference of two arrays of one shape, in tolerances; 0 if they are equal.

    Where ours is NaN, every number that is not finite is equal: which of them a division by zero ends in depends on the
    order of operations.
    """
    both = ~np.isfinite(theirs) & np.isnan(ours)
    same = both | (theirs == ours)
    if same.all():
        return 0.0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        apart = np.abs(theirs - ours)[~same] / tolerance[~same]
    return float("inf") if np.isnan(apart).any() else float(apart.max())


def _moved(kind: Kind, part: Part, case: Case, random: np.random.Generator) -> Case:
    """Return the case with its values changed by a relative +-STEP."""
    names = ["signal"] if kind.selects and part == "backward" else list(case.arrays)
    arrays = {name: case.arrays[name] for name in names if name in case.arrays and name not in kind.fixed}
    return case.with_arrays({n: a * (1 + STEP * random.choice([-1.0, 1.0], a.shape)) for n, a in arrays.items()})


def _adds_exactly(case: Case, dtype: object) -> bool:
    """Return whether all values are integers so small that sums of their products are exact in `dtype`."""
    arrays = list(case.arrays.values())
    whole = all((array == np.rint(array)).all() for array in arrays if array.size)
    largest = max((float(np.abs(array).max()) for array in arrays if array.size), default=0.0)
    return whole and largest**2 * sum(array.size for array in arrays) * roundings(dtype) < 0.5
