"""The gradient of maximum pooling, fast: tap by tap as its definition, in memory that all taps share.

Windows that do not overlap give each pixel at most one signal, which is then written instead of added. It is the same
gradient, bit for bit. CuPy's arrays go to `pool_gather`.
"""

import numpy as np

from refvis.layers import pool, pool_gather
from refvis.layers.arrays import Array, array_module
from refvis.layers.border import cropped, padded
from refvis.layers.exactness import twin_of
from refvis.layers.masks import keep
from refvis.layers.memory import empty, filled
from refvis.layers.pool import Pool, taps


@twin_of(pool.gradient)
def gradient(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return what ``pool.gradient`` returns."""
    xp = array_module(signal, output, x)
    if xp is not np and layer.method == "max":
        return (pool_gather.gradient(layer, signal, output, x),)
    if layer.method != "max" or xp.isnan(output).any():
        return pool.gradient(layer, signal, output, x)
    wide = padded(x, layer.pad, xp.nan)  # NaN, the border, is equal to nothing
    back, share = filled(wide.shape, wide, 0), empty(signal.shape, signal)
    free, wins = filled(signal.shape, signal, True, bool), empty(signal.shape, signal, bool)
    apart = all(size <= step for size, step in zip(layer.size, layer.stride, strict=True))  # type: ignore[arg-type]
    if apart:
        signal = xp.add(signal, 0, out=share)  # -0 becomes +0, as it does in a sum
    for rows, columns in taps(layer, x.shape):
        xp.equal(wide[:, rows, columns], output, out=wins)
        wins &= free
        free ^= wins
        keep(signal, wins, back[:, rows, columns] if apart else share)
        if not apart:
            back[:, rows, columns] += share
    return (cropped(back, layer.pad, x.shape),)
