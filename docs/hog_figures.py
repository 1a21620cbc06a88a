"""The picture and the table of docs/methods/hog.md: python docs/hog_figures.py (some minutes).

Writes docs/_static/hog.png and docs/methods/hog_votes.inc.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")

import matplotlib.pyplot as plt

import refvis
from refvis.layers import Array
from refvis.scenes import scene

HERE = Path(__file__).resolve().parent
SHOWN = (7, 4, 5)
"""Seeds of the scenes in the picture."""
COMPARED, DIRECTIONS = range(50), 18
STEPS, TV_WEIGHT = 400, 0.5


def shares(cosines: Array) -> dict[str, Array]:
    """Return the share of |g| that a direction gets by each kind of vote, for cosines of its angle with g."""
    angles, a = np.arccos(np.clip(cosines, -1, 1)), np.cos(2 * np.pi / DIRECTIONS)
    return {
        "approximate": np.maximum(0, cosines - a) / (1 - a),
        "linear": np.maximum(0, 1 - angles * DIRECTIONS / (2 * np.pi)),
        "nearest": (angles < np.pi / DIRECTIONS).astype(float),
    }


def descriptors(net: refvis.Network, x: Array) -> dict[str, Array]:
    """Return the descriptor by each kind of vote. The layers after the vote are the network's."""
    gradients = net.upto("gradient").forward(x).output
    lengths = np.sqrt((gradients**2).sum(axis=3, keepdims=True) * 2 / DIRECTIONS)
    cosines = gradients / np.where(lengths > 0, lengths, 1)
    bins = DIRECTIONS // 2
    rest = refvis.Network(net.nodes[[node.name for node in net.nodes].index("cells") :])
    codes = {}
    for name, share in shares(cosines).items():
        votes = lengths * share
        codes[name] = rest.forward(votes[..., :bins] + votes[..., bins:]).output
    return codes


def votes_table() -> str:
    """Return a table of the cosines between descriptors of whole scenes: mean and least."""
    net, pairs = refvis.hog((64, 64)), [("approximate", "linear"), ("approximate", "nearest"), ("linear", "nearest")]
    near: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    for seed in COMPARED:
        codes = descriptors(net, net.preprocess(scene(seed).image).astype("float64"))
        for one, other in pairs:
            a, b = codes[one].ravel(), codes[other].ravel()
            near[one, other].append(float(a @ b / np.sqrt((a @ a) * (b @ b))))
    rows = [f"| {one}, {other} | {np.mean(each):.4f} | {min(each):.4f} |" for (one, other), each in near.items()]
    return "\n".join(["| votes | mean cosine | least |", "|---|---|---|", *rows]) + "\n"


def stretch_contrast(image: Array) -> Array:
    """Return a gray image (1 x H x W x 1) with the darkest and brightest 1 % clipped; the code holds no contrast."""
    low, high = np.percentile(image, (1, 99))
    return np.clip((image[0, ..., 0] - low) / (high - low), 0, 1)


def glyph(axis: plt.Axes, code: Array, cell: int = 8) -> None:
    """Draw each cell of a HOG (1 x h x w x 36) as a star of lines along the edges.

    A cell is the first of its block; the last column and row of cells belong to the block before.
    """
    height, width = code.shape[1:3]
    for (y, x), k in ((place, k) for place in np.ndindex(height + 1, width + 1) for k in range(9)):
        block = min(y, height - 1), min(x, width - 1)
        number = 2 * (y - block[0]) + x - block[1]
        angle, weight = np.pi * k / 9 + np.pi / 2, float(code[0, *block, 9 * number + k])
        dx, dy = np.cos(angle) * cell * 0.45, np.sin(angle) * cell * 0.45
        middle = np.array([x, y]) * cell + cell / 2
        gray = str(min(1.0, weight / 0.4))
        axis.plot([middle[0] - dx, middle[0] + dx], [middle[1] - dy, middle[1] + dy], color=gray, zorder=weight)
    axis.set(xlim=(0, 64), ylim=(64, 0), facecolor="black", aspect="equal", xticks=[], yticks=[])


def draw() -> None:
    """Draw scenes, their HOG, and the inversions of HOG and of dense SIFT."""
    nets = {"HOG": refvis.hog((64, 64)), "dense SIFT": refvis.dsift((64, 64))}
    figure, axes = plt.subplots(len(SHOWN), 4, figsize=(8, 2.1 * len(SHOWN)), dpi=100)
    for row, seed in zip(axes, SHOWN, strict=True):
        x = nets["HOG"].preprocess(scene(seed).image)
        row[0].imshow(x[0, ..., 0], cmap="gray", interpolation="nearest")
        glyph(row[1], nets["HOG"].forward(x).output)
        titles = ["scene in gray", "HOG"]
        for axis, (name, net) in zip(row[2:], nets.items(), strict=True):
            result = refvis.inversion(net, x, at=net.scores, steps=STEPS, tv_weight=TV_WEIGHT)
            axis.imshow(stretch_contrast(result.x), cmap="gray", interpolation="nearest")
            titles.append(f"from {name}, error {result.history['code'][-1]:.4f}")
        for axis, title in zip(row, titles, strict=True):
            axis.set_title(title, fontsize=8)
            axis.set(xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(HERE / "_static" / "hog.png", metadata={"Software": None})


if __name__ == "__main__":
    table = votes_table()
    (HERE / "methods" / "hog_votes.inc").write_text(table, encoding="utf-8")
    print(table)
    draw()
