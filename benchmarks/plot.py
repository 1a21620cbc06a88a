"""The picture of how time grows."""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.growth import Growth


def draw(grown: list[Growth], path: Path) -> None:
    """Draw time over amount, both logarithmic. A dashed line shows growth in proportion to the amount."""
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    for axes, one in zip(figure.subplots(1, len(grown), squeeze=False)[0], grown, strict=True):
        amounts = list(one.times)
        times = [1e3 * each.median for each in one.times.values()]
        axes.loglog(amounts, [times[-1] * amount / amounts[-1] for amount in amounts], "--", color="0.7")
        axes.loglog(amounts, times, "o-", color="C0")
        axes.set_xlabel(one.what)
        axes.set_title(f"power {one.power:.2f}", fontsize=9)
        axes.minorticks_off()
    figure.axes[0].set_ylabel("milliseconds")
    figure.savefig(path, dpi=100, metadata={"Software": None})
