"""The page's table and chart."""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from measure import Measures, mean
from methods import Method

Results = list[tuple[Method, Measures]]

COLOURS = ("#9aa3b2", "#4878b8", "#5a9e6f", "#d08a3e", "#a06cb0")


def table(results: Results) -> str:
    """Return a row for each method: shares and hits in percent with their standard errors, scenes, and time."""
    lines = ["| method | inside, % | points inside, % | scenes | CPU ms |", "|---|---:|---:|---:|---:|"]
    family = ""
    for method, measures in results:
        if method.family != family:
            family = method.family
            lines.append(f"| **{family}** | | | | |")
        scenes = str(len(measures.shares)) + _left_out(measures)
        time = f"{1000 * np.median(measures.seconds):.0f}" if family != "no network" else ""
        hits = percent(measures.points) if method.name != "uniform" else ""
        lines.append(f"| {method.name} | {percent(measures.shares)} | {hits} | {scenes} | {time} |")
    return "\n".join(lines) + "\n"


def percent(values: np.ndarray) -> str:
    """Return mean ± standard error in percent, on one line."""
    middle, error = mean(values)
    return f"{100 * middle:.1f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * error:.1f}"


def _left_out(measures: Measures) -> str:
    empty = int(np.isnan(measures.shares).sum())
    return f" ({empty} without positive values)" if empty else ""


def draw(results: Results, path: Path) -> None:
    """Draw the shares as bars, with standard errors and the object's own share of the area."""
    families = list(dict.fromkeys(method.family for method, _ in results))
    figure, axis = plt.subplots(figsize=(8.2, 0.24 * len(results) + 1.0), dpi=100)
    for place, (method, measures) in enumerate(results):
        middle, error = mean(measures.shares)
        axis.barh(-place, middle, xerr=error, color=COLOURS[families.index(method.family)], height=0.72)
    axis.axvline(mean(results[0][1].shares)[0], color="black", linewidth=0.8, linestyle="--")
    axis.set_yticks([-place for place in range(len(results))], [method.name for method, _ in results], fontsize=8)
    axis.set_xlim(0, 1)
    axis.set_ylim(0.6 - len(results), 0.6)
    axis.set_title("share of positive relevance inside the object (dashed: the object's share of the area)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
