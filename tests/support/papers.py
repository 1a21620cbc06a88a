"""The linear rules of relevance as their papers write them, on dense matrices: every R_dk stands in an array.

`Received` holds what each input gets, the sum of the absolute R_dk behind it (what rounding is measured by), and the
three amounts that a `Booking` has. Nothing here calls the code under test.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
from support.dense import Block

Stabilise = Callable[[np.ndarray], np.ndarray]


class Received(NamedTuple):
    """Relevance (N x D), the absolute sum behind it (N x D), and what stayed: bias, stabiliser, zero."""

    relevance: np.ndarray
    size: np.ndarray
    stayed: np.ndarray


def signed(z: np.ndarray, eps: float) -> np.ndarray:
    """z + eps where z >= 0, else z - eps."""
    return np.where(z >= 0, z + eps, z - eps)


def dealt(block: Block, c: np.ndarray, own: np.ndarray, R: np.ndarray, eps: float, bias: str) -> Received:
    """R_kd = c_kd / (sum over d of c_kd + own_k + stabiliser) R_k; a spread bias goes evenly to whom k reads."""
    z = c.sum(axis=2) + (0 if bias == "absent" else own)
    d = signed(z, eps)
    share = np.divide(R, d, out=np.zeros_like(R), where=d != 0)
    parts = c * share[:, :, None]
    kept, nobody = (0.0 if bias == "absent" else float((share * own).sum())), 0.0
    if bias == "spread":
        readers = block.reach.sum(axis=1)
        each = np.divide(share * own, readers, out=np.zeros_like(share), where=readers > 0)
        parts = parts + each[:, :, None] * block.reach
        kept, nobody = 0.0, float((share * own)[:, readers == 0].sum())
    stayed = np.array([kept, float((share * (d - z)).sum()), float(R[d == 0].sum()) + nobody])
    return Received(parts.sum(axis=1), np.abs(parts).sum(axis=1), stayed)


def both(*several: Received) -> Received:
    """Add up."""
    return reduce(lambda one, other: Received(*(a + b for a, b in zip(one, other, strict=True))), several)


def plus(values: np.ndarray) -> np.ndarray:
    """max(v, 0)."""
    return np.where(values > 0, values, 0.0)


def minus(values: np.ndarray) -> np.ndarray:
    """min(v, 0)."""
    return np.where(values < 0, values, 0.0)


def terms(block: Block) -> np.ndarray:
    """c_kd = w_kd x_d."""
    return block.W * block.x[:, None, :]


def epsilon(block: Block, R: np.ndarray, eps: float = 1e-6, bias: str = "booked") -> Received:
    """Bach et al. 2015, equations 56 (eps = 0) and 58."""
    return dealt(block, terms(block), block.b, R, eps, bias)


def parted(block: Block, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Positive and negative c_kd, by the sign of the product or by that of the weight."""
    c = terms(block)
    sign = c if split == "both" else block.W
    return np.where(sign > 0, c, 0.0), np.where(sign < 0, c, 0.0)


def alpha_beta(
    block: Block,
    R: np.ndarray,
    alpha: float = 2,
    beta: float = 1,
    eps: float = 1e-6,
    bias: str = "booked",
    modify_bias: bool = True,
    split: str = "both",
) -> Received:
    """Bach et al. 2015, equation 60."""
    P, N = parted(block, split)
    b_plus, b_minus = (plus(block.b), minus(block.b)) if modify_bias else (block.b, block.b)
    return both(dealt(block, P, b_plus, alpha * R, eps, bias), dealt(block, N, b_minus, -beta * R, eps, bias))


def gamma(
    block: Block,
    R: np.ndarray,
    gamma: float = 0.25,
    eps: float = 1e-6,
    bias: str = "booked",
    modify_bias: bool = True,
    split: str = "both",
    sign_of: str = "denominator",
) -> Received:
    """Montavon et al. 2019, section 10.2.2 (split by weights), and its form for outputs of either sign."""
    P, N = parted(block, split)
    y = terms(block).sum(axis=2) + (0 if bias == "absent" and sign_of == "denominator" else block.b)
    up = np.ones_like(R) if split == "weights" else (y >= 0).astype(float)

    def part(R: np.ndarray, F: np.ndarray, f: np.ndarray) -> Received:
        return dealt(block, P + N + gamma * F, block.b + (gamma * f if modify_bias else 0), R, eps, bias)

    return both(part(R * up, P, plus(block.b)), part(R * (1 - up), N, minus(block.b)))


def w_square(block: Block, R: np.ndarray, eps: float = 0, bias: str = "absent") -> Received:
    """Montavon et al. 2017: in proportion to w_kd^2 (a bias that takes part: b_k^2)."""
    return dealt(block, block.W**2, block.b**2, R, eps, bias)


def flat(block: Block, R: np.ndarray, eps: float = 0, bias: str = "absent") -> Received:
    """In proportion to 1, for whom k reads (and a bias that takes part)."""
    own = np.full(block.b.shape, float(block.biased))
    return dealt(block, np.broadcast_to(block.reach, block.W.shape) * 1.0, own, R, eps, bias)


def box(
    block: Block, R: np.ndarray, low: Any = None, high: Any = None, eps: float = 1e-6, bias: str = "absent"
) -> Received:
    """Montavon et al. 2017: c_kd = x_d w_kd - l_d w+_kd - h_d w-_kd."""
    low = block.x.min(axis=1, keepdims=True) if low is None else np.full((len(block.x), 1), low)
    high = block.x.max(axis=1, keepdims=True) if high is None else np.full((len(block.x), 1), high)
    c = terms(block) - low[:, :, None] * plus(block.W) - high[:, :, None] * minus(block.W)
    return dealt(block, c, block.b, R, eps, bias)


def excitation(block: Block, R: np.ndarray, signed: str = "clamp", eps: float = 1e-6, sign: int = 1) -> Received:
    """Zhang et al. 2016, equation 3, with the weights W (sign 1) or -W (sign -1); no bias."""
    x = {"clamp": plus(block.x), "shift": block.x - minus(block.x.min(axis=1, keepdims=True)), "keep": block.x}[signed]
    return dealt(block, plus(sign * block.W) * x[:, None, :], block.b, R, eps, "absent")


def contrastive(block: Block, R: np.ndarray, **options: Any) -> Received:
    """Zhang et al. 2016, section 3.3: excitation by W, less that by -W."""
    return both(excitation(block, R, **options), excitation(block, -R, sign=-1, **options))


z_plus = partial(alpha_beta, alpha=1, beta=0)
