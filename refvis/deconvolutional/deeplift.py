"""DeepLIFT with the rescale rule (Shrikumar et al. 2017, section 3.5.1): one walk for an input and a reference.

    R = m * (x - x'),    sum of R = y(x) - y(x')    (summation to delta)

with the multipliers m of `refvis.layers.modes.deeplift`: the slopes of secants in place of derivatives.
"""

from dataclasses import replace

from refvis.deconvolutional.baselines import baseline_scores, baselines, completeness, named
from refvis.layers import Array, Trace, array_module, modes
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
    """Return multipliers times differences, m * (x - x'), of each target of `x` (N x H x W x C), signed.

    Targets as in `deconvolution`; channel None is the strongest at `x`. `baseline` is the reference x', 1 x H x W x C;
    None: zero, which is the average image wherever preprocessing subtracts one. Of several, B x H x W x C, each serves
    every image, and the mean is returned.

    `measures` has, for each row, "score", y(x), "completeness_error", the sum of the values less y(x) - y(x'), and
    "relative_completeness_error", its size against that of y(x) - y(x').
    Raises ValueError for what does not exist, for NaN, and for networks that mix the images of a batch; ShapeError for
    a baseline of another shape.
    """
    starts = baselines(baseline, x)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    each = [_attributed(goal, trace, start) for start in starts[:, None]]
    values = sum(each[1:], each[0]) / len(each)
    rises = goal.scores(goal.per_row(trace[goal.variable])) - baseline_scores(goal, starts)
    made = record("deeplift", net, x, **goal.choices(len(x)), baseline=named(baseline))
    return Heatmap(values, True, made, background(net, x, values), goal.measures(trace) | completeness(values, rises))


def _attributed(goal: Target, trace: Trace, start: Array) -> Array:
    """Return the attributions of each row from one reference (1 x H x W x C), rows x H x W x C."""
    pairs = _paired(trace, goal.net.forward(start))
    if not goal.net.is_per_image(pairs):
        raise ValueError(
            "the network mixes the images of a batch, or has layers of which that is not known: DeepLIFT compares an "
            "image with its reference, each by itself (batch normalisation needs moments)"
        )
    images, name = len(trace[goal.variable]), goal.net.inputs[0]
    units = len(goal.channels) // images
    each = [_multipliers(goal.rows(slice(unit, None, units)), pairs)[:images] for unit in range(units)]
    multipliers = array_module(*each).stack(each, axis=1).reshape(-1, *each[0].shape[1:])
    return multipliers * goal.per_row(trace[name] - start)


def _paired(trace: Trace, reference: Trace) -> Trace:
    """Return the trace of the images followed by as many rows of the reference's."""
    xp = array_module(*trace.values())
    pairs = {name: xp.concatenate((values, reference[name].repeat(len(values), 0))) for name, values in trace.items()}
    return replace(trace, variables=pairs)


def _multipliers(goal: Target, pairs: Trace) -> Array:
    """Return the multipliers at the input; those of the images stand in the first half, and again in the second."""
    start = goal.weights(pairs[goal.variable][: len(goal.channels)])
    seeds = {goal.variable: array_module(start).concatenate((start, start))}
    return goal.net.backward(pairs, seeds, modes.DEEPLIFT)[goal.net.inputs[0]]
