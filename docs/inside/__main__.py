"""Make the table and the chart of docs/inside.md: python docs/inside (a few minutes)."""

from itertools import islice
from pathlib import Path

from measure import classified_rightly, measure
from methods import MANY, METHODS
from tables import draw, table
from tqdm import tqdm

import refvis

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Measure all methods on the same scenes and write what the page includes."""
    net = refvis.load("scenes")
    scenes = list(islice(classified_rightly(net), MANY))
    methods = tqdm(METHODS, desc="methods", disable=None)
    results = [(method, measure(net, method.explain, scenes, method.scenes)) for method in methods]
    (HERE / "inside.inc").write_text(table(results), encoding="utf-8")
    draw(results, HERE.parent / "_static" / "inside.png")


if __name__ == "__main__":
    main()
