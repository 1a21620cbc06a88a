"""Generators (Dosovitskiy & Brox 2016): networks that draw an image from a code, for inversion and maximisation.

Inversion takes one forward pass, where `inversion` takes hundreds. Maximisation optimises a code such that its image
maximises a unit (Nguyen et al. 2016), so the result is always an image that the generator can draw.
"""

from pathlib import Path
from typing import Any

from refvis.input_reconstruction.activation_maximization import activation_maximization
from refvis.input_reconstruction.image.generator_codes import Between, code_statistics, generator_for
from refvis.input_reconstruction.image.parametrisations import Generated
from refvis.input_reconstruction.image.projections import Decay
from refvis.input_reconstruction.objective.errors import reconstruction_errors
from refvis.input_reconstruction.objective.target_code import target_code
from refvis.input_reconstruction.recipe import Recipe
from refvis.layers import Array, Graph, ShapeError
from refvis.layers.graph.not_finite import finite_trace
from refvis.layers.operators import is_per_image
from refvis.network import Network, array_digest
from refvis.optimisation.optimisers import Adam
from refvis.optimisation.schedules import Cosine
from refvis.results import Reconstruction, record
from refvis.units import Channel


def generator_inversion(
    net: Network, target_or_x: Array, at: str = "relu5", generator: Network | str | Path | None = None
) -> Reconstruction:
    """Return the images that a generator draws from codes at layer `at`: inversion in one forward pass.

    Dosovitskiy & Brox 2016.

    Parameters:

        net           the network
        target_or_x   N inputs, N x H x W x C, whose codes are computed, or N codes
        at            layer or variable of the codes
        generator     a generator, its file, or its bundled name. Default: the bundled one, NETWORK-from-LAYER

    Returns a `Reconstruction` without a history. Its measures are the named errors of the code, as in `inversion`, and
    for inputs also "pixels": ``|x - input|^2 / |input|^2``. Raises ValueError if there is no generator for this
    network and layer, ShapeError if the code does not fit the generator.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> drawn = refvis.generator_inversion(net, net.preprocess(scene(7).image), "relu3")
    >>> drawn.x.shape, sorted(drawn.measures)
    ((1, 64, 64, 3), ['norm', 'pixels', 'root'])
    """
    goal, drawing = target_code(net, target_or_x, at, several=True), generator_for(net, at, generator)
    if len(goal.code) > 1:
        _require_per_image(net.upto(goal.variable), drawing)
    x = finite_trace(drawing, goal.code).output
    if x.shape[1:] != goal.image:
        raise ShapeError(f"{drawing.name!r} draws images of {x.shape[1:]} from this code, expected {goal.image}")
    measures = reconstruction_errors(net.upto(goal.variable).forward(x)[goal.variable], goal.code)
    if target_or_x is not goal.code:
        measures["pixels"] = reconstruction_errors(x, target_or_x)["norm"]
    source = {"generator": drawing.name, "generator fingerprint": drawing.fingerprint}
    made = record("generator inversion", net, at=goal.variable, code=array_digest(goal.code), **source)
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

    Nguyen et al. 2016: z* = argmax y(G(z)), 0 <= z <= mean + bound * deviation, channel by channel. Codes come from a
    ReLU, so they are not negative. They start at the mean over scenes.

    Parameters:

        net         the network
        at          layer or variable. Default: the scores
        channel     as in `activation_maximization`
        source      layer of the codes
        generator   a generator, its file, or its bundled name. Default: the bundled one, NETWORK-from-LAYER
        bound       upper bound of a channel, in standard deviations above its mean
        decay       share by which each step shrinks the codes (Nguyen et al. have an L2 term)
        rate        rate of Adam, in units of the mean standard deviation
        steps       number of steps
        options     other arguments of `activation_maximization`

    Returns a `Reconstruction`. Raises ValueError if there is no generator, or if its file has no statistics of codes.

    >>> import refvis
    >>> drawn = refvis.generator_maximization(refvis.load("scenes"), channel="moon", steps=2)
    >>> drawn.x.shape
    (1, 64, 64, 3)
    """
    drawing = generator_for(net, source, generator)
    codes = code_statistics(drawing)
    recipe = Recipe(
        parametrisation=Generated(drawing),
        projections=(Decay(decay), Between(codes.mean + bound * codes.deviation)),
        optimiser=Adam(rate * float(codes.deviation.mean()), schedule=Cosine()),
        steps=steps,
    )
    return activation_maximization(net, at, channel, recipe, **{"start": codes.start()} | options)


def _require_per_image(*graphs: Graph) -> None:
    """Raise ValueError if a layer mixes the images of a batch."""
    mixing = [node.name for graph in graphs for node in graph.nodes if not is_per_image(node.layer)]
    if mixing:
        raise ValueError(f"layer {mixing[0]!r} mixes the images of a batch: give one image at a time")
