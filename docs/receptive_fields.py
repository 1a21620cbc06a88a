"""Receptive fields of units: python docs/receptive_fields.py (writes docs/methods/receptive_fields.inc and a picture).

Empirical against theoretical receptive fields of the bundled network, layer by layer, on held-out scenes. It takes
a few minutes.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

import refvis
from refvis import EmpiricalField, Network
from refvis.layers import Array
from refvis.scenes import scene

HERE = Path(__file__).resolve().parent
LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")
SCENES, CHANNELS, TOP = range(150), 6, 8
SIZE, STRIDE = 3, 2
THRESHOLDS = (0.05, 0.1, 0.25, 0.5)


def fields(net: Network, images: list[Array], at: str) -> list[EmpiricalField]:
    """Return the fields of some evenly spaced channels of a layer, without channels that are never active."""
    count = net.upto(at).shapes(**{net.inputs[0]: (1, 64, 64, 3)})[net.variable(at)][3]
    channels = range(0, count, count // CHANNELS)[:CHANNELS]
    results = [refvis.empirical_receptive_field(net, images, at, k, TOP, SIZE, STRIDE) for k in channels]
    return [one for one in results if one.strongest.scores[0, 0] > 0]


def side(field: EmpiricalField, threshold: float) -> float:
    """Return the side of a square of as many pixels as exceed a share of the largest."""
    return float(np.sqrt((field.mean.map > threshold * field.mean.map.max()).sum()))


def table(by_layer: dict[str, list[EmpiricalField]]) -> str:
    """Return a row for each layer: the theoretical side, and the empirical one at each threshold."""
    lines = ["| layer | channels | theoretical | " + " | ".join(f"above {100 * t:g} %" for t in THRESHOLDS) + " |"]
    lines.append("|---" + "|---:" * (2 + len(THRESHOLDS)) + "|")
    for at, several in by_layer.items():
        sides = np.array([[side(one, threshold) for threshold in THRESHOLDS] for one in several])
        means, spreads = sides.mean(axis=0), sides.std(axis=0, ddof=1)
        cells = [
            f"{mean:.1f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{sd:.1f}" for mean, sd in zip(means, spreads, strict=True)
        ]
        lines.append(f"| {at} | {len(several)} | {_theoretical(several[0])} | " + " | ".join(cells) + " |")
    note = f"Sides in pixels, mean ± standard deviation over the channels; the {TOP} strongest of {len(SCENES)}"
    return "\n".join(lines) + f"\n\n{note} scenes, boxes of {SIZE} pixels in steps of {STRIDE}.\n"


def draw(by_layer: dict[str, list[EmpiricalField]], path: Path) -> None:
    """Draw the strongest patch of one channel of each layer, its field below, and a chart of all sides."""
    figure = plt.figure(figsize=(11.5, 4.1), dpi=100)
    grid = figure.add_gridspec(
        2, len(by_layer) + 2, left=0.01, right=0.99, bottom=0.12, top=0.9, wspace=0.08, hspace=0.04
    )
    for column, (at, several) in enumerate(by_layer.items()):
        shown = max(several, key=lambda one: float(one.count.mean()))  # the one that sticks out of images least
        upper, lower = (figure.add_subplot(grid[row, column]) for row in (0, 1))
        upper.imshow(shown.strongest.patches[0, 0], interpolation="nearest")
        lower.imshow(shown.mean.colours(), interpolation="nearest")
        if not shown.mask.all():
            lower.contour(shown.mask, levels=[0.5], colors="white", linewidths=0.8)
        side = _theoretical(shown)
        upper.set_title(f"{at}: {side} × {side}", fontsize=10)
        upper.axis("off")
        lower.axis("off")
    _chart(figure.add_subplot(grid[:, len(by_layer) :]), by_layer)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _chart(axis: Any, by_layer: dict[str, list[EmpiricalField]]) -> None:
    places = range(len(by_layer))
    axis.plot(places, [_theoretical(several[0]) for several in by_layer.values()], "k--", label="theoretical")
    for threshold in THRESHOLDS:
        means = [np.mean([side(one, threshold) for one in several]) for several in by_layer.values()]
        axis.plot(places, means, marker="o", label=f"above {100 * threshold:g} %")
    axis.set_xticks(list(places), list(by_layer))
    axis.set_title("side in pixels", fontsize=10)
    axis.legend(fontsize=8, frameon=False)
    box = axis.get_position()
    axis.set_position([box.x0 + 0.04, box.y0, box.width - 0.04, box.height])


def _theoretical(field: EmpiricalField) -> int:
    assert field.theoretical is not None
    return int(field.theoretical[0])


def main() -> None:
    """Measure, and write the page's table and picture."""
    net = refvis.load("scenes")
    images = [scene(seed).image for seed in SCENES]
    by_layer = {at: fields(net, images, at) for at in LAYERS}
    (HERE / "methods" / "receptive_fields.inc").write_text(table(by_layer), encoding="utf-8")
    draw(by_layer, HERE / "_static" / "receptive_fields.png")


if __name__ == "__main__":
    main()
