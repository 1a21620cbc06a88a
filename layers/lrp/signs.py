"""Rules that treat positive and negative contributions apart: gamma, alpha-beta, z+.

With P_kd and N_kd the positive and negative contributions of input d to output k, and b+, b- those of the bias,

    alpha-beta:  R_d = sum_k ( alpha P_kd / (sum P_k + b+_k)  -  beta N_kd / (sum N_k + b-_k) ) R_k
    z+:          the same with alpha = 1, beta = 0
    gamma:       R_d = sum_k ( P_kd + N_kd + gamma F_kd ) / ( y_k + gamma (sum F_k + f_k) ) R_k

where F is P and f is b+ if y_k > 0, and F is N and f is b- if y_k < 0 (zennit's form, after Andeol et al. 2021).

The parameter `split` decides which contributions count as positive:

    "both":     P = x+ w+ + x- w-,  N = x+ w- + x- w+    the sign of each product (Bach et al. 2015, eq. 60; zennit)
    "weights":  P = x w+,           N = x w-             the sign of the weight (captum; Montavon et al. 2019). Both
                                                         agree for x >= 0 only; gamma then favours P for every k

The bias is changed like the weights (b+ goes with w+, as in zennit), or with modify_bias=False kept whole (captum).
"""

from collections.abc import Callable
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.lrp.booking import Booking, total
from refvis.layers.lrp.linear import Linear, linear, negative, positive
from refvis.layers.lrp.shares import Relevance, account_for_bias, change_bias, quotient, sums, with_bias, zeros
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser, stabiliser

SPLITS = ("both", "weights")
SIGNS = ("denominator", "output")

Pieces = tuple[Linear, ...]
Change = Callable[[Array], Array]


def contributions(part: Linear, split: str, sign: Change) -> Pieces:
    """Return the layers with inputs whose products are the contributions of one sign, `positive` or `negative`."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")
    same = part.weighted(sign)
    if split == "weights" or all((x >= 0).all() for x in part.inputs):
        return present(same)
    other = part.weighted(negative if sign is positive else positive)
    return present(same and same.on(positive), other and other.on(negative))


def present(*pieces: Linear | None) -> Pieces:
    """Return the pieces that are not None."""
    return tuple(piece for piece in pieces if piece is not None)


def contributions_of(pieces: Pieces, like: Array) -> Array:
    """Return the sum of the contributions to each output (shape and dtype of `like`)."""
    outputs = [piece.forward() for piece in pieces]
    return sum(outputs[1:], outputs[0]) if outputs else array_module(like).zeros_like(like)


def relevance_of(pieces: Pieces, share: Array) -> Relevance:
    """Return the relevance of each input for its contributions; () if there are none."""
    return sums(*(piece.relevance(share) for piece in pieces))


def alpha_beta(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    alpha: float = 2.0,
    beta: float = 1.0,
    eps: float | Stabiliser = EPSILON,
    bias: str = "booked",
    modify_bias: bool = True,
    split: str = "both",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Alpha-beta rule (Bach et al. 2015, equation 60): P shares alpha R, and N shares -beta R.

        R_d = sum_k ( alpha P_kd / (sum P_k + b+_k)  -  beta N_kd / (sum N_k + b-_k) ) R_k

    P and N are the positive and negative contributions. Parameters beside those of `epsilon`:

        alpha        factor of the relevance that goes to positive contributions. Default 2
        beta         factor of the relevance that negative contributions take. Default 1; alpha - beta is 1
        modify_bias  whether b+ goes with P and b- with N (default), or b with both
        split        when a contribution counts as positive: by the sign of the product, "both" (default), or by that
                     of the weight, "weights"

    Returns one array for each input, in its shape and dtype. Raises ValueError unless alpha - beta = 1 and beta >= 0,
    and for another name of `bias` or `split`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[2.0, -1.0]]))
    >>> x = np.array([3.0, 2.0]).reshape(1, 1, 1, 2)  # contributions 6 and -2
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 10.0), None, x, rule=layers.lrp.alpha_beta)[0].round(3).ravel()
    array([ 20., -10.])
    """
    if not (abs(alpha - beta - 1) <= 1e-9 and beta >= 0):
        raise ValueError(f"alpha is {alpha} and beta {beta}, expected alpha - beta = 1 and beta >= 0")
    part = linear(layer, *inputs)
    relevance = zeros(part)
    for factor, sign in (alpha, positive), (-beta, negative):
        if factor:
            pieces = contributions(part, split, sign)
            values = change_bias(part.bias, sign) if modify_bias else part.bias
            weighted = signal if factor == 1 else signal * signal.dtype.type(factor)
            share = quotient(weighted, with_bias(contributions_of(pieces, signal), values, bias), eps, book)
            relevance = sums(relevance, relevance_of(pieces, share))
            relevance = account_for_bias(relevance, part, share, values, bias, book)
    return part.to_inputs(relevance)


def z_plus(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = EPSILON,
    bias: str = "booked",
    modify_bias: bool = True,
    split: str = "both",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """z+ rule (Montavon et al. 2017): relevance in proportion to the positive contributions.

        R_d = sum_k P_kd / (sum P_k + b+_k) R_k

    It is `alpha_beta` with alpha = 1 and beta = 0. Parameters, return value and errors are those of `alpha_beta`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[2.0, 1.0, -1.0]]))
    >>> x = np.array([3.0, 2.0, 1.0]).reshape(1, 1, 1, 3)  # contributions 6, 2 and -1
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 4.0), None, x, rule=layers.lrp.z_plus)[0].round(3).ravel()
    array([3., 1., 0.])
    """
    options: dict[str, Any] = {"eps": eps, "bias": bias, "modify_bias": modify_bias, "split": split, "book": book}
    return alpha_beta(layer, signal, output, *inputs, alpha=1.0, beta=0.0, **options)


def gamma(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    gamma: float = 0.25,
    eps: float | Stabiliser = EPSILON,
    bias: str = "booked",
    modify_bias: bool = True,
    split: str = "both",
    sign_of: str = "denominator",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Gamma rule (Montavon et al. 2019, section 10.2.1): contributions of the sign of y count 1 + gamma times.

        R_d = sum_k ( P_kd + N_kd + gamma F_kd ) / ( y_k + gamma (sum F_k + f_k) ) R_k

    where F is P and f is b+ if y_k > 0, and F is N and f is b- if y_k < 0. An output that is exactly 0 has the sign
    that the stabiliser gives to zero. Parameters beside those of `epsilon`:

        gamma        how much the favoured contributions count in addition. Default 0.25; 0 gives the epsilon rule
        modify_bias  whether f is the part of b with that sign (default), or 0: the bias then counts once
        split        when a contribution counts as positive: by the sign of the product, "both" (default), or by that
                     of the weight, "weights"; with "weights", F is P for every k
        sign_of      whose sign chooses F where the bias is "absent": that of the "denominator" (default: y without its
                     bias), or that of the "output" (y with it; zennit with zero_params="bias")

    Returns one array for each input, in its shape and dtype. Raises ValueError unless gamma >= 0, and for another name
    of `bias`, `split` or `sign_of`.

    >>> import numpy as np
    >>> from functools import partial
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[2.0, -1.0]]))
    >>> x = np.array([3.0, 2.0]).reshape(1, 1, 1, 2)  # contributions 6, which counts twice, and -2
    >>> rule = partial(layers.lrp.gamma, gamma=1.0)
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 10.0), None, x, rule=rule)[0].round(3).ravel()
    array([12., -2.])
    """
    if not gamma >= 0:
        raise ValueError(f"gamma is {gamma}, expected 0 or more")
    if sign_of not in SIGNS:
        raise ValueError(f"sign_of is {sign_of!r}, expected one of {', '.join(SIGNS)}")
    part = linear(layer, *inputs)
    up, down = (contributions(part, split, sign) for sign in (positive, negative))
    P, N = contributions_of(up, signal), contributions_of(down, signal)
    own = None if bias == "absent" else part.bias
    deciding = part.bias if sign_of == "output" else own
    sign = stabiliser(eps).sign(P + N if deciding is None else P + N + deciding)
    if split == "both":
        favoured = [(signal * ~(sign <= 0), P, positive), (signal * (sign < 0), N, negative)]
        if book is not None:
            book.zero += total(signal * (sign == 0))
    else:
        favoured = [(signal, P, positive)]
    g, shares, relevance = signal.dtype.type(gamma), [], zeros(part)
    for own_signal, F, change in favoured:
        values = own if own is None or not modify_bias else own + g * change(own)
        shares.append(quotient(own_signal, with_bias(P + N + g * F, values, bias), eps, book))
        relevance = account_for_bias(relevance, part, shares[-1], values, bias, book)
    first, second = shares if len(shares) == 2 else (shares[0], array_module(signal).zeros_like(signal))
    of_positive = relevance_of(up, (1 + g) * first + second)
    of_negative = relevance_of(down, first + (1 + g) * second)
    return part.to_inputs(sums(relevance, of_positive, of_negative))
