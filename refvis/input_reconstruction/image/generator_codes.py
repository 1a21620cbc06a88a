"""The generator that draws from a code, and the statistics of its codes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from refvis.layers import Array, ShapeError, array_module
from refvis.layers.base.arrays import moved
from refvis.loading import bundled, load
from refvis.network import Network, array_digest, require_network
from refvis.targets import layer_variable


def generator_for(net: Network, at: str, generator: Network | str | Path | None = None) -> Network:
    """Return the generator that draws the network's inputs from its codes at layer `at`.

    `generator` is a generator, its file, or its bundled name. The default is the bundled one, NETWORK-from-LAYER.
    Raises ValueError if there is none, or if it was trained on codes of another network.
    """
    require_network(net)
    if generator is None:
        generator = _name(net, at)
        if generator not in bundled():
            known = ", ".join(name for name in bundled() if name.startswith(f"{net.name}-from-")) or "none"
            layer = net.node(layer_variable(net, at)).name
            raise ValueError(f"no bundled generator draws from {layer!r} of {net.name!r} (there is: {known})")
    chosen = generator if isinstance(generator, Network) else load(generator)
    trained = chosen.meta.get("code", {}).get("network", net.fingerprint)
    if trained != net.fingerprint:
        raise ValueError(
            f"{chosen.name!r} draws from codes of the network {trained[:16]}..., not of {net.name!r}, "
            f"{net.fingerprint[:16]}...: train one for this network (refvis.scenes.train_generators)"
        )
    return chosen.to(net.library)


def fitting_generator(net: Network, at: str, x: Array) -> Network | None:
    """Return the bundled generator that draws images of x's size from x's code, or None if there is none."""
    if _name(net, at) not in bundled():
        return None
    try:
        drawing = generator_for(net, at)
        code = net.upto(at).shapes(**{net.inputs[0]: x.shape})[net.variable(at)]
        drawn = drawing.shapes(**{drawing.inputs[0]: code})[drawing.outputs[0]]
    except (ShapeError, ValueError):  # another network of this name, or of other channels
        return None
    return drawing if drawn == x.shape else None


def _name(net: Network, at: str) -> str:
    """Return the name of the bundled generator for a layer, if there is one."""
    return f"{net.name}-from-{net.node(layer_variable(net, at)).name}"


@dataclass(frozen=True, repr=False)
class Between:
    """A projection: values are clipped to 0 ... `upper`, the bounds of the channels (C)."""

    upper: Array

    def __call__(self, z: Array, step: int) -> Array:
        """Clip the values."""
        return array_module(z, self.upper).clip(z, 0, self.upper.astype(z.dtype))

    def __repr__(self) -> str:
        """Return the text for records."""
        return f"Between(0, {array_digest(self.upper)})"


@dataclass(frozen=True, eq=False)
class CodeStatistics:
    """Mean and standard deviation of each channel (C float32), of codes of `size` (h, w, C)."""

    size: tuple[int, int, int]
    mean: Array
    deviation: Array = field(repr=False)

    def start(self) -> Array:
        """Return the mean code, 1 x h x w x C."""
        xp = array_module(self.mean)
        return xp.ascontiguousarray(xp.broadcast_to(self.mean, (1, *self.size)))


def code_statistics(generator: Network) -> CodeStatistics:
    """Return the statistics in the generator's file, in its array library; ValueError if there are none."""
    known, size = generator.meta.get("code", {}), generator.meta.get("inputs", {}).get("size")
    if size is None or not {"mean", "deviation"} <= set(known):
        raise ValueError(
            f"{generator.name!r} has no statistics of its codes: run python -m refvis.scenes.code_statistics FILE"
        )
    mean, deviation = (moved(np.asarray(known[name], "float32"), generator.library) for name in ("mean", "deviation"))
    height, width, channels = (int(n) for n in size[:3])
    return CodeStatistics((height, width, channels), mean, deviation)
