"""Failures of inversion from a deep code: python docs/reconstruction/weights.py [--scenes 150].

Codes at relu5 of held-out scenes are inverted with several weights of total variation, all else by default. The table
has the errors, and how many searches ended above half of the start's distance. Writes weights.inc.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np

from refvis import Network, inversion, load
from refvis.scenes import scene

HERE = Path(__file__).resolve().parent
AT, WEIGHTS = "relu5", (0.3, 1.0)
PROCESSES = 2


@cache
def network() -> Network:
    """Return the bundled network, loaded once in each process."""
    return load("scenes")


def invert(seed: int, weight: float) -> tuple[float, bool]:
    """Return the error of one scene's inversion, and whether the search failed."""
    net = network()
    result = inversion(net, net.preprocess(scene(seed).image), AT, tv_weight=weight)
    return float(result.measures["norm"][0]), result.failed


def row(weight: float, results: list[tuple[float, bool]]) -> str:
    """Return the table's line: how many failed, and of the others the mean and the largest error."""
    errors = np.array([error for error, failed in results if not failed])
    failures = sum(failed for _, failed in results)
    return f"| {weight:g} | {errors.mean():.3f} | {errors.max():.3f} | {failures} of {len(results)} |"


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description="Measure how often a search for a deep code fails.")
    parser.add_argument("--scenes", type=int, default=150, help="number of held-out scenes")
    scenes = parser.parse_args().scenes
    lines = ["| $\\lambda_{TV}$ | mean error of the others | largest | failed |", "|---|---|---|---|"]
    with ProcessPoolExecutor(PROCESSES) as pool:
        for weight in WEIGHTS:
            lines.append(row(weight, list(pool.map(partial(invert, weight=weight), range(scenes)))))
            print(lines[-1], flush=True)
    (HERE / "weights.inc").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
