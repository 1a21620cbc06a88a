"""Dropout with a given mask: its cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Dropout
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, changed


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a dropout with a mask of the input's shape; not simple: of one mask for all images, or without mask."""
    shape = tuple(choose.integer(1, 3) for _ in range(4))
    rate = choose.choice((0.5, 0.75, 0.875))
    size = shape if simple else choose.choice((shape, (1, *shape[1:]), (1, 1, 1, shape[3]), None))
    x = filled(choose, shape)
    if size is None:
        return Case(Dropout(rate), (x,))
    kept = np.random.default_rng(choose.integer(0, 999)).random(size) >= 0.5
    return Case(Dropout(rate, kept / (1 - rate)), (x,))


def by_mask(change: Callable[[Dropout, Array], Array]) -> Callable[[Case], Case]:
    """Return the change that gives the layer another mask: ``(layer, mask) -> mask``."""

    def other(case: Case) -> Case:
        mask = case.layer.mask
        return case if mask is None else case.with_arrays({"layer.mask": change(case.layer, mask)})

    return other


ANSWERS: tuple[Answer, ...] = (
    changed(
        "unscaled",
        "it does not divide what it keeps by 1 - rate",
        by_mask(lambda layer, mask: (mask != 0).astype("float64")),
        BOTH,
        result="acceptable",
        flag="CONVENTION",
        seen=("Srivastava et al. 2014, who scale at test time",),
    ),
    changed("no_mask", "it ignores the mask", by_mask(lambda layer, mask: np.ones_like(mask)), BOTH),
    changed(
        "complement",
        "it drops what the mask keeps, and keeps what it drops",
        by_mask(lambda layer, mask: (mask == 0) / (1 - layer.rate)),
        BOTH,
    ),
    changed(
        "rate_is_kept",
        "it takes the rate for the share that is kept",
        by_mask(lambda layer, mask: (mask != 0) / layer.rate),
        BOTH,
        seen=("keep_prob of TensorFlow 1",),
    ),
    changed("scaled_twice", "it divides by 1 - rate twice", by_mask(lambda layer, mask: mask / (1 - layer.rate)), BOTH),
    changed(
        "scaled_everywhere",
        "it divides by 1 - rate and drops nothing",
        by_mask(lambda layer, mask: np.full_like(mask, 1 / (1 - layer.rate))),
        BOTH,
    ),
    changed(
        "mask_of_first_image",
        "it takes the first image's mask for all images",
        by_mask(lambda layer, mask: np.broadcast_to(mask[:1], mask.shape).copy()),
        BOTH,
    ),
)
FEATURES = {
    "a mask": lambda case: case.layer.mask is not None,
    "a mask that repeats": lambda case: case.layer.mask is not None and case.layer.mask.shape != case.inputs[0].shape,
    "several images": lambda case: len(case.inputs[0]) > 1,
}

DROPOUT = Kind(
    "dropout", draw, answers=ANSWERS, features=FEATURES, exact=frozenset(BOTH), page="operators/dropout.html"
)
