"""Planted bugs of occlusion: each pixel has the mean fall of the score over the boxes that cover it."""

from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def starts(length: int, size: int, stride: int, bug: str) -> list[int]:
    """Return where boxes start along an axis; one more ends at the border if the last step does not."""
    regular = list(range(0, length - size + 1, stride))
    last = length - size
    return regular if regular[-1] == last or bug == "no_box_at_the_border" else [*regular, last]


def forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    height, width = layer.size[::-1] if bug == "size_x_for_y" else layer.size
    right = (layer.weights * x * (x + 1)).sum(axis=(1, 2, 3))
    total, covered = np.zeros((len(x), 1, *x.shape[2:]), x.dtype), np.zeros(x.shape[2:])
    for a in starts(x.shape[2], height, layer.stride[0], bug):
        for b in starts(x.shape[3], width, layer.stride[1], bug):
            box = (slice(a, a + height), slice(b, b + width))
            hidden = x.copy()
            hidden[:, : 1 if bug == "one_channel" else None, *box] = 0 if bug == "fill_of_zero" else layer.fill
            fall = right - (layer.weights * hidden * (hidden + 1)).sum(axis=(1, 2, 3))
            if bug == "rise":
                fall = -fall
            if bug == "last_box_wins":
                total[:, :, *box], covered[box] = 0, 0
            if bug == "moved_by_one":
                box = (slice(a + 1, a + height + 1), slice(b, b + width))
            total[:, :, *box] += fall[:, None, None, None]
            covered[box] += 1
    return total if bug == "sum_over_boxes" else (total / np.maximum(covered, 1)).astype(x.dtype)


BUGS = (
    Planted("rise", forward, "occlusion", "sign|rise"),
    Planted("moved_by_one", forward, "occlusion", "moved"),
    Planted("last_box_wins", forward, "occlusion", "last box|overwrit"),
    Planted("size_x_for_y", forward, "occlusion", "size"),
    Planted("sum_over_boxes", forward, "occlusion", "sum|divid"),
    Planted("no_box_at_the_border", forward, "occlusion", "border"),
    Planted("fill_of_zero", forward, "occlusion", "fill"),
    Planted("one_channel", forward, "occlusion", "channel"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_occlusion_agrees(seed: int) -> None:
    require_agreement(forward, "occlusion", seed)
