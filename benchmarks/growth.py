"""Growth of time with the work: AlexNet's features with image size and batch, convolutions with depth, occlusion with
the number of boxes.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import networks
from benchmarks.rows import markdown
from benchmarks.timing import Function, Times, side_by_side
from benchmarks.work import Work, of_network
from refvis import occlusion
from refvis.layers import Conv, Graph, ReLU, chain
from refvis.network import Network


@dataclass(frozen=True)
class Growth:
    """Times by amount: `what` grows, and `run` says what was timed."""

    what: str
    run: str
    times: dict[float, Times]

    @property
    def power(self) -> float:
        """Slope of log time over log amount, by least squares: 1 where time grows as the amount."""
        amounts, seconds = zip(*((amount, times.median) for amount, times in self.times.items()), strict=True)
        return float(np.polyfit(np.log(amounts), np.log(seconds), 1)[0])


def measure(rounds: int, quick: bool) -> list[Growth]:
    """Return one entry each for pixels, images, layers and boxes."""
    every = 2 if quick else 1
    features = networks.network("AlexNet").upto("pool5")
    x = networks.of_size(features)
    return [
        _time("pixels", "AlexNet to pool5, forward + gradient", rounds, _by_size(features, every)),
        _time("images", "AlexNet to pool5, forward + gradient", rounds, _by_batch(features, every)),
        _time("layers", "3 × 3 convolutions of 64 channels with ReLU, 56 × 56", rounds, _by_depth(every)),
        _time("boxes", "occlusion of AlexNet, boxes of 32 × 32", min(rounds, 3), _by_boxes(x, every)),
    ]


def _time(what: str, run: str, rounds: int, functions: dict[float, Function]) -> Growth:
    times = side_by_side({str(amount): function for amount, function in functions.items()}, rounds)
    return Growth(what, run, {amount: times[str(amount)] for amount in functions})


def _by_size(graph: Network, every: int) -> dict[float, Function]:
    random = np.random.default_rng(0)
    sides = (99, 163, 227, 323, 451)[::every]
    return {
        side * side: of_network(graph, random.standard_normal((1, side, side, 3), "float32")).gradient for side in sides
    }


def _by_batch(graph: Network, every: int) -> dict[float, Function]:
    return {count: of_network(graph, networks.of_size(graph, count)).gradient for count in (1, 2, 4, 8, 16)[::every]}


def _by_depth(every: int) -> dict[float, Function]:
    random = np.random.default_rng(0)
    conv = Conv(random.standard_normal((64, 3, 3, 64), "float32") / np.float32(17), pad=1)
    x = random.standard_normal((1, 56, 56, 64), "float32")

    def deep(count: int) -> Work:
        layers = {f"{kind}{i}": layer for i in range(count) for kind, layer in (("conv", conv), ("relu", ReLU()))}
        return of_network(Graph(chain(layers)), x)

    return {count: deep(count).gradient for count in (1, 2, 4, 8, 16)[::every]}


def _by_boxes(x: np.ndarray, every: int) -> dict[float, Function]:
    net = networks.network("AlexNet")
    functions: dict[float, Function] = {}
    for stride in (96, 64, 32, 16, 11)[::every]:
        steps = -(-(x.shape[1] - 32) // stride) + 1  # the last box ends at the border
        functions[steps * steps] = partial(occlusion, net, x, 32, stride, channel=3)
    return functions


def table(grown: list[Growth]) -> str:
    """Return the powers as a Markdown table."""
    rows = []
    for one in grown:
        amounts = list(one.times)
        ends = [f"{1e3 * one.times[amount].median:.0f} ms" for amount in (amounts[0], amounts[-1])]
        rows.append(
            [f"{one.what}: {one.run}", f"{amounts[0]:g} … {amounts[-1]:g}", " … ".join(ends), f"{one.power:.2f}"]
        )
    return markdown(["time grows with the number of", "from … to", "time", "power"], rows)
