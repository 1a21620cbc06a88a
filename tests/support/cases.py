"""Hypothesis strategies: random layers of every type with inputs that fit, and random networks of them.

N, H, W, C and the number of filters K are pairwise different, so that no axis can be taken for another. Values are
signed; "integers" has exact zeros and ties, "sparse" exact zeros.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from refvis import layers
from refvis.layers.exported import resize

FLOATS = ("float32", "float64")
FILLS = ("normal", "integers", "sparse")
CATEGORICAL = ("classerror", "topkerror", "log", "softmaxlog", "mhinge", "mshinge")
ATTRIBUTE = ("binaryerror", "binarylog", "logistic", "hinge")
PROBABILITIES = ("log", "binarylog")

Draw = Callable[[Any], Any]
Shape = tuple[int, ...]


class Case(NamedTuple):
    """A layer and inputs that fit it."""

    layer: Any
    inputs: tuple[np.ndarray, ...]


class Net(NamedTuple):
    """A network and its inputs by name."""

    graph: layers.Graph
    given: dict[str, np.ndarray]


def generators() -> st.SearchStrategy[np.random.Generator]:
    """Random generators; what they draw is not shrunk."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def fill(draw: Draw, shape: Shape, dtype: str = "float64", kinds: tuple[str, ...] = FILLS) -> np.ndarray:
    """Return an array of that shape, filled in one of the ways of FILLS."""
    random, kind = draw(generators()), draw(st.sampled_from(kinds))
    if kind == "integers":
        return random.integers(-2, 3, shape).astype(dtype)
    values = random.normal(size=shape)
    return (values * (random.random(shape) < 0.6) if kind == "sparse" else values).astype(dtype)


def like(draw: Draw, x: np.ndarray) -> np.ndarray:
    """Return a random array of the shape and dtype of x."""
    return fill(draw, x.shape, x.dtype.name)


@st.composite
def shapes(draw: Draw, largest: int = 7) -> Shape:
    """N x H x W x C, pairwise different; N is at most 4."""
    count = draw(st.integers(1, 4))
    rest = draw(st.lists(st.integers(1, largest).filter(lambda n: n != count), min_size=3, max_size=3, unique=True))
    return count, *rest


def window(draw: Draw, extent: int, dilated: bool = True, stride: int = 4) -> tuple[int, int, int, int, int]:
    """Return (size, stride, dilate, pad before, pad after) of a window that fits an axis of that extent."""
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    room = extent + before + after
    size = draw(st.integers(1, min(3, room)))
    most = min(3, (room - 1) // (size - 1)) if size > 1 and dilated else 1
    return size, draw(st.integers(1, stride)), draw(st.integers(1, most)), before, after


def conv_on(draw: Draw, shape: Shape, kinds: tuple[str, ...] = FILLS, **options: Any) -> layers.Conv:
    """Return a convolution with filters for inputs of that shape."""
    (fh, sy, dy, top, bottom), (fw, sx, dx, left, right) = (window(draw, n, **options) for n in shape[1:3])
    groups = draw(st.sampled_from([g for g in range(1, shape[3] + 1) if shape[3] % g == 0]))
    each = draw(st.integers(1, 4).filter(lambda k: k * groups not in shape))
    depth = shape[3] // groups
    filters = fill(draw, (each * groups, fh, fw, depth), kinds=kinds) / np.sqrt(fh * fw * depth)
    biases = fill(draw, (each * groups,), kinds=kinds) if draw(st.booleans()) else None
    return layers.Conv(filters, biases, (sy, sx), (top, bottom, left, right), (dy, dx))


def subsample_on(draw: Draw, shape: Shape) -> layers.Conv:
    """Return a convolution without filters: it picks pixels, and may add a bias per channel or one for all."""
    (_, sy, dy, top, bottom), (_, sx, dx, left, right) = (window(draw, n) for n in shape[1:3])
    biases = draw(st.sampled_from([None, 1, shape[3]]))
    biases = None if biases is None else fill(draw, (biases,))
    return layers.Conv(None, biases, (sy, sx), (top, bottom, left, right), (dy, dx))


def full_on(draw: Draw, shape: Shape) -> layers.FullyConnected:
    """Return a fully connected layer."""
    count = draw(st.integers(1, 9).filter(lambda k: k not in shape))
    size = shape[1] * shape[2] * shape[3]
    biases = fill(draw, (count,)) if draw(st.booleans()) else None
    return layers.FullyConnected(fill(draw, (count, size)) / np.sqrt(size), biases)


def pool_on(draw: Draw, shape: Shape, method: str | None = None) -> layers.Pool:
    """Return a pooling layer, with other pads on each side, strides beyond its size, windows over the edge."""
    sizes, pads = [], []
    for extent in shape[1:3]:
        size = draw(st.integers(1, 4))
        before = draw(st.integers(0, size - 1))
        after = draw(st.integers(max(0, size - extent - before), size - 1))
        sizes.append(size)
        pads += [before, after]
    stride = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return layers.Pool(tuple(sizes), stride, tuple(pads), method or draw(st.sampled_from(["max", "avg"])))


def relu_on(draw: Draw, shape: Shape) -> layers.ReLU:
    """Return a ReLU, half of them leaky."""
    return layers.ReLU(draw(st.sampled_from([0, 0.0, 0.125, 1.0])))


def lrn_on(draw: Draw, shape: Shape) -> layers.LRN:
    """Return an LRN with odd, even, and more channels than there are."""
    size = draw(st.integers(1, 2 * shape[3] + 2))
    return layers.LRN(
        size, draw(st.floats(0.5, 2)), draw(st.floats(0, 0.5)), draw(st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5]))
    )


def dropout_on(draw: Draw, shape: Shape) -> layers.Dropout:
    """Return a dropout with a mask of the input's shape, with one mask for all images, or without."""
    layer = layers.Dropout(draw(st.sampled_from([0.0, 0.25, 0.5])))
    size = draw(st.sampled_from([None, shape, (1, *shape[1:])]))
    if size is None:
        return layer
    kept = draw(generators()).random(size) >= layer.rate
    return layers.Dropout(layer.rate, kept / (1 - layer.rate))


def conv_transpose_on(draw: Draw, shape: Shape) -> layers.ConvTranspose:
    """Return a transposed convolution, with upsampling beyond its filters and crops beyond them."""
    sizes, steps, crops = [], [], []
    for extent in shape[1:3]:
        size, step = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        room = step * (extent - 1) + size - 1
        before = draw(st.integers(0, min(5, room)))
        sizes.append(size)
        steps.append(step)
        crops += [before, draw(st.integers(0, min(5, room - before)))]
    groups = draw(st.sampled_from([g for g in range(1, shape[3] + 1) if shape[3] % g == 0]))
    each = draw(st.integers(1, 4).filter(lambda k: k * groups not in shape))
    filters = fill(draw, (shape[3], *sizes, each)) / np.sqrt(sizes[0] * sizes[1] * shape[3])
    biases = fill(draw, (each * groups,)) if draw(st.booleans()) else None
    return layers.ConvTranspose(filters, biases, tuple(steps), tuple(crops), groups)


def batch_norm_on(draw: Draw, shape: Shape) -> layers.BatchNorm:
    """Return a batch normalisation by the batch's own moments, or by given ones."""
    count = shape[3]
    scale, offset = fill(draw, (count,)), fill(draw, (count,))
    if draw(st.booleans()):
        return layers.BatchNorm(scale, offset, epsilon=draw(st.sampled_from([0.01, 0.1, 1])))
    sigma = draw(generators()).uniform(0.5, 2, count)
    return layers.BatchNorm(scale, offset, np.stack([fill(draw, (count,)), sigma], axis=1))


def normalize_lp_on(draw: Draw, shape: Shape) -> layers.NormalizeLp:
    """Return an Lp normalisation over any axes."""
    p, epsilon = draw(st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0])), draw(st.sampled_from([0.01, 0.5]))
    some = draw(st.lists(st.integers(1, 4), min_size=1, unique=True))
    return layers.NormalizeLp(p, epsilon, draw(st.booleans()), draw(st.sampled_from([None, tuple(some)])))


def spatial_norm_on(draw: Draw, shape: Shape) -> layers.SpatialNorm:
    """Return a spatial normalisation with odd and even windows, some larger than the image."""
    size = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return layers.SpatialNorm(size, draw(st.floats(0, 2)), draw(st.sampled_from([0.5, 0.75, 1.5, 2.0])))


def prelu_on(draw: Draw, shape: Shape) -> layers.PReLU:
    """Return a parametric ReLU with a slope for each channel, or one for all."""
    return layers.PReLU(fill(draw, (draw(st.sampled_from([1, shape[3]])),)))


def noise_level_on(draw: Draw, shape: Shape) -> layers.NoiseLevel:
    """Return one to three constant channels."""
    return layers.NoiseLevel(draw(st.lists(st.floats(-2, 2), min_size=1, max_size=3)))


def norm_offset_on(draw: Draw, shape: Shape) -> layers.NormOffset:
    """Return a norm-dependent offset of either sign."""
    return layers.NormOffset(draw(st.floats(-2, 2)), draw(st.sampled_from([0.5, 1.0, 1.25])))


def resize_on(draw: Draw, shape: Shape) -> layers.Resize:
    """Return a resizing by a scale or to a size, up or down."""
    coordinates = draw(st.sampled_from(resize.COORDINATES))
    options = {"coordinates": coordinates, "rounding": draw(st.sampled_from(resize.ROUNDINGS))}
    options["method"] = draw(st.sampled_from(resize.METHODS))
    if draw(st.booleans()):
        return layers.Resize(size=(draw(st.integers(1, 9)), draw(st.integers(1, 9))), **options)
    scale = tuple(draw(st.sampled_from([1.0, 1.5, 2.0, 2.75])) for _ in "yx")
    return layers.Resize(scale, **options)


def select_on(draw: Draw, shape: Shape) -> layers.Select:
    """Return a selection of channels, some of them several times."""
    return layers.Select(draw(st.lists(st.integers(0, shape[3] - 1), min_size=1, max_size=9)))


ON: dict[str, Callable[[Draw, Shape], Any]] = {
    "conv": conv_on,
    "subsample": subsample_on,
    "conv_transpose": conv_transpose_on,
    "batch_norm": batch_norm_on,
    "full": full_on,
    "pool": pool_on,
    "relu": relu_on,
    "lrn": lrn_on,
    "prelu": prelu_on,
    "sigmoid": lambda draw, shape: layers.Sigmoid(),
    "tanh": lambda draw, shape: layers.Tanh(),
    "trunc": lambda draw, shape: layers.Trunc(draw(st.sampled_from([0.5, 1.0, 5.0])), draw(st.booleans())),
    "clip": lambda draw, shape: layers.Clip(*draw(st.sampled_from([(0, 6), (-1, 1), (0.25, 0.75), (-np.inf, 0.5)]))),
    "hard_swish": lambda draw, shape: layers.HardSwish(),
    "hard_sigmoid": lambda draw, shape: layers.HardSigmoid(draw(st.sampled_from([1 / 6, 0.2, 1.0])), 0.5),
    "log_softmax": lambda draw, shape: layers.LogSoftmax(),
    "resize": resize_on,
    "select": select_on,
    "softmax": lambda draw, shape: layers.Softmax(),
    "normalize_lp": normalize_lp_on,
    "spatial_norm": spatial_norm_on,
    "norm_offset": norm_offset_on,
    "dropout": dropout_on,
    "global_pool": lambda draw, shape: layers.GlobalPool(draw(st.sampled_from(["avg", "max"]))),
    "noise_level": noise_level_on,
    "permute": lambda draw, shape: layers.Permute(draw(st.permutations([1, 2, 3]))),
    "flatten": lambda draw, shape: layers.Flatten(draw(st.integers(1, 3))),
}
"""One-input layers: name -> a layer for an input of a given shape."""


def labels_for(draw: Draw, kind: str, shape: Shape) -> np.ndarray:
    """Return labels for a loss, some of them 0 (ignored): one per image, or one per instance."""
    random = draw(generators())
    categorical = kind in CATEGORICAL
    size = (*shape[:3], 1 if categorical else shape[3])
    size = draw(st.sampled_from([size, (shape[0],)]))
    labels = random.integers(0, shape[3] + 1, size) if categorical else random.integers(-1, 2, size)
    return labels.astype(draw(st.sampled_from(["float64", "float32", "int64"])))


def loss_on(draw: Draw, shape: Shape, kind: str) -> layers.Loss:
    """Return a loss of that kind, half of them with instance weights."""
    channels = 1 if kind in CATEGORICAL else shape[3]
    size = draw(st.sampled_from([None, (*shape[:3], channels), (shape[0], 1, 1, 1), (1, *shape[1:3], 1)]))
    weights = None if size is None else draw(generators()).random(size)
    topk, threshold = draw(st.integers(1, 5)), draw(st.sampled_from([0.0, 0.3]))
    return layers.Loss(kind, topk, threshold, weights, normalise=draw(st.booleans()))


def predictions(draw: Draw, kind: str, shape: Shape, dtype: str) -> np.ndarray:
    """Return predictions that the loss has a value for: probabilities, or any signed values."""
    if kind in PROBABILITIES:
        return draw(generators()).uniform(0.1, 0.9, shape).astype(dtype)
    return fill(draw, shape, dtype)


@st.composite
def losses(draw: Draw, kinds: tuple[str, ...] = CATEGORICAL + ATTRIBUTE, dtype: str | None = None) -> Case:
    """A loss with predictions and labels; the old block among them where `kinds` has softmaxlog."""
    kind, shape = draw(st.sampled_from(kinds)), draw(shapes(5))
    x = predictions(draw, kind, shape, dtype or draw(st.sampled_from(FLOATS)))
    old = kind == "softmaxlog" and draw(st.booleans())
    layer = layers.SoftmaxLoss() if old else loss_on(draw, shape, kind)
    return Case(layer, (x, labels_for(draw, kind, shape)))


@st.composite
def single(draw: Draw, names: tuple[str, ...] = tuple(ON), dtype: str | None = None, largest: int = 7) -> Case:
    """A layer with one input, of one of the kinds in ON."""
    shape = draw(shapes(largest))
    x = fill(draw, shape, dtype or draw(st.sampled_from(FLOATS)))
    return Case(ON[draw(st.sampled_from(names))](draw, shape), (x,))


def sum_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a sum of one to four inputs."""
    count = draw(st.integers(1, 4))
    return Case(layers.Sum(), tuple(fill(draw, shape, dtype) for _ in range(count)))


def concat_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a concatenation of one to four inputs along any axis."""
    axis, extents = draw(st.integers(0, 3)), draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    each = [(*shape[:axis], extent, *shape[axis + 1 :]) for extent in extents]
    return Case(layers.Concat(axis), tuple(fill(draw, one, dtype) for one in each))


def scale_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a scale with factor and offset as parameters, as inputs, or one of each; the offset may be absent."""

    def part() -> np.ndarray:
        kept = draw(st.tuples(*[st.booleans()] * 4))
        whole = tuple(n if keep else 1 for n, keep in zip(shape, kept, strict=True))
        return fill(draw, whole, dtype)

    scale, offset = part(), draw(st.sampled_from([part, lambda: None]))()
    own_scale, own_offset = draw(st.booleans()), draw(st.booleans())
    if own_scale and scale.size == scale.shape[3] and draw(st.booleans()):
        scale = scale.ravel()
    layer = layers.Scale(scale if own_scale else None, offset if own_offset else None)
    inputs = [fill(draw, shape, dtype)] + ([] if own_scale else [scale])
    return Case(layer, tuple(inputs if own_offset or offset is None else [*inputs, offset]))


def crop_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a crop to a second input, with offsets up to beyond what is there to cut."""
    size = [draw(st.integers(1, extent)) for extent in shape[1:3]]
    offset = [draw(st.integers(0, extent - kept + 1)) for extent, kept in zip(shape[1:3], size, strict=True)]
    like = fill(draw, (shape[0], *size, draw(st.integers(1, 3))), dtype)
    return Case(layers.Crop(tuple(offset)), (fill(draw, shape, dtype), like))


def sub_pixel_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a sub-pixel layer, with an input whose sizes the factor divides."""
    layer = layers.SubPixel(draw(st.integers(1, 3)), draw(st.booleans()))
    s, (n, h, w, c) = layer.factor, shape
    return Case(layer, (fill(draw, (n, h * s, w * s, c) if layer.inverse else (n, h, w, c * s * s), dtype),))


def axpy_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a gate and sum; the gate repeats along some axes."""
    kept = draw(st.tuples(*[st.booleans()] * 4))
    gate = tuple(n if keep else 1 for n, keep in zip(shape, kept, strict=True))
    return Case(layers.Axpy(), (fill(draw, gate, dtype), fill(draw, shape, dtype), fill(draw, shape, dtype)))


def squares_of(draw: Draw, shape: Shape, dtype: str) -> Case:
    """Return a loss of squared differences, half of them with weights that repeat along some axes."""
    layer, kept = (
        draw(st.sampled_from([layers.EuclideanLoss(), layers.L2Loss()])),
        draw(st.tuples(*[st.booleans()] * 4)),
    )
    weights = tuple(n if keep else 1 for n, keep in zip(shape, kept, strict=True))
    both = fill(draw, shape, dtype), fill(draw, shape, dtype)
    return Case(layer, (*both, fill(draw, weights, dtype)) if draw(st.booleans()) else both)


SEVERAL: dict[str, Callable[[Draw, Shape, str], Case]] = {
    "sum": sum_of,
    "concat": concat_of,
    "scale": scale_of,
    "crop": crop_of,
    "sub_pixel": sub_pixel_of,
    "axpy": axpy_of,
    "squares": squares_of,
}
"""Name -> a layer, and inputs: several, or made for the layer. The first has a given shape (or nearly so)."""


@st.composite
def several(draw: Draw, names: tuple[str, ...] = tuple(SEVERAL), dtype: str | None = None, largest: int = 7) -> Case:
    """A layer with several inputs, of one of the kinds in SEVERAL."""
    shape, name = draw(shapes(largest)), draw(st.sampled_from(names))
    return SEVERAL[name](draw, shape, dtype or draw(st.sampled_from(FLOATS)))


def every(dtype: str | None = None) -> st.SearchStrategy[Case]:
    """A layer of any type."""
    return single(dtype=dtype) | losses(dtype=dtype) | several(dtype=dtype)


@st.composite
def chains(
    draw: Draw,
    names: tuple[str, ...] = ("conv", "conv_transpose", "batch_norm", "relu", "pool", "lrn", "sigmoid", "dropout"),
    end: bool = True,
    dtype: str = "float64",
    adjust: Callable[[Any], Any] = lambda layer: layer,
) -> Net:
    """A chain of up to six layers; with `end`, often followed by a fully connected layer, softmax and a loss."""
    shape = draw(shapes())
    given = {"x0": fill(draw, shape, dtype, ("normal",))}
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=6)):
        found[f"{name}{len(found)}"] = layer = adjust(ON[name](draw, shape))
        shape = layers.output_shape(layer, shape)
    if end and draw(st.booleans()):
        found["fc"] = full_on(draw, shape)
        shape = layers.output_shape(found["fc"], shape)
        found["softmax"] = layers.Softmax()
        if draw(st.booleans()):
            found["loss"] = layers.Loss("log")
            given["label"] = labels_for(draw, "log", shape)
    return Net(layers.Graph(layers.chain(found)), given)


@st.composite
def meetings(draw: Draw, dtype: str = "float64") -> Net:
    """A network whose input goes two ways, which meet in a sum, concatenation, scale or crop; then a convolution."""
    shape = draw(shapes(5))
    given = {"x": fill(draw, shape, dtype, ("normal",))}
    names = st.sampled_from(["batch_norm", "sigmoid", "lrn", "dropout"])
    left, right = (layers.Node(side, ON[draw(names)](draw, shape), "x", side[0]) for side in ("left", "right"))
    meet = draw(st.sampled_from([layers.Sum(), layers.Concat(), layers.Concat(1), layers.Scale(), layers.Crop(1)]))
    end = conv_on(draw, layers.output_shape(meet, shape, shape))
    nodes = [left, right, layers.Node("meet", meet, ("l", "r"), "m"), layers.Node("end", end, "m", "y")]
    return Net(layers.Graph(nodes), given)
