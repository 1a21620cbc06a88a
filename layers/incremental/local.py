"""Local layers on patches: parts of a layer's output from parts of its input.

A layer is local where its output at a place depends on its window of the input, and on nothing else. Patches hold what
lies beyond the border already, so that the layer is applied without its border. What differs from layer to layer stands
in its row (`refvis.layers.base.operator.Locality`).
"""

from refvis.layers.base.arrays import Array
from refvis.layers.base.operator import Cut
from refvis.layers.calls import forward_of
from refvis.layers.operators import Layer, local


def on_patches(layer: Layer, patches: list[Array], cut: Cut) -> Array:
    """Return parts of a local layer's output, B x h x w x K, from patches of its inputs, B x ... x C."""
    locality = local(layer)
    assert locality is not None, f"{layer!r} is not local"
    bare = locality.bare(layer)
    return patches[0] if bare is None else locality.finish(layer, forward_of(bare, *patches), cut)


def border(layer: Layer) -> float:
    """Return what a local layer's padding stands for."""
    locality = local(layer)
    return 0.0 if locality is None else locality.border(layer)
