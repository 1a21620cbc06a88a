"""Kernel of the convolution's gradient on a GPU: one kernel adds up the maps of all taps."""

from refvis.layers.base.arrays import Array
from refvis.layers.base.geometry import dilated_size
from refvis.layers.conv import Conv
from refvis.layers.fast.kernels import Kernel

GRADIENT = Kernel(
    "conv_taps",
    """const real* maps, const whole plane, const whole image, const whole line,
    const whole channels, const whole count, const whole height, const whole width,
    const whole rows, const whole columns, const whole size_y, const whole size_x,
    const whole sy, const whole sx, const whole down, const whole across""",
    """
        const whole b = i % width, a = i / width % height, n = i / width / height % count;
        const whole c = i / width / height / count;
        const whole place = c * plane + n * image + a * line + b;
        real total = target[place];
        for (whole u = 0; u < size_y; u++) {
            const whole y = a - u * down, p = y / sy;
            if (y < 0 || y % sy || p >= rows) continue;
            for (whole v = 0; v < size_x; v++) {
                const whole z = b - v * across, q = z / sx;
                if (z < 0 || z % sx || q >= columns) continue;
                total += maps[((((u * size_x + v) * channels + c) * count + n) * rows + p) * columns + q];
            }
        }
        target[place] = total;
    """,
)


def add_maps(layer: Conv, maps: Array, planes: Array) -> None:
    """Add maps to the planes as ``conv_strided.add_maps`` does, in the same order of taps."""
    size, (rows, columns) = maps.shape[:2], maps.shape[4:]
    (sy, sx), (down, across) = layer.stride, layer.dilate
    covered = (rows - 1) * sy + dilated_size(size[0], down), (columns - 1) * sx + dilated_size(size[1], across)
    met = planes[:, :, : covered[0], : covered[1]]
    steps = (step // planes.itemsize for step in planes.strides[:3])
    GRADIENT(met, maps, *steps, *met.shape, rows, columns, *size, sy, sx, down, across)
