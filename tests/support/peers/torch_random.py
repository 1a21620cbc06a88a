"""A random layer with the function of PyTorch that computes the same, and the random numbers that it is made of.

Functions turn axes into PyTorch's and back, so that PyTorch's gradients have this project's axes, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

Tensor = torch.Tensor
Theirs = Callable[..., Tensor]


@dataclass(frozen=True)
class Case:
    """A layer, its inputs, and `theirs`, which takes the inputs and by name the parameters.

    parameters   the fields that have gradients
    fixed        how many of the last inputs have no gradient (labels)
    terms        of the longest sum
    linear       whether every result is a sum of products, so that its rounding follows from the products' sizes
    """

    layer: Any
    inputs: tuple[np.ndarray, ...]
    theirs: Theirs
    parameters: tuple[str, ...] = ()
    fixed: int = 0
    linear: bool = False
    roundings: int = 4
    sizes: Callable[[np.ndarray], dict[str, np.ndarray]] = lambda signal: {}


@dataclass(frozen=True)
class Draw:
    """Random numbers for one case."""

    random: np.random.Generator
    dtype: Any

    def normal(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape).astype(self.dtype)

    def positive(self, *shape: int) -> np.ndarray:
        return self.random.uniform(0.5, 2, shape).astype(self.dtype)

    def whole(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high, endpoint=True))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.whole(low, high), self.whole(low, high)

    def chance(self) -> bool:
        return bool(self.random.integers(2))

    def shape(self) -> tuple[int, int, int, int]:
        """Return N, H, W, C, all different."""
        n, c = self.random.permutation([2, 3, 4, 5])[:2]
        h, w = self.random.permutation([6, 7, 8, 9, 11])[:2]
        return int(n), int(h), int(w), int(c)

    def pads(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return pads below the window's size: top, bottom, left, right."""
        return tuple(self.whole(0, size[axis] - 1) for axis in (0, 0, 1, 1))


def nchw(x: Tensor) -> Tensor:
    """Return N x H x W x C as N x C x H x W."""
    return x.permute(0, 3, 1, 2)


def nhwc(y: Tensor) -> Tensor:
    """Return N x C x H x W as N x H x W x C."""
    return y.permute(0, 2, 3, 1)


def wide(x: Tensor, pads: tuple[int, int, int, int], value: float = 0.0) -> Tensor:
    """Return N x H x W x C as N x C x H x W with a border."""
    top, bottom, left, right = pads
    return functional.pad(nchw(x), (left, right, top, bottom), value=value)
