"""Print the correlations of colours in the generated training scenes.

    python docs/reconstruction/colours.py [--scenes 2000]

The matrix is SCENE_COLOURS of refvis/input_reconstruction/image/fourier.py, rounded to four decimals.
"""

import argparse

import numpy as np

from refvis.input_reconstruction.image.fourier import colour_root
from refvis.layers import Array
from refvis.scenes import TRAINING_SEEDS, batch


def measure(scenes: int) -> Array:
    """Return M of `fourier.colour_root` for so many training scenes, 3 x 3, rounded."""
    return np.round(colour_root(batch(TRAINING_SEEDS[:scenes])[0]), 4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the colours of the training scenes.")
    parser.add_argument("--scenes", type=int, default=2000, help="number of scenes")
    print(measure(parser.parse_args().scenes).tolist())
