"""The effect of a box's fill alone: python docs/occlusion_fill.py (writes docs/methods/occlusion_fill.inc).

Boxes stand on the background of generated scenes and hide nothing of the object. Any change of the scores of classes
that are not in the picture is therefore an effect of the fill.
"""

from pathlib import Path
from typing import Any

import numpy as np

import refvis
from refvis import Network
from refvis.input_modification.boxes import fills
from refvis.input_modification.boxes.grid import boxes
from refvis.layers import Array
from refvis.layers.incremental import forward_changes
from refvis.layers.incremental.rectangles import Rectangle
from refvis.scenes import scene

HERE = Path(__file__).resolve().parent
SCENES = range(60)
SIZE, STRIDE = 16, 8


def colour(image: Array, box: Rectangle, rng: fills.Rng) -> Array:
    """A box of one colour, which is drawn anew for each box."""
    return fills.uniform(image, ((0, 1), (0, 1)), rng)


FILLS = ("gray", "mean", colour, "random", "normal", "shuffle", "blur")


def rises(net: Network, seed: int, fill: Any) -> Array:
    """Return the mean rise of each score by boxes beside a scene's object; NaN for the class of the scene."""
    made = scene(seed)
    x = net.preprocess(made.image)
    trace = net.forward(x)
    places = [box for box in boxes(x.shape[1:3], (SIZE, SIZE), (STRIDE, STRIDE)) if not _covers(box, made.mask)]
    chosen = fills.find_fill(fill, x, net.preparation)
    content = fills.box_contents(chosen, x, places, 1, seed)
    scores = np.concatenate([output[:, 0, 0] for _, output in forward_changes(net, trace, places, content)])
    mean_rise = (scores - trace.output[0, 0, 0]).mean(axis=0)
    mean_rise[net.labels.index(made.name)] = np.nan  # type: ignore[union-attr]
    return mean_rise


def table(net: Network) -> str:
    """Return a row for each fill, a column for each class, and one for the largest rise less the smallest."""
    labels = net.labels or []
    lines = ["| fill | " + " | ".join(labels) + " | apart |", "|---" * (len(labels) + 2) + "|"]
    errors = []
    for fill in FILLS:
        each = np.array([rises(net, seed, fill) for seed in SCENES])
        mean = np.nanmean(each, axis=0)
        errors.append(np.nanstd(each, axis=0, ddof=1) / np.sqrt(np.isfinite(each).sum(axis=0)))
        cells = [f"**{rise:+.2f}**" if rise == mean.max() else f"{rise:+.2f}" for rise in mean]
        lines.append(f"| {fills.describe(fill)} | " + " | ".join(cells) + f" | {mean.max() - mean.min():.2f} |")
    most = f"{np.max(errors):.2f}"
    note = f"{len(SCENES)} scenes, boxes of {SIZE} pixels in steps of {STRIDE}; standard errors are at most {most}."
    return "\n".join(lines) + f"\n\n{note}\n"


def _covers(box: Rectangle, mask: Array) -> bool:
    (top, bottom), (left, right) = box
    return bool(mask[top:bottom, left:right].any())


def main() -> None:
    """Write the table that the page on occlusion includes."""
    net = refvis.load("scenes")
    (HERE / "methods" / "occlusion_fill.inc").write_text(table(net.upto(net.scores)), encoding="utf-8")


if __name__ == "__main__":
    main()
