"""Deconvolutional methods: forward, choose a unit, and walk back by a table of rules."""

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
    """Return the signal at the input that walks back from a channel, or from several, by `mode`.

    `x` is N x H x W x C (``net.preprocess``). `mode` is "gradient" (Simonyan et al. 2014), "deconvnet" (Zeiler & Fergus
    2014), "guided" (Springenberg et al. 2015), "epsilon" (relevance; Bach et al. 2015), another name in `modes.MODES`,
    or a table of rules.

    What is explained: `at` is a layer or variable (None: the scores before softmax; naming the softmax explains the
    probability). `channel` counts from 0, or is a class's name (None: the strongest of each image); of a sequence, each
    has a map of its own, and `values` has a row for each, image by image; "all" is the whole layer at once. `position`
    (y, x) leaves one position of the map; `against` subtracts a channel's map, or one for each channel's.

    `seed` starts the signal: "one" at each position of the channel (so the gradient is that of the map's sum), its
    "activation" (both negative at the channel in `against`), or an array, taken as it is: of the variable's shape, or
    with a row for each map; `channel` is left out then, or names one for each row. None: the activation for relevance
    (any table with a rule of `lrp`), else one. The map of relevance is signed, for and against. `to` names the layer or
    variable whose signal is returned (None: the input).

    Boxes of a mode by name have the bounds of pixels, where the model tells its average image: see `boxed`, and "box"
    in the record. `measures` has each row's "score", the sum of its map, unless the seed is an array.
    Raises ValueError for what does not exist, or is not on the way.
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    rules, bounds = bounded_rules(net, goal.net, x, mode)
    goal, start, choices = choose_seed(seed, rules, goal, len(x), channel)
    end = variable_on_path(goal, to)
    values = backpropagate(goal, trace, rules, start, end)
    if to is not None:
        choices["to"] = end
    made = record("deconvolution", net, x, mode=mode_text(mode, goal.net), **choices, **bounds)
    measures = goal.measures(trace) if isinstance(start, str) else {}
    return Heatmap(values, modes.is_relevance(rules), made, background(net, x, values), measures)
