"""Regularisers of an image x (N x H x W x C): each returns its value per image (N) and its gradient (shape of x).

Mahendran & Vedaldi 2015, section 3: both keep a reconstruction among images that could be seen. They are means over
positions, of values in units of a typical image size sigma, so their weights mean the same for any image size.
"""

from refvis.layers import Array, array_module


def lp(x: Array, p: float, sigma: float) -> tuple[Array, Array]:
    """L-p term: mean over positions and channels of |x / sigma|^p, and its gradient; it bounds the range of values."""
    xp = array_module(x)
    scaled = xp.abs(x) / sigma
    count = x[0].size
    value = (scaled**p).sum(axis=(1, 2, 3)) / count
    return value, (p / (sigma * count)) * xp.sign(x) * scaled ** (p - 1)


def total_variation(x: Array, beta: float, sigma: float) -> tuple[Array, Array]:
    """TV^beta term: mean over positions and channels of (dy^2 + dx^2)^(beta/2), and its gradient.

    dy and dx are the differences to the next pixel below and to the right, in units of sigma; beyond the border they
    are zero. Where both vanish, the gradient is taken as zero (for beta < 2 it has no limit there).
    """
    xp = array_module(x)
    dy, dx = xp.zeros_like(x), xp.zeros_like(x)
    dy[:, :-1] = (x[:, 1:] - x[:, :-1]) / sigma
    dx[:, :, :-1] = (x[:, :, 1:] - x[:, :, :-1]) / sigma
    squared = dy * dy + dx * dx
    count = x[0].size
    value = (squared ** (beta / 2)).sum(axis=(1, 2, 3)) / count
    flat = squared == 0
    slope = xp.where(flat, 0, xp.where(flat, 1, squared) ** (beta / 2 - 1)) * (beta / (sigma * count))
    down, right = slope * dy, slope * dx
    gradient = -down - right
    gradient[:, 1:] += down[:, :-1]
    gradient[:, :, 1:] += right[:, :, :-1]
    return value, gradient
