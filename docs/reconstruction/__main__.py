"""Write the tables and pictures of the pages on reconstruction: python docs/reconstruction [--scenes 50]."""

import argparse
from pathlib import Path

import classes
import drawing
import inversions
import numpy as np

import refvis
from refvis.input_reconstruction.image.sheet import pictures, sheet
from refvis.results import png
from refvis.weights.whole_files import write_bytes

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "_static"
SHOWN = (0, 3, 6, 7, 8, 9)
"""Scenes that are drawn."""


def markdown(head: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """Return a Markdown table. The first `texts` columns are aligned to the left, the others to the right."""
    lines = [head, ["---"] * texts + ["---:"] * (len(head) - texts), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def of_inversions(results: inversions.Results) -> str:
    """Return the measures by layer and method: means over scenes and starts, the largest `norm`, the median time."""
    head = ["layer", "method", "norm", "largest", "root", "pairwise", "pixels", "same class", "CPU ms"]
    rows, above = [], ""
    for (at, method), one in results.items():
        values = one.measures
        means = [f"{values[key].mean():.3f}" for key in ("root", "pairwise", "pixels")]
        norm = [f"{values['norm'].mean():.3f}", f"{values['norm'].max():.3f}"]
        ends = [f"{100 * values['same class'].mean():.0f} %", f"{1000 * np.median(values['seconds']):.0f}"]
        rows.append([f"`{at}`" if at != above else "", f"`{method}`", *norm, *means, *ends])
        above = at
    return markdown(head, rows, texts=2)


def of_classes(probabilities: dict[str, dict[str, float]]) -> str:
    """Return the lowest probabilities by recipe."""
    rows = [[f"`{name}`", *(f"{value:.4f}" for value in values.values())] for name, values in probabilities.items()]
    return markdown(["recipe", *next(iter(probabilities.values()))], rows)


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description="Measure and draw what the pages on reconstruction show.")
    parser.add_argument("--scenes", type=int, default=50, help="number of held-out scenes")
    scenes = parser.parse_args().scenes
    net = refvis.load("scenes")
    images = inversions.inputs(net, scenes)
    results = inversions.measure(net, images)
    (HERE / "inversions.inc").write_text(of_inversions(results))
    shown = [number for number in SHOWN if number < scenes]
    write_bytes(STATIC / "inversions.png", png(drawing.draw_sheet(net, images, results, shown)))
    maximized = classes.images(net)
    (HERE / "classes.inc").write_text(of_classes(classes.measure(net, maximized)))
    every = np.concatenate([pictures(net, x) for x in maximized.values()])
    write_bytes(STATIC / "maximized.png", png(sheet(every, columns=10), 2))


if __name__ == "__main__":
    main()
