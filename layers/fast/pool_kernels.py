"""The gradient of maximum pooling, fast, on a GPU: each pixel collects the signals of those windows that it wins.

The definition goes over all taps, with four array operations for each. Here one kernel goes over all pixels. For each
pixel it looks at the windows that contain it, and adds the signal of those whose maximum it is, if no earlier tap has
the same value. The signals are added in the definition's order of taps, which gives the same sums bit for bit.
"""

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.fast.kernels import Kernel
from refvis.layers.pool import Pool

GRADIENT = Kernel(
    "max_pool_gradient",
    """const real* signal, const real* largest, const real* x, const real infinity,
    const whole height, const whole width, const whole channels, const whole rows, const whole columns,
    const whole size_y, const whole size_x, const whole sy, const whole sx, const whole top, const whole left""",
    """
        const whole c = i % channels, b = i / channels % width, a = i / channels / width % height;
        const whole n = i / channels / width / height;
        const real value = ranked(x[i], infinity);
        real total = 0;  // windows have this pixel as tap (u, v) = (first, first), (first + stride, first), ...
        for (whole v = (b + left) % sx; v < size_x && v <= b + left; v += sx) {
            const whole q = (b + left - v) / sx;
            if (q >= columns) continue;
            for (whole u = (a + top) % sy; u < size_y && u <= a + top; u += sy) {
                const whole p = (a + top - u) / sy;
                if (p >= rows) continue;
                const whole window = ((n * rows + p) * columns + q) * channels + c;
                bool wins = ranked(largest[window], infinity) == value;
                for (whole k = 0; wins && k < v * size_y + u; k++) {  // the taps before this one
                    const whole r = a - u + k % size_y, s = b - v + k / size_y;
                    wins = r < 0 || r >= height || s < 0 || s >= width ||
                           ranked(x[((n * height + r) * width + s) * channels + c], infinity) != value;
                }
                if (wins) total += signal[window];
            }
        }
        target[i] = total;
    """,
    "__device__ real ranked(real value, real infinity) { return value != value ? infinity : value; }",
)


def gradient(layer: Pool, signal: Array, output: Array, x: Array) -> Array:
    """Return dx, as ``pool.gradient`` does, of maximum pooling."""
    dx, (top, _, left, _) = array_module(signal, output, x).empty(x.shape, x.dtype), layer.pad
    geometry = (*x.shape[1:], *output.shape[1:3], *layer.size, *layer.stride, top, left)
    GRADIENT(dx, signal, output, x, float("inf"), *geometry)
    return dx
