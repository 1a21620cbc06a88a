"""Cases of rules: those of the operator, with values that tell apart what implementations choose."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Kind

OFFSETS = ("biases", "offset")
"""Fields that are added to an output."""


SCALE = 16
"""What outputs of linear layers are multiplied by, so that a stabiliser of 1e-6 is lost in float32's roundings."""


def drawn(kind: Kind, options: Mapping[str, Any], linear: bool) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws a case of an operator for a rule with these options.

    Inputs and biases of linear layers are scaled, and get fractions, so that no output is zero by chance: at zero the
    stabiliser alone decides. Zeros stay zeros. Inputs lie within `low` and `high`, if these are given.
    """
    scale = SCALE if linear else 1
    bounded = options.get("low") is not None and options.get("high") is not None

    def draw(choose: Chooser, simple: bool) -> Case:
        case = kind.draw(choose, simple)
        shifted = {
            name: scale * (array + 0.5) for name, array in case.arrays.items() if name.removeprefix("layer.") in OFFSETS
        }
        inside = tuple(_inside(x, options) if bounded else _scaled(x) if linear else x for x in case.inputs)
        return replace(case.with_arrays(shifted), inputs=inside) if shifted else replace(case, inputs=inside)

    return draw


def _inside(x: Array, options: Mapping[str, Any]) -> Array:
    """Return the input, moved away from the bounds by a sixteenth of their distance at least."""
    low, high = options["low"], options["high"]
    return np.clip(x, low + (high - low) / 16, high - (high - low) / 16)


def _scaled(x: Array) -> Array:
    """Return the scaled input with a fraction added to all values but zeros, another one at each place."""
    parts = (37 * np.arange(x.size) % 127 + 1).reshape(x.shape) / 64
    return np.where(x == 0, 0.0, SCALE * x + parts)
