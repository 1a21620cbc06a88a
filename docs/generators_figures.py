"""The pictures and the table of docs/methods/generators.md: python docs/generators_figures.py (about a minute).

Writes docs/_static/generators.png, docs/_static/generators_classes.png and docs/methods/generators_errors.inc.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")

import matplotlib.pyplot as plt

import refvis
from refvis.layers import Array
from refvis.scenes import TEST_SEEDS, batch

HERE = Path(__file__).resolve().parent
SHOWN, MEASURED = 8, 300
CODES = ("relu2", "relu3", "relu5")
SOURCES = ("relu3", "relu5")
"""Codes in which each class is maximised."""


def errors_table(net: refvis.Network) -> str:
    """Return the mean errors of pixels and codes over held-out scenes, and the share that keeps its class."""
    images, labels, _ = batch(TEST_SEEDS[:MEASURED])
    lines = [
        "| code | values | error of pixels | error of the code | scene named right from the drawing |",
        "|---" * 5 + "|",
    ]
    for at in CODES:
        results = [refvis.generator_inversion(net, net.preprocess(image), at) for image in images]
        scores = net.upto(net.scores).forward(np.concatenate([one.x for one in results])).output[:, 0, 0]
        pixels, code = (np.mean([one.measures[name] for one in results]) for name in ("pixels", "norm"))
        values = int(np.prod(refvis.load(f"{net.name}-from-{at}").meta["inputs"]["size"]))
        right = np.mean(scores.argmax(axis=1) == labels)
        lines.append(f"| `{at}` | {values} | {pixels:.2f} | {code:.2f} | {100 * right:.0f} % |")
    return "\n".join(lines) + "\n"


def grid(rows: dict[str, list[Array]], titles: list[str], path: Path) -> None:
    """Draw pictures in rows with names, and write them as PNG."""
    columns = len(next(iter(rows.values())))
    figure, axes = plt.subplots(len(rows), columns, figsize=(columns * 1.05 + 0.5, len(rows) * 1.12 + 0.1), dpi=100)
    for line, (name, pictures) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, fontsize=9)
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, metadata={"Software": None})


def draw() -> None:
    """Write the table, the scenes with the generators' images of their codes, and the maximised classes."""
    net = refvis.load("scenes")
    (HERE / "methods" / "generators_errors.inc").write_text(errors_table(net), encoding="utf-8")
    images = list(batch(TEST_SEEDS[:SHOWN])[0])
    rows = {"scene": images}
    for at in CODES:
        rows[at] = [refvis.generator_inversion(net, net.preprocess(image), at).image for image in images]
    grid(rows, [""] * SHOWN, HERE / "_static" / "generators.png")
    classes = {}
    for source in SOURCES:
        result = refvis.generator_maximization(net, source=source)
        classes[f"in {source}"] = [net.restore(result.x[k : k + 1]) for k in range(len(result.x))]
        print(source, result.measures["activation"].round(1))
    grid(classes, net.labels or [], HERE / "_static" / "generators_classes.png")


if __name__ == "__main__":
    draw()
