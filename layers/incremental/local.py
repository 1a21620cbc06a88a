"""Local layers on patches: parts of a layer's output from parts of its input.

A layer is local if its output at a place depends on its window of the input, and on nothing else. Patches include the
border, so the layer is applied without its border. The row of each layer (`refvis.layers.base.operator.Locality`) says
how.
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
    """Return the value of a local layer's padding."""
    locality = local(layer)
    return 0.0 if locality is None else locality.border(layer)
