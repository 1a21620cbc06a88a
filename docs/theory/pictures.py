"""The pictures of the page. Colours are those of Okabe and Ito, which colour-blind readers can tell apart."""

from typing import Any

import convergence
import matplotlib as mpl
import numpy as np
import randomisation
import recovery

from refvis import Network
from refvis.layers import Array

mpl.use("agg")

import matplotlib.pyplot as plt

SHOWN_SEED = 0
STYLES: dict[str, dict[str, Any]] = {
    "guided": {"color": "#0072B2", "marker": "o"},
    "gradient": {"color": "#000000", "marker": "P"},
    "deconvnet": {"color": "#E69F00", "marker": "v"},
    "z+": {"color": "#D55E00", "marker": "s"},
    "alpha2-beta1": {"color": "#009E73", "marker": "D"},
    "gamma 0.25": {"color": "#56B4E9", "marker": "^"},
    "LRP-0": {"color": "#CC79A7", "marker": "X"},
    "epsilon": {"color": "#CC79A7", "marker": "X"},
    "Grad-CAM": {"color": "#009E73", "marker": "D"},
}
"""Method -> its colour and marker, the same in all pictures."""


def of_recovery(results: dict[bool, dict[str, Array]]) -> Any:
    """Signals of one network in the upper row, correlations with and without pooling below."""
    shown = {"image": recovery.picture()}
    for filters, modes in ((8, ["guided"]), (2048, list(recovery.MODES))):
        net = recovery.network(np.random.default_rng(SHOWN_SEED), shown["image"], filters)
        shown |= {f"{mode}, {filters}": recovery.signals(net, shown["image"])[mode] for mode in modes}
    names = list(shown)
    places: list[Any] = [[name for name in names for _ in (0, 1)], ["plain"] * 5 + ["pooled"] * 5]
    figure, axes = plt.subplot_mosaic(places, figsize=(9, 5.6), height_ratios=(1, 1.6))
    for name in names:
        values = shown[name][0, :, :, 0]
        most = abs(values).max()
        axes[name].imshow(values, cmap="gray", vmin=-most, vmax=most, interpolation="nearest")
        axes[name].set_title(name if name == "image" else f"{name} filters", fontsize=9)
        axes[name].axis("off")
    limit = recovery.correlation(recovery.limit(shown["image"]), shown["image"])
    axes["plain"].axhline(limit, color="gray", linestyle="--", linewidth=1)
    axes["plain"].text(8, limit + 0.02, f"limit of guided, {limit:.2f}", color="dimgray", fontsize=9)
    for key, title in (("plain", "without pooling"), ("pooled", "with max pooling")):
        for mode, values in results[key == "pooled"].items():
            spread = values.std(axis=1, ddof=1)
            axes[key].errorbar(recovery.WIDTHS, values.mean(axis=1), spread, label=mode, **STYLES[mode])
        axes[key].set(title=title, xscale="log", xlabel="filters", ylim=(-0.1, 1.05))
        axes[key].set_xticks(recovery.WIDTHS, map(str, recovery.WIDTHS))
        axes[key].minorticks_off()
        axes[key].grid(alpha=0.3)
    axes["plain"].set_ylabel("correlation with the image")
    axes["pooled"].legend()
    figure.tight_layout()
    return figure


def of_convergence(results: dict[str, list[Array]]) -> Any:
    """Mean absolute cosines over depth, and what they lack to 1."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    for name, depths in results.items():
        mean = np.array([abs(one).mean() for one in depths])
        left.plot(convergence.DEPTHS, mean, label=name, **STYLES[name])
        right.plot(convergence.DEPTHS, 1 - mean, label=name, **STYLES[name])
    left.set(ylabel="|cosine| of two outputs' maps", ylim=(0, 1.05))
    right.set(ylabel="1 − |cosine|", yscale="log")
    for axis in (left, right):
        axis.set_xlabel("depth (layers with weights)")
        axis.set_xticks(convergence.DEPTHS)
        axis.grid(alpha=0.3)
    right.legend(fontsize=9)
    figure.tight_layout()
    return figure


def of_randomisation(net: Network, results: dict[str, Array]) -> Any:
    """Rank correlations over the layers from the top, and one scene's maps on the way."""
    names = ["none", *randomisation.layers_from_the_top(net)]
    steps, methods = [0, 1, 3, 5, 8], ["gradient", "guided", "z+"]
    figure: Any = plt.figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subfigures(2, 1)
    axis = above.subplots()
    for name, values in results.items():
        axis.plot(range(len(names)), values.mean(axis=0), label=name, **STYLES[name])
    axis.set_xticks(range(len(names)), names)
    axis.set(xlabel="weights replaced by noise, from the top down to", ylabel="rank correlation")
    axis.set_ylim(-0.1, 1.05)
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    cascade = list(randomisation.cascade(net, recovery.SCENE))
    for row, method in zip(below.subplots(len(methods), len(steps)), methods, strict=True):
        row[0].text(-0.1, 0.5, method, ha="right", va="center", transform=row[0].transAxes)
        for cell, step in zip(row, steps, strict=True):
            cell.imshow(abs(cascade[step][method]), cmap="viridis", interpolation="nearest")
            cell.axis("off")
            if method == methods[0]:
                cell.set_title("trained" if step == 0 else f"down to {names[step]}", fontsize=9)
    return figure
