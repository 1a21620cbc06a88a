"""The information about an image in each code: python docs/code_information.py (some minutes).

A ridge regression, fitted on training scenes, predicts scenes of 8 x 8 pixels from each code of the bundled network.
The table has the share of the held-out scenes' variance that it explains. Codes of more than `MOST` values are first
projected onto random directions, which can only lose information. Writes docs/methods/code_information.inc.
"""

from pathlib import Path

import numpy as np

import refvis
from refvis.layers import Array
from refvis.scenes import TEST_SEEDS, TRAINING_SEEDS, batch

CODES = ("pool1", "relu2", "pool2", "relu3", "relu5", "pool5", "relu6", "relu7")
TRAINING, HELD_OUT, SIDE = 3000, 400, 8
MOST, DIRECTIONS = 4096, 1500
RIDGES = (10.0, 100.0, 1e3, 1e4)
"""Weights of the squared length of the solution. The best on held-out scenes counts: an upper estimate."""


def inputs(net: refvis.Network, seeds: range) -> Array:
    """Return the scenes as the network's inputs, N x 64 x 64 x 3."""
    return np.concatenate([net.preprocess(image) for image in batch(seeds)[0]])


def shrink(x: Array) -> Array:
    """Return images as means over squares, SIDE x SIDE of them, N x (SIDE * SIDE * 3)."""
    count, side = len(x), x.shape[1] // SIDE
    return x.reshape(count, SIDE, side, SIDE, side, 3).mean(axis=(2, 4)).reshape(count, -1)


def codes(cut: refvis.Network, x: Array) -> Array:
    """Return the code of each image in a row."""
    parts = [cut.forward(x[first : first + 100]).output for first in range(0, len(x), 100)]
    return np.concatenate(parts).reshape(len(x), -1)


def explained_share(known: Array, wanted: Array, test_known: Array, test_wanted: Array) -> float:
    """Return the share of the held-out variance, about the training mean, that the best ridge regression explains."""
    mean, spread, average = known.mean(axis=0), known.std(axis=0) + 1e-6, wanted.mean(axis=0)
    a, b = (known - mean) / spread, (test_known - mean) / spread
    products, right = a.T @ a, a.T @ (wanted - average)
    total = ((test_wanted - average) ** 2).sum()
    unexplained = []
    for ridge in RIDGES:
        read = average + b @ np.linalg.solve(products + ridge * np.eye(len(products), dtype=a.dtype), right)
        unexplained.append(((test_wanted - read) ** 2).sum() / total)
    return float(1 - min(unexplained))


def measure() -> dict[str, tuple[int, float]]:
    """Return for each code the number of its values and the share explained."""
    net = refvis.load("scenes")
    x, test = inputs(net, TRAINING_SEEDS[:TRAINING]), inputs(net, TEST_SEEDS[:HELD_OUT])
    shares = {}
    for name in CODES:
        known, test_known = (codes(net.upto(name), images) for images in (x, test))
        values = known.shape[1]
        if values > MOST:
            directions = np.random.default_rng(0).normal(size=(values, DIRECTIONS)).astype("float32")
            known, test_known = known @ directions / values**0.5, test_known @ directions / values**0.5
        shares[name] = values, explained_share(known, shrink(x), test_known, shrink(test))
        print(f"{name}: {values} values, {100 * shares[name][1]:.0f} % explained", flush=True)
    return shares


def main() -> None:
    """Measure, print, and write the table of the page."""
    rows = [f"| `{name}` | {values} | {100 * share:.0f} % |" for name, (values, share) in measure().items()]
    table = ["| code | values | variance explained |", "|---|---|---|", *rows]
    out = Path(__file__).parent / "methods" / "code_information.inc"
    out.write_text("\n".join(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
