"""Which generator draws from a code, and what is usual in its codes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from refvis.input_reconstruction.objective.target_code import digest
from refvis.layers import Array, ShapeError, array_module
from refvis.layers.base.arrays import moved
from refvis.loading import bundled, load
from refvis.network import Network
from refvis.targets import written_variable


def generator_for(net: Network, at: str, generator: Network | str | Path | None = None) -> Network:
    """Return the generator that draws the network's inputs from its codes at layer `at`.

    `generator` is one, or its file or bundled name; None: the bundled one, which is called NETWORK-from-LAYER.
    Raises ValueError where there is none, or where it was trained for the codes of another network.
    """
    if generator is None:
        generator = _name(net, at)
        if generator not in bundled():
            known = ", ".join(name for name in bundled() if name.startswith(f"{net.name}-from-")) or "none"
            layer = net.node(written_variable(net, at)).name
            raise ValueError(f"no bundled generator draws from {layer!r} of {net.name!r} (there is: {known})")
    found = generator if isinstance(generator, Network) else load(generator)
    trained = found.meta.get("code", {}).get("network", net.fingerprint)
    if trained != net.fingerprint:
        raise ValueError(
            f"{found.name!r} draws from codes of the network {trained[:16]}..., not of {net.name!r}, "
            f"{net.fingerprint[:16]}...: train one for this network (refvis.scenes.train_generators)"
        )
    return found.to(net.library)


def fitting_generator(net: Network, at: str, x: Array) -> Network | None:
    """Return the bundled generator that draws images of x's size from x's code; None where there is none."""
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
    """Return what the bundled generator for a layer is called, if there is one."""
    return f"{net.name}-from-{net.node(written_variable(net, at)).name}"


@dataclass(frozen=True, repr=False)
class Between:
    """Every value between 0 and its channel's upper bound (C), a projection."""

    upper: Array

    def __call__(self, z: Array, step: int) -> Array:
        """Cut off what lies outside."""
        return array_module(z, self.upper).clip(z, 0, self.upper.astype(z.dtype))

    def __repr__(self) -> str:
        """Return what a record keeps."""
        return f"Between(0, {digest(self.upper)})"


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual in codes of `size` (h, w, C): mean and deviation of each channel (C float32)."""

    size: tuple[int, int, int]
    mean: Array
    deviation: Array = field(repr=False)

    def start(self) -> Array:
        """Return the mean code, 1 x h x w x C."""
        xp = array_module(self.mean)
        return xp.ascontiguousarray(xp.broadcast_to(self.mean, (1, *self.size)))


def usual_codes(generator: Network) -> Usual:
    """Return what the generator's file says is usual in its codes, in its array library; ValueError if nothing."""
    known, size = generator.meta.get("code", {}), generator.meta.get("inputs", {}).get("size")
    if size is None or not {"mean", "deviation"} <= set(known):
        raise ValueError(
            f"{generator.name!r} does not say what is usual in a code: run python -m refvis.scenes.code_statistics FILE"
        )
    mean, deviation = (moved(np.asarray(known[name], "float32"), generator.library) for name in ("mean", "deviation"))
    return Usual(tuple(int(n) for n in size[:3]), mean, deviation)  # type: ignore[arg-type]
