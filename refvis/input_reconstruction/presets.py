"""Recipes of published methods for `activation_maximization`, by the names in PRESETS.

Weights and rates that the papers leave open are chosen here for images of 0 ... 255 minus the average. `stride` is the
stride of the unit's receptive field, in pixels.
"""

from collections.abc import Callable
from functools import partial

from refvis.input_reconstruction.image.fourier import Fourier
from refvis.input_reconstruction.image.parametrisations import Squashed
from refvis.input_reconstruction.image.projections import Blurred, Bound, Decay, SmallCleared, Sphere
from refvis.input_reconstruction.image.transforms import Blur, Jitter, Rotate, Scale
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.recipe import SIGMA, Recipe
from refvis.optimisation.optimisers import AdaGrad, Adam, Momentum
from refvis.optimisation.regularisers import colour_norm, lp, total_variation
from refvis.optimisation.schedules import Cosine, Dropped

BOUND = 2 * SIGMA
"""Largest norm of a pixel's colour, minus the average, in Mahendran & Vedaldi 2016."""


def erhan2009(stride: int) -> Recipe:
    """Return gradient ascent on images of a fixed norm (Erhan et al. 2009), here a root mean square of 50."""
    ascent = Momentum(2.0, schedule=Cosine(), normalised=True)
    return Recipe(projections=(Sphere(50.0),), optimiser=ascent)


def simonyan2014(stride: int) -> Recipe:
    """Return maximisation of the score minus an L2 term, from the average image (Simonyan et al. 2014)."""
    decay = Term("l2", partial(lp, p=2.0, sigma=SIGMA), 10.0)
    return Recipe((decay,), noise=0.0)


def yosinski2015(stride: int) -> Recipe:
    """Return gradient ascent with decay, blur, and small pixels cleared after steps (Yosinski et al. 2015)."""
    after = (Decay(1e-2), Blurred(0.5, every=4), SmallCleared(20.0, every=4))
    return Recipe(projections=after, optimiser=Momentum(4.0, momentum=0.0, normalised=True))


def mahendran2016(stride: int) -> Recipe:
    """Return the natural pre-image of Mahendran & Vedaldi 2016: alpha norm, TV, bound, jitter of a quarter stride.

    Weights and rates are those of their program: (1/sigma)^6 and (6.5/sigma)^2, a rate of 0.05 sigma^2 / 6 times the
    number of pixels, 300 steps and 50 at a tenth. The number of pixels is that of a 64 x 64 image here; with their
    AdaGrad it matters only for tiny gradients. Their TV sums channels; the term here averages them, hence the factor 3.
    """
    regularisers = (
        Term("alpha", partial(colour_norm, p=6.0, sigma=SIGMA)),
        Term("tv", partial(total_variation, beta=2.0, sigma=SIGMA), 3 * 6.5**2),
    )
    stepping = AdaGrad(64 * 64 * 0.05 * SIGMA**2 / 6, schedule=Dropped())
    shift = (Jitter(max(1, round(stride / 4))),) if stride > 2 else ()
    return Recipe(
        regularisers, transforms=shift, projections=(Bound(BOUND),), optimiser=stepping, steps=350, noise=20.0
    )


def olah2017(stride: int) -> Recipe:
    """Return Fourier parametrisation with bounded values, under random transforms (Olah et al. 2017)."""
    moves = (Jitter(4), Scale(0.9, 1.1), Rotate(5.0), Jitter(2), Blur((0.0, 0.5)))
    return Recipe(parametrisation=Squashed(Fourier(), BOUND), transforms=moves, optimiser=Adam(0.05 * SIGMA), steps=256)


PRESETS: dict[str, Callable[[int], Recipe]] = {
    "erhan2009": erhan2009,
    "simonyan2014": simonyan2014,
    "yosinski2015": yosinski2015,
    "mahendran2016": mahendran2016,
    "olah2017": olah2017,
}


def preset(name: str, stride: int) -> Recipe:
    """Return the recipe of this name; ValueError for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"there is no recipe {name!r}, expected one of {', '.join(map(repr, PRESETS))}")
    return PRESETS[name](stride)
