"""Draw the README's picture: python docs/figures.py (writes docs/_static/taxonomy.png)."""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt

import refvis
from refvis.report import explain
from refvis.results import Heatmap
from refvis.scenes import scene

SCENE = 7
FROM = "relu3"
"""The layer whose code is inverted, by both ways."""
SHOWN = (f"inversion-{FROM}", f"generator-{FROM}", "maximization", "units-relu2")
"""Reconstructions that are drawn; of the other rows, the first pictures."""
HERE = Path(__file__).resolve().parent


def draw() -> None:
    """Draw the input and one row of pictures per class of the taxonomy, and write them as PNG."""
    made = scene(SCENE)
    explained = explain(refvis.load("scenes"), made.image, f"scene {SCENE}", made.mask)
    figure, axes = plt.subplots(3, 5, figsize=(11, 7.2), dpi=110)
    for axis in axes.flat:
        axis.axis("off")
    top, probability = explained.classes[0]
    axes[0, 0].imshow(made.image, interpolation="nearest")
    axes[0, 0].set_title(f"input\n{top}, {100 * probability:.0f} %", fontsize=10)
    for line, row in enumerate(explained.rows):
        first = axes[line, 1]
        first.text(-0.06, 0.5, row.title, rotation=90, va="center", ha="right", transform=first.transAxes)
        named = {card.key.partition("/")[2]: card for card in row.cards}
        cards = [named[key] for key in SHOWN if key in named] or row.cards
        for axis, card in zip(axes[line, 1:], cards, strict=False):
            result = card.result
            axis.imshow(result.overlay() if isinstance(result, Heatmap) else result.image, interpolation="nearest")
            axis.set_title(card.title, fontsize=10)
    figure.tight_layout()
    (HERE / "_static").mkdir(exist_ok=True)
    figure.savefig(HERE / "_static" / "taxonomy.png", metadata={"Software": None})


if __name__ == "__main__":
    draw()
