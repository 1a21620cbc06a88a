"""Regularisers of an image x (N x H x W x C): each returns its value per image (N) and its gradient (shape of x).

Mahendran & Vedaldi (2015, section 3; 2016, IJCV): they favour natural images. Each is a mean over positions, of values
in units of the typical size sigma of an image's values, so weights mean the same for any image size. L2 decay (Simonyan
et al. 2014) is `lp` with p = 2.
"""

from refvis.layers import Array, array_module


def lp(x: Array, p: float, sigma: float) -> tuple[Array, Array]:
    """L-p term: mean over positions and channels of ``|x / sigma|^p``, and its gradient; it keeps values small.

    >>> import numpy as np
    >>> from refvis.optimisation.regularisers import lp
    >>> value, gradient = lp(np.array([[[[1.0], [-3.0]]]]), p=2.0, sigma=1.0)
    >>> value, gradient.ravel()
    (array([5.]), array([ 1., -3.]))
    """
    xp = array_module(x)
    scaled = xp.abs(x) / sigma
    slope = scaled ** (p - 1)
    count = x[0].size
    return (slope * scaled).sum(axis=(1, 2, 3)) / count, (p / (sigma * count)) * xp.sign(x) * slope


def colour_norm(x: Array, p: float, sigma: float) -> tuple[Array, Array]:
    """Mean over positions of ``|x_ij / sigma|^p``, with the Euclidean norm of a pixel's channels, and its gradient.

    It is the alpha norm of Mahendran & Vedaldi 2016. The gradient at a pixel of zero is defined as zero.

    >>> import numpy as np
    >>> from refvis.optimisation.regularisers import colour_norm
    >>> colour_norm(np.array([[[[3.0, 4.0]]]]), p=2.0, sigma=1.0)
    (array([25.]), array([[[[6., 8.]]]]))
    """
    squared = ((x / sigma) ** 2).sum(axis=3, keepdims=True)
    count = x.shape[1] * x.shape[2]
    value = (squared ** (p / 2)).sum(axis=(1, 2, 3)) / count
    return value, (p / (sigma * count)) * _power(squared, p / 2 - 1) * (x / sigma)


def excess(x: Array, bound: float, sigma: float) -> tuple[Array, Array]:
    """Range term: mean over positions and channels of ``(max(0, |x| - bound) / sigma)^2``, and its gradient.

    It is zero within the bound: a soft constraint, where the projection `Bound` is a hard one.

    >>> import numpy as np
    >>> from refvis.optimisation.regularisers import excess
    >>> excess(np.array([[[[3.0], [1.0]]]]), bound=1.0, sigma=1.0)[0]
    array([2.])
    """
    xp = array_module(x)
    beyond = xp.maximum(xp.abs(x) - bound, 0) / sigma
    count = x[0].size
    return (beyond * beyond).sum(axis=(1, 2, 3)) / count, (2 / (sigma * count)) * xp.sign(x) * beyond


def total_variation(x: Array, beta: float, sigma: float) -> tuple[Array, Array]:
    """TV^beta term: mean over positions and channels of (dy^2 + dx^2)^(beta/2), and its gradient.

    dy and dx are the differences to the next pixel below and to the right, in units of sigma; at the border they are
    zero. Where both are zero, the gradient is defined as zero (for beta < 2 it has no limit there).

    >>> import numpy as np
    >>> from refvis.optimisation.regularisers import total_variation
    >>> value, gradient = total_variation(np.array([[[[0.0], [4.0], [0.0]]]]), beta=2.0, sigma=1.0)
    >>> value.round(2), gradient.ravel().round(2)
    (array([10.67]), array([-2.67,  5.33, -2.67]))
    """
    xp = array_module(x)
    dy, dx = xp.zeros_like(x), xp.zeros_like(x)
    dy[:, :-1] = (x[:, 1:] - x[:, :-1]) / sigma
    dx[:, :, :-1] = (x[:, :, 1:] - x[:, :, :-1]) / sigma
    squared = dy * dy + dx * dx
    count = x[0].size
    value = (squared ** (beta / 2)).sum(axis=(1, 2, 3)) / count
    slope = _power(squared, beta / 2 - 1) * (beta / (sigma * count))
    down, right = slope * dy, slope * dx
    gradient = -down - right
    gradient[:, 1:] += down[:, :-1]
    gradient[:, :, 1:] += right[:, :, :-1]
    return value, gradient


def _power(squared: Array, exponent: float) -> Array:
    """Return squared^exponent, and 0 where `squared` is 0, whatever the exponent."""
    xp = array_module(squared)
    zero = squared == 0
    return xp.where(zero, 0, xp.where(zero, 1, squared) ** exponent)
