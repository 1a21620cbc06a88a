"""The pictures of docs/methods/examples.md: python docs/examples_figures.py (writes two PNG files)."""

from pathlib import Path

import refvis
from refvis.scenes import batch

HERE = Path(__file__).resolve().parent
SCENES = 1000
SHOWN = {"relu1": [1, 3, 8, 12, 17, 25], "relu5": [18, 49]}
"""Layer -> channels."""


def draw() -> None:
    """Search the examples and write a sheet for each layer."""
    net, images = refvis.load("scenes"), batch(range(SCENES))[0]
    for layer, channels in SHOWN.items():
        examples = refvis.examples(net, images, layer, channels, top=9)
        examples.save(HERE / "_static" / f"examples_{layer}.png")
        print(examples)


if __name__ == "__main__":
    draw()
