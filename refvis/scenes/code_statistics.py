"""Code statistics: mean and standard deviation of each channel over scenes, kept in a generator's meta data.

    python -m refvis.scenes.code_statistics GENERATOR.mat [--model scenes] [--scenes 2000]

adds them to a generator's file, together with the fingerprint of the network whose codes it draws from. They bound the
codes during optimisation (Nguyen et al. 2016: 0 ... mean + 3 deviations). The fingerprint says whose codes fit.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.layers import Array
from refvis.loading import load, save
from refvis.network import Network
from refvis.scenes.scene import TRAINING_SEEDS, batch

SCENES, AT_ONCE = 2000, 50


def statistics(net: Network, at: str, seeds: Iterable[int]) -> tuple[Array, Array]:
    """Return mean and standard deviation of each channel at `at`, over all positions of the scenes; float32."""
    listed, cut = list(seeds), net.upto(at)
    count, total, squares = 0, 0.0, 0.0
    for first in tqdm(range(0, len(listed), AT_ONCE), desc="codes", unit="batch", disable=None):
        x = np.concatenate([net.preprocess(image) for image in batch(listed[first : first + AT_ONCE])[0]])
        values = cut.forward(x).output.astype("float64")
        count += values[..., 0].size
        total = total + values.sum(axis=(0, 1, 2))
        squares = squares + (values * values).sum(axis=(0, 1, 2))
    mean = total / count
    return np.float32(mean), np.float32(np.sqrt(np.maximum(squares / count - mean * mean, 0)))


def code_meta(net: Network, at: str, scenes: int = SCENES) -> dict[str, Any]:
    """Return a generator's meta data about its codes. Codes are used as they are: the average to subtract is zero."""
    mean, deviation = statistics(net, at, TRAINING_SEEDS[:scenes])
    code = {"network": net.fingerprint, "mean": mean, "deviation": deviation}
    return {"code": code, "normalization": {"averageImage": np.zeros((1, 1, 1), "float32")}}


def main(arguments: Any = None) -> None:
    """Read the command line, measure, and rewrite the file."""
    parser = argparse.ArgumentParser(description="Add the statistics of its codes to a generator's file.")
    parser.add_argument("generator", type=Path, help="the .mat file")
    parser.add_argument("--model", default="scenes", help="the network whose codes it draws from")
    parser.add_argument("--scenes", type=int, default=SCENES, help="number of training scenes to measure")
    options = parser.parse_args(arguments)
    generator = load(options.generator)
    added = code_meta(load(options.model), generator.meta["inputs"]["name"], options.scenes)
    save(replace(generator, meta=generator.meta | added), options.generator)


if __name__ == "__main__":
    main()
