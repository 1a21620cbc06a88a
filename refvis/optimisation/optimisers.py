"""Step-by-step optimisers: each maps z, its gradient and the optimiser's memory to the next z and memory.

The memory is arrays by name. With the momentum mu, the gradient g, and the rate r (times its schedule's factor):

    Momentum   s <- mu s - r g;  z <- z + s                                          (deep-goggle, FeatureVis: r = 1)
    AdaGrad    a <- mu a + g^2;  s <- mu s - g / (1/r + sqrt a);  z <- z + s          (nnpreimage; Duchi et al. 2011)
    Adam       m, v: means of g and g^2;  z <- z - r m / (sqrt v + tiny)              (Kingma & Ba 2015)
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from refvis.layers import Array, array_module
from refvis.optimisation.requirements import require, require_amount
from refvis.optimisation.schedules import Constant, Cosine, Schedule

Memory = dict[str, Array]

FIRST_MOMENT, SECOND_MOMENT, TINY = 0.9, 0.999, 1e-8


class Optimiser(Protocol):
    """A step-by-step optimiser."""

    def initial_memory(self, z: Array) -> Memory:
        """Return the memory before the first step."""
        ...

    def step(self, z: Array, gradient: Array, memory: Memory, number: int, steps: int) -> tuple[Array, Memory]:
        """Return z and the memory after step `number` of `steps`, counted from 1."""
        ...


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with momentum: s <- momentum s - rate g; z <- z + s.

    With `normalised`, each image's gradient is divided by its mean absolute value first. Raises ValueError for a
    negative rate, or a momentum outside 0 ... 1.

    >>> import numpy as np
    >>> from refvis.optimisation.optimisers import Momentum
    >>> optimiser, z = Momentum(0.1), np.zeros((1, 1, 1, 1))
    >>> z, memory = optimiser.step(z, np.ones_like(z), optimiser.initial_memory(z), number=1, steps=2)
    >>> z, memory = optimiser.step(z, np.ones_like(z), memory, number=2, steps=2)
    >>> z.round(2).item()
    -0.29
    """

    rate: float
    momentum: float = 0.9
    schedule: Schedule = field(default_factory=Constant)
    normalised: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_numbers(self)

    def initial_memory(self, z: Array) -> Memory:
        """Return a velocity of zero."""
        return {"velocity": array_module(z).zeros_like(z)}

    def step(self, z: Array, gradient: Array, memory: Memory, number: int, steps: int) -> tuple[Array, Memory]:
        """Take the step."""
        rate = self.rate * self.schedule.factor(number, steps)
        if self.normalised:
            xp, axes = array_module(z), tuple(range(1, z.ndim))
            size = xp.abs(gradient).mean(axis=axes, keepdims=True)
            gradient = gradient / xp.where(size == 0, 1, size)
        velocity = self.momentum * memory["velocity"] - rate * gradient
        return z + velocity, {"velocity": velocity}


@dataclass(frozen=True)
class AdaGrad:
    """AdaGrad with momentum and forgetting, as in the code of Mahendran & Vedaldi 2016 (Duchi et al. 2011).

    a <- momentum a + g^2; s <- momentum s - g / (1/rate + sqrt a); z <- z + s. The rate only bounds the steps. Raises
    ValueError unless the rate is above 0 and the momentum within 0 ... 1.

    >>> import numpy as np
    >>> from refvis.optimisation.optimisers import AdaGrad
    >>> optimiser, z = AdaGrad(1e6), np.zeros((1, 1, 1, 2))
    >>> gradient = np.array([1.0, 100.0]).reshape(1, 1, 1, 2)
    >>> optimiser.step(z, gradient, optimiser.initial_memory(z), number=1, steps=9)[0].ravel().round(3)
    array([-1., -1.])
    """

    rate: float
    momentum: float = 0.9
    schedule: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        """Check the numbers."""
        require(self.rate != 0, "AdaGrad's rate", self.rate, "a number above 0")
        _check_numbers(self)

    def initial_memory(self, z: Array) -> Memory:
        """Return a velocity and sums of squares of zero."""
        return {"velocity": array_module(z).zeros_like(z), "squares": array_module(z).zeros_like(z)}

    def step(self, z: Array, gradient: Array, memory: Memory, number: int, steps: int) -> tuple[Array, Memory]:
        """Take the step."""
        rate = self.rate * self.schedule.factor(number, steps)
        squares = self.momentum * memory["squares"] + gradient * gradient
        velocity = self.momentum * memory["velocity"] - gradient / (1 / rate + array_module(z).sqrt(squares))
        return z + velocity, {"velocity": velocity, "squares": squares}


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015) with moments 0.9 and 0.999; its default schedule is `Cosine`.

    Its steps are about as long as the rate at any scale of the objective. Raises ValueError for a negative rate.

    >>> import numpy as np
    >>> from refvis.optimisation.optimisers import Adam
    >>> optimiser, z = Adam(0.5), np.zeros((1, 1, 1, 2))
    >>> gradient = np.array([1.0, 100.0]).reshape(1, 1, 1, 2)
    >>> optimiser.step(z, gradient, optimiser.initial_memory(z), number=1, steps=9)[0].ravel().round(3)
    array([-0.5, -0.5])
    """

    rate: float
    schedule: Schedule = field(default_factory=Cosine)

    def __post_init__(self) -> None:
        """Check the rate."""
        require_amount("Adam's rate", self.rate)

    def initial_memory(self, z: Array) -> Memory:
        """Return moments of zero."""
        return {"first": array_module(z).zeros_like(z), "second": array_module(z).zeros_like(z)}

    def step(self, z: Array, gradient: Array, memory: Memory, number: int, steps: int) -> tuple[Array, Memory]:
        """Take the step."""
        first = memory["first"] + (1 - FIRST_MOMENT) * (gradient - memory["first"])
        second = memory["second"] + (1 - SECOND_MOMENT) * (gradient * gradient - memory["second"])
        size = array_module(z).sqrt(second / (1 - SECOND_MOMENT**number)) + TINY
        rate = self.rate * self.schedule.factor(number, steps) / (1 - FIRST_MOMENT**number)
        return z - np.dtype(z.dtype).type(rate) * first / size, {"first": first, "second": second}


def _check_numbers(optimiser: Momentum | AdaGrad) -> None:
    """Raise ValueError unless the rate is at least 0, and the momentum from 0 to below 1."""
    name = type(optimiser).__name__
    require_amount(f"{name}'s rate", optimiser.rate)
    require(0 <= optimiser.momentum < 1, f"{name}'s momentum", optimiser.momentum, "a number from 0 to below 1")
