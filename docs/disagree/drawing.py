"""The picture of all choices: the default first, then the others, with the correlation of their maps to it."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from choices import CHOICES, Choice, Study, correlation

COLUMNS = 4


def draw(study: Study, path: Path) -> None:
    """Write the picture as PNG: the choices in rows of at most four maps, the input in the first place left free."""
    rows = _rows()
    figure, axes = plt.subplots(len(rows), COLUMNS, figsize=(8.6, 2.8 * len(rows)), dpi=100)
    for axis in axes.flat:
        axis.axis("off")
    free = []
    for row, choices in zip(axes, rows, strict=True):
        left = iter(row)
        for choice in choices:
            _draw_choice(study, choice, [next(left) for _ in choice.variants])
        free += list(left)
    free[0].imshow(study.net.restore(study.x), interpolation="nearest")
    free[0].set_title(f"the input:\n{study.net.label(study.channel)}", fontsize=9)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.95, wspace=0.06, hspace=0.42)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _draw_choice(study: Study, choice: Choice, axes: list[Any]) -> None:
    default = study.heatmap(choice.variants[0])
    axes[0].text(0, 1.26, choice.title, transform=axes[0].transAxes, fontsize=11, weight="bold")
    for number, (axis, variant) in enumerate(zip(axes, choice.variants, strict=True)):
        heatmap = study.heatmap(variant)
        axis.imshow(heatmap.overlay(), interpolation="nearest")
        label = f"{choice.within}, default" if number == 0 else f"r = {correlation(default.map, heatmap.map):.2f}"
        axis.set_title(f"{variant.label}\n{label}", fontsize=9)


def _rows() -> list[list[Choice]]:
    """Return the choices in rows, in order, as many in each as fit."""
    rows: list[list[Choice]] = [[]]
    for choice in CHOICES:
        if sum(len(one.variants) for one in (*rows[-1], choice)) > COLUMNS:
            rows.append([])
        rows[-1].append(choice)
    return rows
