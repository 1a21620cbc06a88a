"""SmoothGrad and its kin: the signal at many noisy copies of the image, its mean, mean square, or variance.

g_i = signal at x + sigma * noise_i,  sigma = noise * (max x - min x),  noise_i normal, independent,  i = 1 ... n

smoothgrad          m = 1/n sum_i g_i                     (Smilkov et al. 2017)
smoothgrad_squared  q = 1/n sum_i g_i^2                   (Hooker et al. 2019)
vargrad             v = 1/n sum_i (g_i - m)^2 = q - m^2   (Adebayo et al. 2018)
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from refvis.backpropagation.backward_pass import default_seed
from refvis.backpropagation.rules import find_mode, mode_text
from refvis.backpropagation.sampling import batch_size, signals
from refvis.deconvolutional.backward.noise import Noise, mean, mean_square, variance
from refvis.layers import Array, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


def smoothgrad(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "gradient",
    at: str | None = None,
    channel: Channel = None,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the mean of the signals at `samples` noisy copies of each image of `x` (N x H x W x C).

    `mode` and targets as in `deconvolution` (channel None: the strongest at x, without noise). `noise` is the standard
    deviation as a share of the image's range. The same `seed` gives the same map, whatever `batch`, the number of
    copies that are computed at once (None: as many as fit into the memory); copy i has the same noise for each image,
    which is taken by itself. `measures` has each row's "score", without noise.
    Raises ValueError for what does not exist, and for NaN.
    """
    drawn = Noise(noise, samples, seed, batch)
    return _folded("smoothgrad", mean, net, x, mode, Selection(at, channel, position, against), drawn)


def smoothgrad_squared(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "gradient",
    at: str | None = None,
    channel: Channel = None,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the mean of the signals' squares; arguments and errors as in `smoothgrad`."""
    drawn = Noise(noise, samples, seed, batch)
    return _folded("smoothgrad_squared", mean_square, net, x, mode, Selection(at, channel, position, against), drawn)


def vargrad(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "gradient",
    at: str | None = None,
    channel: Channel = None,
    *,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the variance of the signals, divided by their number; arguments and errors as in `smoothgrad`."""
    drawn = Noise(noise, samples, seed, batch)
    return _folded("vargrad", variance, net, x, mode, Selection(at, channel, position, against), drawn)


def _folded(
    method: str,
    fold: Callable[[Iterator[Array]], Array],
    net: Network,
    x: Array,
    mode: str | modes.Mode,
    selection: Selection,
    drawn: Noise,
) -> Heatmap:
    """Return what `fold` makes of the signals at the noisy copies of each image."""
    rules = find_mode(mode)
    start, found, reached = default_seed(rules), [], []
    choices: dict[str, Any] = {}
    for image in x[:, None]:
        goal, trace = target(net, image, selection)
        count = batch_size(goal, trace, drawn.batch)
        found.append(fold(signals(goal, rules, start, partial(drawn.copy, image), drawn.samples, count)))
        reached.append(goal.measures(trace)["score"])
        choices = choices or goal.choices(1)
    values = array_module(x).concatenate(found)
    options = {"noise": drawn.share, "samples": drawn.samples, "seed": drawn.seed}
    made = record(method, net, x, mode=mode_text(mode, goal.net), **choices, **options)
    signed = method == "smoothgrad" and modes.is_relevance(rules)
    return Heatmap(values, signed, made, background(net, x, values), {"score": np.concatenate(reached)})
