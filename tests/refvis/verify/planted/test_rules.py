"""Planted bugs of rules of relevance, on the matrix W of contributions: R_d = sum_k c_kd / (z_k + e_k) R_k.

A rule is written for one image with K x D weights W, D inputs x, K biases b and K relevances R. A convolution is made
such a matrix first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason

EPS = 1e-6
Rule = Callable[..., np.ndarray]


def shared(c: np.ndarray, b: Any, R: np.ndarray, eps: float = EPS, unsigned: bool = False) -> np.ndarray:
    """Return the sum over k of c / z R, with z moved away from zero by eps; nothing where z is 0."""
    z = c.sum(axis=1) + b
    z = z + eps * (1 if unsigned else np.where(z >= 0, 1, -1))
    return (c * np.divide(R, z, out=np.zeros_like(R), where=z != 0)[:, None]).sum(axis=0)


def epsilon(W: np.ndarray, reach: Any, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    if bug == "not_times_x":
        z = W @ x + b
        return W.T @ (R / (z + EPS * np.where(z >= 0, 1, -1)))
    bias = 0 if bug == "no_bias" else b
    return shared(W * x, bias, R, eps=0 if bug == "no_epsilon" else EPS, unsigned=bug == "unsigned_epsilon")


def alpha_beta(W: np.ndarray, reach: Any, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    c = W * x
    up = shared(np.maximum(c, 0), np.maximum(b, 0), R)
    z = np.minimum(c, 0).sum(axis=1) + np.minimum(b, 0)
    down = np.minimum(c, 0).T @ (R / (z + EPS * np.where(z >= 0, 1, -1)))
    if bug == "beta_added":
        return 2 * up + down
    return 2 * up if bug == "no_beta" else 2 * up - down


def z_plus(W: np.ndarray, reach: Any, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    if bug == "weights_clamped":
        return shared(np.maximum(W, 0) * x, np.maximum(b, 0), R)
    if bug == "inputs_clamped":
        return shared(W * np.maximum(x, 0), np.maximum(b, 0), R)
    return shared(np.maximum(W * x, 0), np.maximum(b, 0), R)


def gamma(W: np.ndarray, reach: Any, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    c = W * x
    sign = np.where(c.sum(axis=1) + b >= 0, 1, -1)
    if bug == "other_sign":
        sign = -sign
    if bug == "positive_only":
        sign = np.ones_like(sign)
    favoured = c + 0.25 * np.where(np.sign(c) == sign[:, None], c, 0)
    bias = b + 0.25 * np.where(np.sign(b) == sign, b, 0)
    z = favoured.sum(axis=1) + bias
    z = z + EPS * (np.where(z >= 0, 1, -1))
    return favoured.T @ (R / z)


def w_square(W: np.ndarray, reach: Any, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    return shared(np.abs(W) if bug == "not_squared" else W**2 * (x if bug == "times_x" else 1), 0, R, eps=0)


def flat(W: np.ndarray, reach: np.ndarray, x: np.ndarray, b: Any, R: Any, bug: str, size: int) -> np.ndarray:
    taps = (W != 0).astype(W.dtype) if bug == "zero_weights_left_out" else reach
    if bug == "padding_counts":
        return taps.T @ (R / size)
    return shared(taps, 0, R, eps=0)


def connected(layer: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a fully connected layer's matrix, its mask of ones, and its biases."""
    biases = layer.biases if layer.biases is not None else np.zeros(len(layer.weights), layer.weights.dtype)
    return layer.weights, np.ones_like(layer.weights), biases


def convolved(layer: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a convolution's matrix over C x H x W inputs, the mask of its taps, and a bias for each output."""
    channels, height, width = shape
    filters = layer.filters if layer.filters is not None else np.ones((channels, 1, 1, 1), layer.biases.dtype)
    K, group, rows, columns = filters.shape
    top, bottom, left, right = layer.pad
    (sy, sx), (dy, dx) = layer.stride, layer.dilate
    places_y = range(-top, height + bottom - (rows - 1) * dy, sy)
    places_x = range(-left, width + right - (columns - 1) * dx, sx)
    W = np.zeros((K, len(places_y), len(places_x), *shape), filters.dtype)
    reach = np.zeros_like(W)
    for k, c, u, v in np.ndindex(filters.shape):
        for i, j in np.ndindex(len(places_y), len(places_x)):
            a, b = places_y[i] + u * dy, places_x[j] + v * dx
            if 0 <= a < height and 0 <= b < width:
                where = (k, i, j, k // (K // (channels // group)) * group + c, a, b)
                W[where], reach[where] = filters[k, c, u, v], 1
    biases = layer.biases if layer.biases is not None else np.zeros(K, filters.dtype)
    inputs = int(np.prod(shape))
    return W.reshape(-1, inputs), reach.reshape(-1, inputs), biases.repeat(len(places_y) * len(places_x))


RULES: dict[str, Rule] = {one.__name__: one for one in (epsilon, alpha_beta, z_plus, gamma, w_square, flat)}


def rule_backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "", rule: str = "") -> Any:
    matrix = connected if hasattr(layer, "weights") else convolved
    W, reach, b = matrix(layer, x.shape[1:])
    filters = getattr(layer, "filters", None)
    size = W.shape[1] if hasattr(layer, "weights") else 1 if filters is None else filters[0].size
    images = zip(x.reshape(len(x), -1), signal.reshape(len(x), -1), strict=True)
    return np.stack([RULES[rule](W, reach, one, b, R, bug, size) for one, R in images]).reshape(x.shape).astype(x.dtype)


def of(rule: str) -> Any:
    def backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> Any:
        return rule_backward(layer, signal, output, x, bug, rule)

    return backward


DENSE = "fully_connected"
BUGS = (
    Planted("unsigned_epsilon", of("epsilon"), f"epsilon at {DENSE}", "positive|unsigned|sign", slow=True),
    Planted("no_epsilon", of("epsilon"), f"epsilon at {DENSE}", "eps=0|stabiliser", slow=True),
    Planted("no_bias", of("epsilon"), f"epsilon at {DENSE}", "bias"),
    Planted("not_times_x", of("epsilon"), f"epsilon at {DENSE}", "multipl|times"),
    Planted("no_beta", of("alpha_beta"), f"alpha_beta at {DENSE}", "beta|negative", slow=True),
    Planted("beta_added", of("alpha_beta"), f"alpha_beta at {DENSE}", "beta|negative|sign", slow=True),
    Planted("weights_clamped", of("z_plus"), f"z_plus at {DENSE}", "sign of w|weights", slow=True),
    Planted(
        "inputs_clamped",
        of("z_plus"),
        f"z_plus at {DENSE}",
        "sign of x|input",
        slow=True,
        missed="no answer clamps the inputs only",
    ),
    Planted(
        "other_sign",
        of("gamma"),
        f"gamma at {DENSE}",
        "sign",
        slow=True,
        missed="no answer favours contributions of the other sign",
    ),
    Planted(
        "positive_only",
        of("gamma"),
        f"gamma at {DENSE}",
        "positive|sign",
        slow=True,
        missed="no answer favours positive contributions whatever the sign of the output",
    ),
    Planted(
        "not_squared",
        of("w_square"),
        "w_square at conv",
        "squar|absolute",
        slow=True,
        missed="no answer takes the sizes of weights",
    ),
    Planted(
        "times_x",
        of("w_square"),
        "w_square at conv",
        "multipl|times|input",
        slow=True,
        missed="no answer multiplies the squares by the input",
    ),
    Planted(
        "zero_weights_left_out",
        of("flat"),
        "flat at conv",
        "zero|weight",
        slow=True,
        missed="no answer leaves weights of zero out",
    ),
    Planted(
        "padding_counts",
        of("flat"),
        "flat at conv",
        "pad|border",
        slow=True,
        missed="no answer counts taps on the padding",
    ),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rule", RULES)
def test_a_right_rule_agrees(rule: str, seed: int) -> None:
    kind = "conv" if rule in ("w_square", "flat") else DENSE
    require_agreement(of(rule), f"{rule} at {kind}", seed, moves=kind == "conv")
