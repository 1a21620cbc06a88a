"""The tables of the page: mean and standard deviation, as Markdown."""

from collections.abc import Iterable, Sequence

import convergence
import numpy as np
import randomisation
import recovery

from refvis import Network
from refvis.layers import Array


def markdown(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, the first column's names to the left and numbers to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def spread(values: Array, digits: int = 3) -> str:
    """Return mean ± standard deviation, on one line."""
    mean = round(float(values.mean()), digits) + 0.0  # no -0
    return f"{mean:.{digits}f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{values.std(ddof=1):.{digits}f}"


def of_recovery(results: dict[bool, dict[str, Array]]) -> str:
    """Return correlations with the image by mode and number of filters, with the limit where it is known."""
    x = recovery.picture()
    limits = {(False, "guided"): f"{recovery.correlation(recovery.limit(x), x):.3f}"}
    limits |= {(False, "gradient"): "0", (False, "deconvnet"): "0"}
    names = {False: "", True: ", max pooling"}
    rows = [
        [mode + names[pooled], *map(spread, results[pooled][mode]), limits.get((pooled, mode), "")]
        for pooled in (False, True)
        for mode in recovery.MODES
    ]
    return markdown(["filters", *recovery.WIDTHS, "limit"], rows)


def of_limits(sides: Sequence[int] = (3, 7, 11)) -> str:
    """Return the limit of guided backpropagation's correlation, by image and size of the filters."""
    rows = [
        [name, *(f"{recovery.correlation(recovery.limit(x, side), x):.3f}" for side in sides)]
        for name, x in recovery.others().items()
    ]
    return markdown(["filters of", *(f"{side} × {side}" for side in sides)], rows)


def of_convergence(results: dict[str, list[Array]]) -> str:
    """Return mean absolute cosines (with the spread of single pairs) by rule and depth."""
    rows = [[name, *(_cosine(abs(one)) for one in depths)] for name, depths in results.items()]
    return markdown(["depth", *convergence.DEPTHS], rows)


def _cosine(values: Array) -> str:
    """Return mean ± standard deviation, or for a mean that is 1 to three digits what it lacks."""
    lacks = 1 - values.mean()
    return spread(values) if lacks >= 0.001 else f"1 − {lacks:.0e}"


def of_randomisation(net: Network, results: dict[str, Array]) -> str:
    """Return mean rank correlations by method and the last layer that was randomised."""
    rows = [[name, *(spread(one, 2) for one in np.transpose(values)[1:])] for name, values in results.items()]
    return markdown(["noise down to", *randomisation.layers_from_the_top(net)], rows)
