"""The expected numbers of zennit's own tests: its stabiliser, at 0, -0, and values of both signs."""

import numpy as np
import pytest
from support.peers.compared import assert_close

from refvis.layers.lrp import Stabiliser

ROOT = 2**0.5
"""The root mean square of 0, -0, 2, -2, which zennit's tests print as 1.4142."""
CASES = [
    (Stabiliser(), 1, [1e-6, 1e-6, 1 + 1e-6, -1 - 1e-6]),
    (Stabiliser(1e-3), 1, [1e-3, 1e-3, 1 + 1e-3, -1 - 1e-3]),
    (Stabiliser(1.0), 1, [1, 1, 2, -2]),
    (Stabiliser(1e-6, "clipped"), 1, [1e-6, 1e-6, 1, -1]),
    (Stabiliser(1e-3, "clipped"), 1, [1e-3, 1e-3, 1, -1]),
    (Stabiliser(1.0, "clipped"), 1, [1, 1, 1, -1]),
    (Stabiliser(1e-6, relative=True), 2, [1e-6 * ROOT, 1e-6 * ROOT, 2 + 1e-6 * ROOT, -2 - 1e-6 * ROOT]),
    (Stabiliser(1e-3, relative=True), 2, [1e-3 * ROOT, 1e-3 * ROOT, 2 + 1e-3 * ROOT, -2 - 1e-3 * ROOT]),
    (Stabiliser(1.0, relative=True), 2, [ROOT, ROOT, 2 + ROOT, -2 - ROOT]),
    (Stabiliser(1e-6, "clipped", relative=True), 2, [1e-6 * ROOT, 1e-6 * ROOT, 2, -2]),
    (Stabiliser(1e-3, "clipped", relative=True), 2, [1e-3 * ROOT, 1e-3 * ROOT, 2, -2]),
    (Stabiliser(1.0, "clipped", relative=True), 2, [ROOT, ROOT, 2, -2]),
]


@pytest.mark.parametrize(("stabiliser", "size", "expected"), CASES)
def test_stabiliser(stabiliser: Stabiliser, size: float, expected: list[float]) -> None:
    z = np.array([0.0, -0.0, size, -size]).reshape(1, 1, 1, 4)
    assert_close("zennit's numbers", stabiliser(z).ravel(), expected, 4 * np.finfo(float).eps * size)
