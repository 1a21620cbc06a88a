"""SmoothGrad, its square, and VarGrad: mean, mean square, or variance of the signals at noisy copies of the image.

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
from refvis.deconvolutional.noise import Noise, mean, mean_square, variance
from refvis.layers import Array, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import merge_choices, target
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
    """Return the mean of the signals at noisy copies of each image (Smilkov et al. 2017).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        mode      the rules of the backward pass, by name or as a table, as in `deconvolution`. Default: "gradient"
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest at x,
                  without noise
        noise     standard deviation of the noise as a share of the image's range, max x - min x. Default: 0.15
        samples   number of noisy copies of each image, n. Default: 50
        seed      of the random numbers; copy i has the same noise for each image, whatever the batch. Default: 0
        batch     number of copies computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` have a row for each target, of the shape of `x`; they are signed if the mode is relevance.
    `measures` has each row's "score", without noise. Each image is explained by itself, also where layers mix a batch.
    Raises ValueError for names and numbers that the network lacks, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.smoothgrad(net, x, samples=4, seed=1).values.shape
    (1, 64, 64, 3)
    """
    selection, copies = Selection(at, channel, position, against), Noise(noise, samples, seed, batch)
    return _over_copies("smoothgrad", mean, net, x, mode, selection, copies)


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
    """Return the mean square of the signals at noisy copies of each image (Hooker et al. 2019).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        mode      the rules of the backward pass, by name or as a table, as in `deconvolution`. Default: "gradient"
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest at x,
                  without noise
        noise     standard deviation of the noise as a share of the image's range, max x - min x. Default: 0.15
        samples   number of noisy copies of each image, n. Default: 50
        seed      of the random numbers; copy i has the same noise for each image, whatever the batch. Default: 0
        batch     number of copies computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` have a row for each target, of the shape of `x`, and are never negative. `measures` has each
    row's "score", without noise. Each image is explained by itself, also where layers mix a batch.
    Raises ValueError for names and numbers that the network lacks, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.smoothgrad_squared(net, x, samples=4, seed=1).values.shape
    (1, 64, 64, 3)
    """
    selection, copies = Selection(at, channel, position, against), Noise(noise, samples, seed, batch)
    return _over_copies("smoothgrad_squared", mean_square, net, x, mode, selection, copies)


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
    """Return the variance, over n, of the signals at noisy copies of each image (Adebayo et al. 2018).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        mode      the rules of the backward pass, by name or as a table, as in `deconvolution`. Default: "gradient"
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest at x,
                  without noise
        noise     standard deviation of the noise as a share of the image's range, max x - min x. Default: 0.15
        samples   number of noisy copies of each image, n. Default: 50
        seed      of the random numbers; copy i has the same noise for each image, whatever the batch. Default: 0
        batch     number of copies computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` have a row for each target, of the shape of `x`, and are never negative. `measures` has each
    row's "score", without noise. Each image is explained by itself, also where layers mix a batch.
    Raises ValueError for names and numbers that the network lacks, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.vargrad(net, x, samples=4, seed=1).values.shape
    (1, 64, 64, 3)
    """
    selection, copies = Selection(at, channel, position, against), Noise(noise, samples, seed, batch)
    return _over_copies("vargrad", variance, net, x, mode, selection, copies)


def _over_copies(
    method: str,
    fold: Callable[[Iterator[Array]], Array],
    net: Network,
    x: Array,
    mode: str | modes.Mode,
    selection: Selection,
    copies: Noise,
) -> Heatmap:
    """Return the mean, mean square or variance (`fold`) of the signals at the noisy copies of each image."""
    rules = find_mode(mode)
    folded, scores = [], []
    choices: list[dict[str, Any]] = []
    for image in x[:, None]:
        goal, trace = target(net, image, selection)
        batch = batch_size(goal, trace, copies.batch)
        copy = partial(copies.copy, image)
        folded.append(fold(signals(goal, rules, default_seed(rules), copy, copies.samples, batch)))
        scores.append(goal.measures(trace)["score"])
        choices.append(goal.choices(1))
    values = array_module(x).concatenate(folded)
    options = {"noise": copies.share, "samples": copies.samples, "seed": copies.seed}
    provenance = record(method, net, x, mode=mode_text(mode, goal.net), **merge_choices(choices), **options)
    signed = method == "smoothgrad" and modes.is_relevance(rules)
    return Heatmap(values, signed, provenance, background(net, x, values), {"score": np.concatenate(scores)})
