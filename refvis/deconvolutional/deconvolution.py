"""Deconvolutional methods: forward, choose a unit, and walk back by a table of rules."""

from refvis.layers import Array, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, record
from refvis.targets import Target, target


def deconvolution(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "guided",
    at: str | None = None,
    channel: int | None = None,
    seed: str | Array | None = None,
) -> Heatmap:
    """Return the signal at the input that walks back from one channel by `mode`.

    `x` is N x H x W x C (``net.preprocess``). `mode` is "gradient" (Simonyan et al. 2014), "deconvnet" (Zeiler & Fergus
    2014), "guided" (Springenberg et al. 2015), "epsilon" (relevance; Bach et al. 2015), or a table of rules. `at` and
    `channel` say what is explained: a layer or variable (None: the scores before softmax) and a channel, from 0 (None:
    the strongest of each image). `seed` starts the signal: "one" at each position of that channel (so the gradient is
    that of the map's sum), its "activation", or an array of the variable's shape; None: the activation for relevance
    (any table with a rule of `lrp`), else one. The map of relevance is signed, for and against.
    Raises ValueError for names that do not exist.
    """
    rules = modes.find(mode)
    relevance = modes.is_relevance(rules)
    goal, trace = target(net, x, at, channel)
    start = seed if seed is not None else "activation" if relevance else "one"
    signals = goal.net.backward(trace, {goal.variable: _seed(goal, trace[goal.variable], start)}, rules)
    made = record(
        "deconvolution",
        net,
        mode=mode if isinstance(mode, str) else modes.table(mode),
        at=goal.variable,
        channel=goal.channels[0],
        seed=start if isinstance(start, str) else "given",
    )
    return Heatmap(signals[goal.net.inputs[0]], relevance, made, net.restore(x[:1]))


def _seed(goal: Target, activation: Array, seed: str | Array) -> Array:
    if not isinstance(seed, str):
        return seed
    if seed not in ("one", "activation"):
        raise ValueError(f"the seed is {seed!r}, expected 'one', 'activation' or an array")
    return goal.only(activation if seed == "activation" else array_module(activation).ones_like(activation))
