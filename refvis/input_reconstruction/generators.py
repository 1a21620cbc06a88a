"""Generators (Dosovitskiy & Brox 2016): networks that draw an image from a code, to read one or to look for one.

Reading: the image of a code in one forward pass, where `inversion` takes hundreds. Looking: the code whose image
excites a unit most (Nguyen et al. 2016), so that all that is looked at is what the generator can draw.
"""

from pathlib import Path
from typing import Any

from refvis.input_reconstruction.activation_maximization import activation_maximization
from refvis.input_reconstruction.image.generator_codes import Between, generator_for, usual_codes
from refvis.input_reconstruction.image.parametrisations import Generated
from refvis.input_reconstruction.image.projections import Decay
from refvis.input_reconstruction.objective.errors import reconstruction_errors
from refvis.input_reconstruction.objective.target_code import digest, wanted
from refvis.input_reconstruction.recipe import Recipe
from refvis.layers import Array, Graph, ShapeError
from refvis.layers.operators import is_per_image
from refvis.network import Network
from refvis.optimisation.optimisers import Adam
from refvis.optimisation.schedules import Cosine
from refvis.results import Reconstruction, record
from refvis.units import Channel


def generator_inversion(
    net: Network, target_or_x: Array, at: str = "relu5", generator: Network | str | Path | None = None
) -> Reconstruction:
    """Return the images that a generator draws from codes at layer `at`: inversion in one forward pass.

    `target_or_x` are inputs (N x H x W x C), whose codes are taken, or codes, as for `inversion`, whose named errors of
    the code are measured here, too; of inputs also "pixels", their squared distance over their square. `generator` as
    for `generator_for`. There is no history. Raises ValueError, and ShapeError where code and generator do not fit.
    """
    goal, drawing = wanted(net, target_or_x, at, several=True), generator_for(net, at, generator)
    if len(goal.code) > 1:
        _require_apart(net.upto(goal.variable), drawing)
    x = drawing.forward(goal.code).output
    if x.shape[1:] != goal.image:
        raise ShapeError(f"{drawing.name!r} draws images of {x.shape[1:]} from this code, expected {goal.image}")
    measures = reconstruction_errors(net.upto(goal.variable).forward(x)[goal.variable], goal.code)
    if target_or_x is not goal.code:
        measures["pixels"] = reconstruction_errors(x, target_or_x)["norm"]
    made = record("generator inversion", net, at=goal.variable, code=digest(goal.code), **_named(drawing))
    return Reconstruction(x, net.restore(x), {}, made, measures)


def generator_maximization(
    net: Network,
    at: str | None = None,
    channel: Channel = None,
    source: str = "relu3",
    generator: Network | str | Path | None = None,
    *,
    bound: float = 3.0,
    decay: float = 0.03,
    rate: float = 0.2,
    steps: int = 200,
    **options: Any,
) -> Reconstruction:
    """Return images that maximise channels at layer `at`, among those that a generator draws from codes at `source`.

    Codes start at the mean over scenes and stay between 0, since they come from a ReLU, and the mean plus `bound`
    deviations, channel by channel; each step shrinks them by the share `decay` (Nguyen et al. 2016 have the bounds and
    an L2 term). `rate` is in units of the mean deviation. `at`, `channel`, and `options` are those of
    `activation_maximization`. Raises ValueError where the generator's file does not say what is usual in a code.
    """
    drawing = generator_for(net, source, generator)
    usual = usual_codes(drawing)
    recipe = Recipe(
        parametrisation=Generated(drawing),
        projections=(Decay(decay), Between(usual.mean + bound * usual.deviation)),
        optimiser=Adam(rate * float(usual.deviation.mean()), schedule=Cosine()),
        steps=steps,
    )
    return activation_maximization(net, at, channel, recipe, **{"start": usual.start()} | options)


def _require_apart(*graphs: Graph) -> None:
    """Raise ValueError where a layer mixes the images of a batch."""
    mixing = [node.name for graph in graphs for node in graph.nodes if not is_per_image(node.layer)]
    if mixing:
        raise ValueError(f"layer {mixing[0]!r} mixes the images of a batch: give one image at a time")


def _named(generator: Network) -> dict[str, str]:
    return {"generator": generator.name, "generator fingerprint": generator.fingerprint}
