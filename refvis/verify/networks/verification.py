"""`verify.network`: hold what another implementation computed for a network to the network here."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from refvis.layers import Array, Graph, modes
from refvis.verify.layouts import OURS, require_layout, to_layout
from refvis.verify.networks.black_box import BlackBox
from refvis.verify.networks.explained import explained
from refvis.verify.networks.facts import Seed, end_of, facts_of
from refvis.verify.networks.recording import SIGNALS, recorded
from refvis.verify.networks.report import NetworkReport
from refvis.verify.smallest import Clock

Theirs = Mapping[str, Any] | Callable[..., Any] | str | Path | Any


def network(
    net: Graph,
    x: Array,
    theirs: Theirs,
    *,
    seed: Seed = None,
    mode: str | modes.Mode | None = None,
    layout: str | None = None,
    seconds: float = 60.0,
) -> NetworkReport:
    """Return whether another implementation's variables and signals agree with the network's; if not, where and why.

    Parameters:

        net      the network
        x        its input, N x H x W x C
        theirs   what the other implementation computed: arrays by the names of layers or variables, with "signals/NAME"
                 for the signal at one; a file (.npz, .h5, .mat, .json) or a folder (.npy) of them; one array, the
                 output or, with a mode, the signal at the input; or a function that gives one of these: ``(x)``, or
                 ``(net, x)`` and with a mode ``(net, x, seed)``, which then is run on parts of the network, too
        seed     the signal at the output, N x H x W x C, or signals by the names of layers. Default: the topmost of
                 their signals; else one for every value of the scores
        mode     of the backward pass: a name or a table of rules. Default: "gradient" where there are signals
        layout   the order of their axes, such as "NCHW". Default: guessed where the sizes tell
        seconds  the time that the search for a reason may take. Default: 60

    Raises ValueError for names, files and shapes that do not fit, and where the sizes do not tell the layout.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(scene(7).image)
    >>> theirs = dict(net.forward(x))
    >>> bool(refvis.verify.network(net, x, theirs))
    True
    >>> theirs["x5"] = theirs["x5"] - net.node("conv2").layer.biases
    >>> report = refvis.verify.network(net, x, theirs)
    >>> report.first, report.reason_name
    ('conv2', 'no_bias')
    """
    clock, x64 = Clock(seconds), x.astype("float64")
    order = require_layout(layout or OURS)
    if callable(theirs) and _runs_networks(theirs):
        return BlackBox(net, x64, theirs, mode, order, x.dtype.name, clock).report(seed)
    given = theirs(to_layout(x, order)) if callable(theirs) else theirs
    if not isinstance(given, Mapping | str | Path):
        given = {(f"{SIGNALS}{net.inputs[0]}" if mode else end_of(net)): given}
    return explained(facts_of(net, x64, recorded(given, net), seed, mode, layout), clock)


def _runs_networks(theirs: Callable[..., Any]) -> bool:
    """Return whether a function takes a network before the input."""
    needed = [
        one
        for one in signature(theirs).parameters.values()
        if one.default is Parameter.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) > 1
