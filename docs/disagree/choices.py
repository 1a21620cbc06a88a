"""The effect of each single choice on a map, for one image, one network and one class. It needs only refvis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

import refvis
from refvis import modes
from refvis.layers import LRN, Array, Pool, lrp
from refvis.layers.lrp import Stabiliser
from refvis.results import Heatmap
from refvis.scenes import scene

SCENE = 7
POOLS = partial(lrp.pool, largest=lrp.spread)


@dataclass(frozen=True)
class Variant:
    """One variant of a choice: its label, its table of rules, and options of `deconvolution`."""

    label: str
    mode: str | modes.Mode
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """A choice and its variants. The first variant is the default of refvis."""

    title: str
    within: str
    variants: tuple[Variant, ...]


def z_plus(**options: Any) -> modes.Mode:
    """Return z+ on every layer with weights, with these options."""
    return modes.relevance(partial(lrp.z_plus, **options))


def epsilon(eps: float | Stabiliser) -> modes.Mode:
    """Return the epsilon rule on every layer with weights, with this stabiliser."""
    return modes.relevance(partial(lrp.epsilon, eps=eps))


CHOICES = (
    Choice(
        "what counts as positive",
        "z+",
        (Variant("sign of w·x", "z_plus"), Variant("sign of w", z_plus(split="weights"))),
    ),
    Choice(
        "max pooling",
        "z+",
        (Variant("winner takes all", "z_plus"), Variant("spread by value", modes.Z_PLUS | {Pool: POOLS})),
    ),
    Choice(
        "the bias",
        "z+",
        (
            Variant("b⁺ keeps its share", "z_plus"),
            Variant("b keeps its share", z_plus(modify_bias=False)),
            Variant("absent", z_plus(bias="absent")),
            Variant("dealt out to inputs", z_plus(bias="spread")),
        ),
    ),
    Choice(
        "the stabiliser",
        "epsilon",
        (
            Variant("ε = 0.000001", "epsilon"),
            Variant("ε = 0.1", epsilon(0.1)),
            Variant("ε = 1", epsilon(1.0)),
            Variant("ε = 0.25 × rms of y", epsilon(Stabiliser(0.25, relative=True))),
        ),
    ),
    Choice(
        "local response normalisation",
        "z+",
        (
            Variant("unchanged", "z_plus"),
            Variant("Taylor (Binder 2016)", modes.Z_PLUS | {LRN: lrp.lrn_taylor}),
            Variant("its gradient", modes.Z_PLUS | {LRN: modes.GRADIENT[LRN]}),
        ),
    ),
    Choice(
        "the way back through pooling and LRN",
        "deconvnet",
        (
            Variant("switches, gradient", "deconvnet"),
            Variant("to the centre", modes.desalinet(relu_mask=False, pooling_switches=False)),
            Variant("LRN unchanged", modes.desalinet(relu_mask=False, lrn_gradient=False)),
        ),
    ),
    Choice(
        "the seed (at conv5)",
        "guided",
        (
            Variant("one", "guided", {"at": "relu5", "channel": None, "seed": "one"}),
            Variant("activation", "guided", {"at": "relu5", "channel": None, "seed": "activation"}),
        ),
    ),
    Choice(
        "score or probability",
        "gradient",
        (Variant("score", "gradient"), Variant("probability", "gradient", {"at": "prob"})),
    ),
    Choice(
        "score or probability, of relevance",
        "epsilon",
        (Variant("score", "epsilon"), Variant("probability", "epsilon", {"at": "prob"})),
    ),
)


@dataclass(frozen=True)
class Study:
    """The bundled network and a generated scene, in float64, explained for the class of the highest score."""

    seed: int = SCENE

    @cached_property
    def net(self) -> refvis.Network:
        """The bundled network."""
        return refvis.load("scenes").astype("float64")

    @cached_property
    def x(self) -> Array:
        """The scene as the network's input, 1 x H x W x C."""
        return self.net.preprocess(scene(self.seed).image).astype("float64")

    @cached_property
    def channel(self) -> int:
        """The class that is explained."""
        return int(self.net.forward(self.x)[self.net.scores].argmax())

    def heatmap(self, variant: Variant) -> Heatmap:
        """Return the map of a variant."""
        return refvis.deconvolution(self.net, self.x, variant.mode, **{"channel": self.channel, **variant.options})

    def share(self, variant: Variant) -> float | None:
        """Return the sum of a map of relevance over the score; None for other maps, which need not add up to it."""
        if not modes.is_relevance(variant.mode):
            return None
        score = float(self.net.forward(self.x)[self.net.scores][0, 0, 0, self.channel])
        return float(self.heatmap(variant).values.sum()) / score


def correlation(one: Array, other: Array) -> float:
    """Return the correlation of two arrays' values."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
