"""Measure and draw the pages' tables and pictures: python docs/reconstruction [--scenes 50]."""

import argparse
from pathlib import Path

import classes
import inversions
import numpy as np

import refvis
from refvis import Network
from refvis.files import write_bytes
from refvis.input_reconstruction.sheet import pictures, sheet
from refvis.layers import Array
from refvis.results import png

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "_static"
SHOWN = (0, 3, 6, 7, 8, 9)
"""Scenes that are drawn."""


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown, the first column to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def of_inversions(found: inversions.Results) -> str:
    """Return the measures by layer and method: means over scenes and starts, the largest norm error, the share."""
    head = ["method, layer", "norm", "largest", "root", "pairwise", "pixels", "same class"]
    rows = []
    for (method, at), values in found.items():
        means = [f"{values[key].mean():.3f}" for key in ("root", "pairwise", "pixels")]
        norm = [f"{values['norm'].mean():.3f}", f"{values['norm'].max():.3f}"]
        rows.append([f"`{method}`, {at}", *norm, *means, f"{100 * values['same class'].mean():.0f} %"])
    return markdown(head, rows)


def of_classes(found: dict[str, dict[str, float]]) -> str:
    """Return the lowest probabilities by recipe."""
    rows = [[f"`{name}`", *(f"{value:.4f}" for value in values.values())] for name, values in found.items()]
    return markdown(["recipe", *next(iter(found.values()))], rows)


def drawn(net: Network) -> Array:
    """Return scenes, and beside each what every method finds from each layer."""
    shown = []
    for x in inversions.inputs(net, max(SHOWN) + 1)[list(SHOWN)]:
        found = [m(net, x[None], at)[:1] for m in inversions.METHODS.values() for at in inversions.LAYERS]
        shown.append(pictures(net, np.concatenate([x[None], *found])))
    return sheet(np.concatenate(shown), columns=len(shown[0]))


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description="Measure and draw what the pages on reconstruction show.")
    parser.add_argument("--scenes", type=int, default=50, help="number of held-out scenes")
    scenes = parser.parse_args().scenes
    net = refvis.load("scenes")
    (HERE / "inversions.inc").write_text(of_inversions(inversions.measured(net, scenes)))
    write_bytes(STATIC / "inversions.png", png(drawn(net), 2))
    found = classes.images(net)
    (HERE / "classes.inc").write_text(of_classes(classes.measured(net, found)))
    every = np.concatenate([pictures(net, x) for x in found.values()])
    write_bytes(STATIC / "maximized.png", png(sheet(every, columns=10), 2))


if __name__ == "__main__":
    main()
