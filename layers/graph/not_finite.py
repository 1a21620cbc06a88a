"""Passes that end at values that are NaN or infinite, with an error that names the layer at which they began.

Later layers may hide such values: a ReLU and a maximum make numbers of NaN. So a result that is finite does not show
that its network computed it from numbers. NumPy's own warnings are off here, since the error says more.
"""

from collections.abc import Mapping

import numpy as np

from refvis.layers import modes
from refvis.layers.base.arrays import Array, count_not_finite, is_finite
from refvis.layers.graph.network import Graph
from refvis.layers.graph.parameters import arrays_of
from refvis.layers.graph.trace import Signals, Trace
from refvis.layers.operators import title


class NotFiniteError(ValueError):
    """The error for values that are NaN or infinite; it names the layer at which they began."""


def finite_trace(net: Graph, x: Array) -> Trace:
    """Return the trace of an input `x` (N x H x W x C), as `Graph.forward` does.

    Raises NotFiniteError if a layer makes values that are NaN or infinite; it names the first such layer.

    >>> import numpy as np
    >>> from refvis import layers
    >>> from refvis.layers.graph.not_finite import finite_trace
    >>> fc = layers.FullyConnected(np.array([[1.0, np.inf]]))
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
    >>> finite_trace(net, np.array([[[[1.0, 2.0]]]]))
    Traceback (most recent call last):
        ...
    refvis.layers.graph.not_finite.NotFiniteError: layer 'fc2' (FullyConnected) makes 1 of 1 values NaN or infinite: \
its parameters are not finite
    """
    with np.errstate(all="ignore"):
        trace = net.forward(x)
    for node in net.nodes:
        if node.output in trace and not is_finite(trace[node.output]):
            values = trace[node.output]
            sound = all(is_finite(array) for array in arrays_of(node.layer).values())
            reason = "its inputs and parameters are finite" if sound else "its parameters are not finite"
            raise NotFiniteError(
                f"layer {node.name!r} ({title(node.layer)}) makes {count_not_finite(values)} of {values.size} "
                f"values NaN or infinite: {reason}"
            )
    return trace


def finite_signals(
    net: Graph, trace: Trace, seeds: Mapping[str, Array], mode: str | modes.Mode, variable: str
) -> Signals:
    """Return the signals of a backward pass, as `Graph.backward` does.

    Raises NotFiniteError if the signal at `variable` holds values that are NaN or infinite; it names the layer below
    which they began.
    """
    with np.errstate(all="ignore"):
        signals = net.backward(trace, seeds, mode)
    if variable not in signals or is_finite(signals[variable]):
        return signals
    for node in reversed(net.nodes):
        spoiled = [name for name in node.inputs if name in signals and not is_finite(signals[name])]
        if node.output in signals and spoiled:
            values = signals[spoiled[0]]
            raise NotFiniteError(
                f"below layer {node.name!r} ({title(node.layer)}) the signal is NaN or infinite: "
                f"{count_not_finite(values)} of {values.size} values; float64 inputs have a larger range"
            )
    return signals
