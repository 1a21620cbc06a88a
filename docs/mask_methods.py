"""Methods by masks, and the object: python docs/mask_methods.py (writes methods/masks*.inc and _static/masks.png).

One table has the share of a map's positive values on the object, averaged over held-out scenes with known masks. The
other has the agreement of RISE's maps from two halves of the masks, for each normalisation.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import refvis
from refvis import Heatmap
from refvis.layers import Array
from refvis.scenes import Scene, scene

HERE = Path(__file__).resolve().parent
SCENES, SHOWN = range(20), (7, 0, 3, 11)
METHODS: dict[str, Callable[..., Heatmap]] = {
    "occlusion": partial(refvis.occlusion, size=13, stride=4),
    "RISE, 1000 masks": partial(refvis.rise, masks=1000),
    "meaningful, delete": refvis.meaningful_perturbation,
    "meaningful, preserve": partial(refvis.meaningful_perturbation, game="preserve"),
    "extremal, preserve 10 %": partial(refvis.extremal_perturbation, area=0.1),
    "extremal, delete 10 %": partial(refvis.extremal_perturbation, area=0.1, game="delete"),
    "LIME": refvis.lime,
    "KernelSHAP": refvis.kernel_shap,
}


def share(heatmap: Heatmap, made: Scene) -> float:
    """Return the share of the map's positive values that lie on the object."""
    positive = np.maximum(heatmap.map, 0)
    return float(positive[made.mask].sum() / positive.sum())


def agreements(net: refvis.Network, masks: int = 500) -> str:
    """Return a table of how the halves of RISE's masks agree, for each normalisation."""
    lines = ["| `normalise` | agreement of the halves |", "|---|---|"]
    for normalise in "expected", "sampled":
        each = []
        for made in map(scene, SCENES):
            heatmap = refvis.rise(net, net.preprocess(made.image), masks, normalise=normalise, channel=made.label)
            each.append(heatmap.measures["agreement"][0])
        lines.append(f'| `"{normalise}"` | {np.mean(each):.2f} ({min(each):.2f} to {max(each):.2f}) |')
    return "\n".join([*lines, "", f"{masks} masks, mean over {len(SCENES)} scenes (smallest to largest)."])


def rows(net: refvis.Network) -> dict[int, list[Heatmap]]:
    """Return for each scene the map of each method."""
    maps = {}
    for made in map(scene, SCENES):
        x = net.preprocess(made.image)
        maps[made.seed] = [method(net, x, channel=made.label) for method in METHODS.values()]
        print(made.seed, *(f"{share(one, made):.2f}" for one in maps[made.seed]), flush=True)
    return maps


def table(maps: dict[int, list[Heatmap]]) -> str:
    """Return the table of shares."""
    made = [scene(seed) for seed in maps]
    lines = ["| method | positive values on the object |", "|---|---|"]
    lines.append(f"| (the object's share of the pixels) | {np.mean([one.mask.mean() for one in made]):.2f} |")
    shares = np.array([[share(one, truth) for one in maps[truth.seed]] for truth in made])
    lines += [f"| {name} | {mean:.2f} |" for name, mean in zip(METHODS, shares.mean(axis=0), strict=True)]
    return "\n".join([*lines, "", f"Mean over {len(made)} scenes, for the class that they show."])


def picture(maps: dict[int, list[Heatmap]]) -> Array:
    """Return a row for each shown scene: the image, and the maps of all methods in the table's order."""
    tiles = [[scene(seed).image, *(one.overlay() for one in maps[seed])] for seed in SHOWN]
    return np.concatenate([np.concatenate([add_frame(tile) for tile in row], axis=1) for row in tiles])


def add_frame(tile: Array) -> Any:
    """Return the tile, twice as large, in a white frame."""
    large = tile.repeat(2, axis=0).repeat(2, axis=1)
    return np.pad(large, ((3, 3), (3, 3), (0, 0)), constant_values=255)


def main() -> None:
    """Write the tables and the picture."""
    net = refvis.load("scenes")
    maps = rows(net)
    (HERE / "methods" / "masks.inc").write_text(table(maps) + "\n")
    Image.fromarray(picture(maps)).save(HERE / "_static" / "masks.png", optimize=True)
    (HERE / "methods" / "masks_rise.inc").write_text(agreements(net) + "\n")


if __name__ == "__main__":
    main()
