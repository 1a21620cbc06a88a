"""DeepLIFT, rescale rule (Shrikumar et al. 2017, section 3.5.1): one backward pass for an input and its reference.

    R = m * (x - x'),    sum of R = y(x) - y(x')    (summation to delta)

with the multipliers m of `refvis.layers.modes.deeplift`: the slopes of secants in place of derivatives.
"""

from dataclasses import replace

from refvis.deconvolutional.baselines import baseline_scores, baseline_text, baselines, completeness
from refvis.layers import Array, Trace, array_module, modes
from refvis.layers.graph.not_finite import finite_signals, finite_trace
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import Target, target
from refvis.units import Against, Channel, Selection


def deeplift(
    net: Network,
    x: Array,
    baseline: Array | None = None,
    at: str | None = None,
    channel: Channel = None,
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return multipliers times differences, m * (x - x'), for each target y (Shrikumar et al. 2017, rescale rule).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        baseline  the reference x', 1 x H x W x C; or several, B x H x W x C: each serves every image, and the mean is
                  returned. Default: zero, which is the average image wherever preprocessing subtracts one
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest at x
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are signed, a row for each target, of the shape of `x`. `measures` has for each row "score",
    y(x); "completeness_error", the sum of the values minus (y(x) - y(x')); and "relative_completeness_error", the size
    of that error relative to y(x) - y(x').
    Raises ValueError for names and numbers that the network lacks, for NaN, and for networks that mix the images of a
    batch; ShapeError for a baseline of another shape.

    >>> import numpy as np
    >>> import refvis
    >>> net = refvis.chain({"fc": refvis.layers.FullyConnected(np.array([[3.0, -1.0]])), "relu": refvis.layers.ReLU()})
    >>> refvis.deeplift(net, np.array([[[[1.0, 2.0]]]])).values.ravel()
    array([ 3., -2.])
    """
    starts = baselines(baseline, x)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    each = [_attributions(goal, trace, start) for start in starts[:, None]]
    values = sum(each[1:], each[0]) / len(each)
    rises = goal.scores(goal.per_row(trace[goal.variable])) - baseline_scores(goal, starts)
    provenance = record("deeplift", net, x, **goal.choices(len(x)), baseline=baseline_text(baseline))
    measures = goal.measures(trace) | completeness(values, rises)
    return Heatmap(values, True, provenance, background(net, x, values), measures)


def _attributions(goal: Target, trace: Trace, start: Array) -> Array:
    """Return the attributions of each row from one reference (1 x H x W x C), rows x H x W x C."""
    pairs = _with_reference(trace, finite_trace(goal.net, start))
    if not goal.net.is_per_image(pairs):
        raise ValueError(
            "the network mixes the images of a batch, or has layers that may do so: DeepLIFT needs each image and its "
            "reference computed independently (batch normalisation needs moments)"
        )
    images, name = len(trace[goal.variable]), goal.net.inputs[0]
    units = len(goal.channels) // images
    each = [_multipliers(goal.rows(slice(unit, None, units)), pairs)[:images] for unit in range(units)]
    multipliers = array_module(*each).stack(each, axis=1).reshape(-1, *each[0].shape[1:])
    return multipliers * goal.per_row(trace[name] - start)


def _with_reference(trace: Trace, reference: Trace) -> Trace:
    """Return the trace of the images followed by as many rows of the reference's."""
    xp = array_module(*trace.values())
    pairs = {name: xp.concatenate((values, reference[name].repeat(len(values), 0))) for name, values in trace.items()}
    return replace(trace, variables=pairs)


def _multipliers(goal: Target, pairs: Trace) -> Array:
    """Return the multipliers at the input; the first half has those of the images, the second half repeats them."""
    start = goal.weights(pairs[goal.variable][: len(goal.channels)])
    seeds = {goal.variable: array_module(start).concatenate((start, start))}
    end = goal.net.inputs[0]
    return finite_signals(goal.net, pairs, seeds, modes.DEEPLIFT, end)[end]
