"""Maps of a hidden layer: the layer whose maps are weighted, and the heatmap they become."""

from refvis.backpropagation.backward_pass import variable_on_path
from refvis.layers import Array, Pool, Trace
from refvis.network import Network
from refvis.results import Heatmap, Record, background
from refvis.results.upsampling import upsample_bilinear
from refvis.targets import Target


def map_layer(goal: Target, trace: Trace, layer: str | None) -> str:
    """Return the variable that `layer` stands for; None: the last one with positions below the target, before pooling.

    That is the last variable with more than one position that no pooling layer writes: behind the final convolutions
    and their ReLU, where Selvaraju et al. weight the maps. Raises ValueError for a layer that the signal does not pass,
    for the target itself, and where there is no such variable.
    """
    if layer is not None:
        variable = variable_on_path(goal, layer)
        if variable == goal.variable:
            raise ValueError(f"layer {layer!r} is what is explained: name one below it")
        return variable
    outputs = [node.output for node in goal.net.nodes if not isinstance(node.layer, Pool)]
    maps = [name for name in outputs if name != goal.variable and trace[name].shape[1] * trace[name].shape[2] > 1]
    if not maps:
        raise ValueError(f"no layer below {goal.variable!r} has more than one position: name one with layer=")
    return maps[-1]


def heatmap_of_maps(
    net: Network, x: Array, maps: Array, signed: bool, provenance: Record, upsample: bool, measures: dict[str, Array]
) -> Heatmap:
    """Return maps (rows x h x w x 1) as a heatmap, at the height and width of `x` if `upsample`."""
    values = upsample_bilinear(maps, x.shape[1:3]) if upsample else maps
    return Heatmap(values, signed, provenance, background(net, x, values), measures)
