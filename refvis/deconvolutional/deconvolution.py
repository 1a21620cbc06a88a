"""Deconvolutional methods: a forward pass, a seed at the unit explained, and a backward pass by a table of rules."""

from refvis.backpropagation.backward_pass import backpropagate, choose_seed, variable_on_path
from refvis.backpropagation.rules import bounded_rules, mode_text
from refvis.layers import Array, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


def deconvolution(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "guided",
    at: str | None = None,
    channel: Channel = None,
    seed: str | Array | None = None,
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
    to: str | None = None,
) -> Heatmap:
    """Return the signal at the input that is backpropagated from a channel, or from several, by the rules of a mode.

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        mode      "gradient" (Simonyan et al. 2014), "deconvnet" (Zeiler & Fergus 2014), "guided" (Springenberg et al.
                  2015), "epsilon" (relevance; Bach et al. 2015), another name in `modes.MODES`, or a table of rules
        at        the layer or variable explained. Default: the scores before softmax; naming the softmax explains the
                  probability
        channel   its channel, counted from 0, or the name of a class; a sequence of them: a map for each; "all": the
                  whole layer at once. Default: the strongest channel of each image
        seed      what the signal starts from: "one" at each position of the channel (the signal of the mode "gradient"
                  is then the gradient of the map's sum), or its "activation"; both are negative at the channel in
                  `against`. Or an array of the variable's shape, or with a row for each map; `channel` is left out
                  then, or names one channel for each row. Default: the activation for relevance (any table with a
                  rule of `lrp`), else one
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted
        to        the layer or variable whose signal is returned. Default: the input

    The heatmap's `values` have the shape of `x`, or of `to`, and its dtype. Several channels have a row each, image by
    image. Relevance is signed, for and against. `measures` has each row's "score", the sum of its map, unless the seed
    is an array. A named mode with the box rule uses the bounds of pixels if the model stores its average image; the
    record says so ("box").

    Raises ValueError for names and numbers that the network lacks, for a variable that the signal does not pass, and
    for NaN; ShapeError for a seed of another shape.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.deconvolution(net, x, "guided", channel=["fish", "cup"]).values.shape
    (2, 64, 64, 3)
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    rules, bounds = bounded_rules(net, goal.net, x, mode)
    goal, start, choices = choose_seed(seed, rules, goal, len(x), channel)
    end = variable_on_path(goal, to)
    values = backpropagate(goal, trace, rules, start, end)
    if to is not None:
        choices["to"] = end
    provenance = record("deconvolution", net, x, mode=mode_text(mode, goal.net), **choices, **bounds)
    measures = goal.measures(trace) if isinstance(start, str) else {}
    return Heatmap(values, modes.is_relevance(rules), provenance, background(net, x, values), measures)
