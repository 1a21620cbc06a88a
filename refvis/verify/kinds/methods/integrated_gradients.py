"""Integrated gradients of a given function: their cases, and what another choice or a mistake gives.

The function is ``(layer, x) -> map``, N x H x W x C both. `layer.gradient(points)` is the gradient that is integrated,
`layer.baseline` (1 x H x W x C) the place where the line begins, `layer.steps` and `layer.method` the quadrature.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refvis.deconvolutional.integrated_gradients import quadrature, share
from refvis.layers import Array
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, changed, forward_is
from refvis.verify.kinds.changes import with_fields


@dataclass(frozen=True, eq=False)
class IntegratedGradients:
    """What integrated gradients need.

    weights   1 x H x W x C, of the function sum(weights x^3 / 3)
    baseline  1 x H x W x C, where the line begins
    steps     the number of gradients
    method    the quadrature: "gausslegendre", "trapezoid", "left", "right" or "middle"
    """

    weights: Array
    baseline: Array
    steps: int = 4
    method: str = "middle"

    def gradient(self, points: Any) -> Any:
        """Return the function's gradient at the points, N x H x W x C."""
        return self.weights * points * points


def along(layer: IntegratedGradients, x: Array, places: list[tuple[float, float]]) -> Array:
    """Return the sum over places and weights."""
    start, total = layer.baseline, np.zeros_like(x)
    for place, weight in places:
        total += share(layer.gradient(start + place * (x - start)), x, start, weight)
    return total


def formula(layer: IntegratedGradients, x: Array) -> Array:
    """Return (x - x0) times the mean gradient along the line from the baseline x0, by the quadrature."""
    return along(layer, x, quadrature(layer.method, layer.steps))


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a function, a baseline and inputs; simple: a baseline of zeros, the middle of each step."""
    shape = tuple(choose.integer(1, 3) for _ in range(4))
    one = (1, *shape[1:])
    baseline = np.zeros(one) if simple else filled(choose, one)
    method = "middle" if simple else choose.choice(("middle", "trapezoid", "left", "right", "gausslegendre"))
    layer = IntegratedGradients(filled(choose, one), baseline, 4 if simple else choose.integer(2, 6), method)
    return Case(layer, (filled(choose, shape),))


def as_method(name: str) -> Answer:
    """Return the answer that always has one quadrature."""
    return changed(
        f"always_{name}", f"its quadrature is {name}", with_fields(method=name), ("forward",), flag="CONVENTION"
    )


def captum_trapezoid(layer: IntegratedGradients, x: Array) -> Array:
    """Return the trapezoids whose weights add up to (n - 1) / n."""
    y = formula(layer, x)
    return y * (layer.steps - 1) / layer.steps if layer.method == "trapezoid" else y


def undivided(layer: IntegratedGradients, x: Array) -> Array:
    """Return the sum of gradients, not their mean."""
    return formula(layer, x) * layer.steps


def without(factor: Callable[[IntegratedGradients, Array], Array]) -> Callable[..., Array]:
    """Return the mean gradient times something else than x - x0."""

    def forward(layer: IntegratedGradients, x: Array) -> Array:
        start = layer.baseline
        points = quadrature(layer.method, layer.steps)
        return sum(weight * layer.gradient(start + place * (x - start)) for place, weight in points) * factor(layer, x)

    return forward


def from_x(layer: IntegratedGradients, x: Array) -> Array:
    """Return the integral from x to the baseline."""
    return formula(replace(layer, method={"left": "right", "right": "left"}.get(layer.method, layer.method)), x) * -1


ANSWERS: tuple[Answer, ...] = (
    *(as_method(name) for name in ("left", "right", "middle", "trapezoid", "gausslegendre")),
    forward_is(
        "captum_trapezoid",
        "the weights of its trapezoids add up to (n - 1) / n",
        captum_trapezoid,
        result="acceptable",
        flag="CONVENTION",
        seen=("captum",),
        page="disagree.html",
    ),
    changed(
        "zero_baseline",
        "its baseline is zero",
        lambda case: case.with_arrays({"layer.baseline": np.zeros_like(case.layer.baseline)}),
        ("forward",),
        flag="UNSUPPORTED",
    ),
    forward_is("mean_gradient", "it does not multiply by x - x0", without(lambda layer, x: np.ones_like(x))),
    forward_is("times_input", "it multiplies by x, not by x - x0", without(lambda layer, x: x), flag="KNOWN_BUG"),
    forward_is("undivided", "it sums gradients: it does not divide by the number of steps", undivided),
    forward_is(
        "gradient_times_input",
        "it takes the gradient at x only",
        lambda layer, x: (x - layer.baseline) * layer.gradient(x),
    ),
    forward_is(
        "scaled_input",
        "its points are a x, whatever the baseline",
        lambda layer, x: (
            (x - layer.baseline)
            * sum(weight * layer.gradient(place * x) for place, weight in quadrature(layer.method, layer.steps))
        ),
        flag="KNOWN_BUG",
    ),
    changed("one_step_more", "it takes one step more", with_fields(steps=lambda layer: layer.steps + 1), ("forward",)),
    forward_is("from_x_to_baseline", "it integrates from x to the baseline", from_x),
)
FEATURES = {
    "a baseline": lambda case: bool(case.layer.baseline.any()),
    "several images": lambda case: len(case.inputs[0]) > 1,
    "trapezoids": lambda case: case.layer.method == "trapezoid",
}


def terms(case: Case) -> int:
    """Return the number of gradients that are summed, and some for each."""
    return int(case.layer.steps) + 8


INTEGRATED_GRADIENTS = Kind(
    "integrated_gradients", draw, terms, ANSWERS, FEATURES, formula=formula, page="methods/integrated_gradients.html"
)
