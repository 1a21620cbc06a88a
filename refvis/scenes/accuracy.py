"""Accuracy of a network on held-out scenes.

    python -m refvis.scenes.accuracy [--model scenes] [--scenes 5000]

The scenes have the seeds 0, 1, 2, ..., which no training scene has. The command prints the accuracy with its standard
error, and for each class the share classified correctly and the most frequent wrong class.
"""

import argparse
from collections.abc import Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.layers import Array
from refvis.loading import load
from refvis.network import Network
from refvis.scenes.scene import CLASSES, TEST_SEEDS, batch

AT_ONCE = 50


def confusion(net: Network, seeds: Iterable[int], progress: bool = False) -> Array:
    """Return the confusion matrix (true class x predicted class, 10 x 10) over the scenes of these seeds."""
    counts = np.zeros((len(CLASSES), len(CLASSES)), int)
    listed = list(seeds)
    for first in tqdm(range(0, len(listed), AT_ONCE), desc="scenes", unit="batch", disable=None if progress else True):
        images, labels, _ = batch(listed[first : first + AT_ONCE])
        x = np.concatenate([net.preprocess(image) for image in images])
        predicted = net.upto(net.scores).forward(x).output[:, 0, 0].argmax(axis=1)
        np.add.at(counts, (labels, predicted), 1)
    return counts


def report(counts: Array) -> str:
    """Return the confusion matrix as text."""
    total, right = int(counts.sum()), int(np.trace(counts))
    share = right / total
    error = np.sqrt(share * (1 - share) / total)
    lines = [f"{right} of {total} held-out scenes named right: {100 * share:.2f} % (standard error {100 * error:.2f})"]
    for k, name in enumerate(CLASSES):
        others = counts[k].copy()
        others[k] = 0
        rival = f", most often taken for {CLASSES[others.argmax()]} ({others.max()})" if others.any() else ""
        lines.append(f"  {name:9} {100 * counts[k, k] / max(counts[k].sum(), 1):6.2f} % of {counts[k].sum()}{rival}")
    return "\n".join(lines)


def main(arguments: Any = None) -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the accuracy on held-out scenes.")
    parser.add_argument("--model", default="scenes", help="a bundled network or a .mat file")
    parser.add_argument("--scenes", type=int, default=5000, help="number of held-out scenes")
    options = parser.parse_args(arguments)
    print(report(confusion(load(options.model), TEST_SEEDS[: options.scenes], progress=True)))


if __name__ == "__main__":
    main()
