"""Inversion (Mahendran & Vedaldi 2015): find an image whose code at a layer is a given one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from tqdm import trange

from refvis.input_reconstruction.regularisers import lp, total_variation
from refvis.layers import Array, Graph, array_module
from refvis.layers.arrays import require_finite
from refvis.network import Network
from refvis.results import Reconstruction, record
from refvis.targets import written

SIGMA = 80.0
"""Typical size of an image's values (0 ... 255 less the average), after Mahendran & Vedaldi."""
FIRST_MOMENT, SECOND_MOMENT, TINY = 0.9, 0.999, 1e-8

Objective = Callable[[Array], tuple[dict[str, Array], Array]]


def inversion(
    net: Network,
    target_or_x: Array,
    at: str | None = None,
    steps: int = 200,
    lp_weight: float = 1e-2,
    tv_weight: float = 1.0,
    p: float = 6.0,
    beta: float = 2.0,
    rate: float = 0.05,
    sigma: float = SIGMA,
    seed: int = 0,
    progress: bool = False,
) -> Reconstruction:
    """Return an image z whose code at layer `at` resembles a given code.

    It minimises, in z,

        |code(z) - code0|^2 / |code0|^2  +  lp_weight * mean |z/sigma|^p  +  tv_weight * mean TV(z/sigma)^beta

    `target_or_x` is an input (1 x H x W x C), whose code is taken, or a code in the shape that `at` has for the
    network's input size. `at` names a layer or variable (None: the last that still has positions). `steps` steps of
    Adam (Kingma & Ba 2015), of `rate` in units of `sigma`, falling to zero along half a cosine, start from small noise
    (`seed`). The history has "code" (the first term: normalised by the code's squared norm), "lp" and "tv" (weighted).
    Raises ValueError for a name that the network lacks, NaN, a code that is zero, or an objective that becomes NaN.
    """
    if steps < 0:
        raise ValueError(f"steps is {steps}, expected 0 or more")
    require_finite(target_or_x)
    variable = _deepest_map(net, target_or_x) if at is None else written(net, at)
    cut = net.upto(variable)
    start, code = _start_and_code(net, cut, variable, target_or_x)
    objective = _objective(cut, variable, code, (lp_weight, tv_weight, p, beta, sigma))
    dice = np.random.default_rng(seed)
    noise = array_module(code).asarray(dice.standard_normal(start).astype(code.dtype))
    z, history = _minimised(objective, noise * (0.05 * sigma), steps, rate * sigma, progress)
    options: dict[str, Any] = {"lp_weight": lp_weight, "tv_weight": tv_weight, "p": p, "beta": beta, "rate": rate}
    made = record("inversion", net, at=variable, steps=steps, **options, sigma=sigma, seed=seed)
    return Reconstruction(z, net.restore(z), history, made)


def _deepest_map(net: Network, x: Array) -> str:
    """Return the last variable before the scores that has more than one position."""
    shapes = net.upto(net.scores).shapes(**{net.inputs[0]: x.shape})
    maps = [name for name, shape in shapes.items() if shape[1] * shape[2] > 1 and name not in net.inputs]
    if not maps:
        raise ValueError("no layer has more than one position: name one with at=")
    return maps[-1]


def _start_and_code(net: Network, cut: Graph, variable: str, given: Array) -> tuple[tuple[int, ...], Array]:
    """Return the shape of the image to find, and the code that it should have."""
    size, channels = net.input_size, net.channels
    own = (1, *size, channels) if size and channels else None
    if own is not None and own != given.shape:
        expected = cut.shapes(**{net.inputs[0]: own})[variable]
        if given.shape == expected:
            return own, given
    return given.shape, cut.forward(given)[variable]


def _objective(cut: Graph, variable: str, code: Array, options: tuple[float, float, float, float, float]) -> Objective:
    lp_weight, tv_weight, p, beta, sigma = options
    scale = float((code * code).sum())
    if scale == 0:
        raise ValueError(f"the code at {variable!r} is zero everywhere: nothing can be found from it")

    def objective(z: Array) -> tuple[dict[str, Array], Array]:
        trace = cut.forward(z)
        difference = trace[variable] - code
        gradient = cut.backward(trace, {variable: difference * (2 / scale)})[cut.inputs[0]]
        bounded, down = lp(z, p, sigma)
        smooth, flat = total_variation(z, beta, sigma)
        terms = {
            "code": (difference * difference).sum(axis=(1, 2, 3)) / scale,
            "lp": lp_weight * bounded,
            "tv": tv_weight * smooth,
        }
        return terms, gradient + lp_weight * down + tv_weight * flat

    return objective


def _minimised(
    objective: Objective, z: Array, steps: int, rate: float, progress: bool
) -> tuple[Array, dict[str, Array]]:
    """Return z after `steps` steps of Adam, and the history of each term (before each step, and at the end)."""
    xp = array_module(z)
    first, second = xp.zeros_like(z), xp.zeros_like(z)
    history: dict[str, list[float]] = {}
    for step in trange(1, steps + 2, desc="inversion", unit="step", disable=None if progress else True):
        terms, gradient = objective(z)
        for name, value in terms.items():
            history.setdefault(name, []).append(float(value.sum()))
            if not np.isfinite(history[name][-1]):
                raise ValueError(f"the term {name!r} became {history[name][-1]} at step {step}: lower the rate")
        if step > steps:
            continue
        first += (1 - FIRST_MOMENT) * (gradient - first)
        second += (1 - SECOND_MOMENT) * (gradient * gradient - second)
        size = xp.sqrt(second / (1 - SECOND_MOMENT**step)) + TINY
        falling = rate * (1 + np.cos(np.pi * (step - 1) / steps)) / 2
        z = z - z.dtype.type(falling / (1 - FIRST_MOMENT**step)) * first / size
    return z, {name: np.array(values) for name, values in history.items()}
