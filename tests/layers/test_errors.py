"""What cannot be is refused, once and clearly: each message says what was found and what was expected."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from refvis import layers
from refvis.layers import (
    LRN,
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    FullyConnected,
    Loss,
    Pool,
    ReLU,
    Scale,
    ShapeError,
    Sigmoid,
    Softmax,
    Sum,
)

F = np.ones((4, 2, 3, 6))
LABELS = np.array([1.0, 2.0])

IMPOSSIBLE: dict[str, tuple[Callable[[], Any], str]] = {
    "filters of rank 3": (lambda: Conv(F[0]), r"filters have shape \(2, 3, 6\), expected K x FH x FW x C"),
    "biases": (lambda: Conv(F, np.ones(3)), r"3 biases, expected one per filter: 4"),
    "stride 0": (lambda: Conv(F, stride=0), r"Conv stride is 0, expected 1 or 2 whole number\(s\), each at least 1"),
    "stride of 3": (lambda: Conv(F, stride=(1, 2, 3)), r"stride is \(1, 2, 3\), expected 1 or 2 whole number"),
    "stride 1.5": (lambda: Conv(F, stride=1.5), r"stride is 1.5, expected 1 or 2 whole number"),
    "stride nan": (lambda: Conv(F, stride=float("nan")), r"stride is nan, expected whole numbers"),
    "stride None": (lambda: Conv(F, stride=None), r"stride is None, expected whole numbers"),
    "pad -1": (lambda: Conv(F, pad=(0, -1, 0, 0)), r"pad is \(0, -1, 0, 0\), expected 1 or 2 or 4 .* at least 0"),
    "pad of 3": (lambda: Conv(F, pad=(1, 1, 1)), r"pad is \(1, 1, 1\), expected 1 or 2 or 4 whole number"),
    "pad same": (lambda: Conv(F, pad="same"), r"pad is 'same', expected whole numbers"),
    "dilate 0": (lambda: Conv(F, dilate=(1, 0)), r"dilate is \(1, 0\), expected 1 or 2 whole number"),
    "transposed rank": (lambda: ConvTranspose(F[0]), r"filters have shape \(2, 3, 6\), expected C x FH x FW x K"),
    "no transposed filters": (lambda: ConvTranspose(F[:0]), r"filters have shape \(0, 2, 3, 6\), expected C x FH"),
    "transposed biases": (
        lambda: ConvTranspose(F, np.ones(6), groups=2),
        r"ConvTranspose has 6 biases, expected one per output: 12",
    ),
    "transposed groups": (lambda: ConvTranspose(F, groups=3), r"has 4 filters, expected a multiple of 3 groups"),
    "groups 0": (lambda: ConvTranspose(F, groups=0), r"groups is 0, expected 1 whole number"),
    "upsample 0": (lambda: ConvTranspose(F, upsample=0), r"ConvTranspose upsample is 0, expected"),
    "crop -1": (lambda: ConvTranspose(F, crop=-1), r"ConvTranspose crop is -1, expected .* at least 0"),
    "offsets": (lambda: BatchNorm(np.ones(3), np.ones(2)), r"BatchNorm has 2 offsets, expected one per scale: 3"),
    "moments": (
        lambda: BatchNorm(np.ones(3), np.ones(3), np.ones((2, 3))),
        r"moments have shape \(2, 3\), expected \(3, 2\)",
    ),
    "epsilon": (lambda: BatchNorm(np.ones(3), np.ones(3), epsilon=-1), r"epsilon is -1.0, expected 0 or more"),
    "epsilon nan": (lambda: BatchNorm(np.ones(3), np.ones(3), epsilon=np.nan), r"epsilon is nan, expected 0 or more"),
    "axis 4": (lambda: Concat(4), r"Concat axis is 4, expected 0, 1, 2 or 3"),
    "axis -1": (lambda: Concat(-1), r"Concat axis is -1, expected 1 whole number\(s\), each at least 0"),
    "factor of rank 5": (
        lambda: Scale(np.ones((1, 1, 1, 1, 3))),
        r"Scale scale has shape \(1, 1, 1, 1, 3\), expected up",
    ),
    "offset of rank 0": (lambda: Scale(None, np.ones(())), r"Scale offset has shape \(\), expected up to four axes"),
    "crop offset": (lambda: Crop((1, -1)), r"Crop offset is \(1, -1\), expected 1 or 2 whole"),
    "pool method": (lambda: Pool(2, method="mean"), r"method is 'mean', expected 'max' or 'avg'"),
    "pool pad": (
        lambda: Pool((3, 2), pad=(0, 0, 0, 2)),
        r"pad is \(0, 0, 0, 2\) \(top, bottom, left, right\), expected less than the size \(3, 2\)",
    ),
    "pool size": (lambda: Pool(0), r"Pool size is 0, expected"),
    "weights": (lambda: FullyConnected(F), r"weights have shape \(4, 2, 3, 6\), expected K x D"),
    "fc biases": (lambda: FullyConnected(np.ones((4, 5)), np.ones(5)), r"5 biases, expected 4"),
    "LRN size": (lambda: LRN(0), r"LRN size is 0, expected"),
    "LRN alpha": (lambda: LRN(alpha=-1), r"kappa 1.0 and alpha -1.0, expected both to be 0 or more"),
    "rate 1": (lambda: Dropout(1), r"rate is 1, expected 0 <= rate < 1"),
    "rate nan": (lambda: Dropout(float("nan")), r"rate is nan, expected 0 <= rate < 1"),
    "loss": (lambda: Loss("l2"), r"Loss kind is 'l2', expected one of classerror, .*, hinge"),
    "topk": (lambda: Loss("topkerror", topk=0), r"topk is 0, expected at least 1"),
}

UNFIT: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "channels": (Conv(F), ((2, 5, 7, 5),), r"the input has 5 channels, but the 4 filters have 6 each"),
    "groups": (Conv(F), ((2, 5, 7, 18),), r"18 channels, but the 4 filters have 6 each: expected 6, or a multiple"),
    "no filters": (Conv(None, np.ones(4)), ((2, 5, 7, 3),), r"without filters has 4 biases for 3 channels"),
    "big filter": (
        Conv(F, dilate=(5, 1)),
        ((2, 5, 7, 6),),
        r"filter covers 6 x 3 pixels, more than the input's 5 x 7 with pad \(0, 0, 0, 0\)",
    ),
    "transposed channels": (ConvTranspose(F), ((2, 5, 7, 3),), r"the input has 3 channels, expected one per filter: 4"),
    "all cropped": (
        ConvTranspose(F, crop=(0, 0, 4, 5)),
        ((2, 5, 7, 4),),
        r"the crop \(0, 0, 4, 5\) \(top, bottom, left, right\) leaves nothing of 6 x 9 pixels",
    ),
    "normalised channels": (BatchNorm(np.ones(2), np.ones(2)), ((2, 5, 7, 3),), r"has 3 channels, expected 2"),
    "unequal terms": (
        Sum(),
        ((2, 5, 7, 3), np.ones((2, 5, 7, 1))),
        r"\(2, 5, 7, 3\) and \(2, 5, 7, 1\), expected equal",
    ),
    "unequal parts": (
        Concat(),
        ((2, 5, 7, 3), np.ones((2, 5, 6, 3))),
        r"\(2, 5, 7, 3\) and \(2, 5, 6, 3\), expected to differ in axis 3 only",
    ),
    "part of rank 3": (
        Concat(),
        ((2, 5, 7, 3), np.ones((2, 5, 7))),
        r"shape \(2, 5, 7\), expected four non-empty axes",
    ),
    "factor": (Scale(np.ones(7)), ((2, 5, 7, 3),), r"factor or offset has shape \(7,\), expected along each axis 1 or"),
    "no factor": (Scale(), ((2, 5, 7, 3),), r"Scale with no parameters takes x and 1 ... 2 more input\(s\), found 0"),
    "two factors": (
        Scale(np.ones(3), np.ones(3)),
        ((2, 5, 7, 3), np.ones(3)),
        r"Scale with scale and offset takes x and 0 ... 0 more input\(s\), found 1",
    ),
    "too large to crop to": (
        Crop(),
        ((2, 5, 7, 3), np.ones((2, 6, 7, 3))),
        r"5 x 7 pixels, fewer than the 6 x 7 to crop",
    ),
    "big window": (Pool(4, pad=1), ((2, 5, 1, 3),), r"pooling window covers 4 x 4 pixels, more than the input's 5 x 1"),
    "values": (FullyConnected(np.ones((4, 60))), ((2, 5, 7, 3),), r"5 x 7 x 3 = 105 values, expected 60"),
    "mask": (
        Dropout(0.5, np.ones((2, 5, 6, 3))),
        ((2, 5, 7, 3),),
        r"mask has shape \(2, 5, 6, 3\), expected that of the input, \(2, 5, 7, 3\)",
    ),
    "mask of rank 5": (Dropout(0.5, np.ones((1, 1, 1, 1, 1))), ((2, 5, 7, 3),), r"mask has shape \(1, 1, 1, 1, 1\)"),
    "labels": (
        Loss("log"),
        ((2, 5, 7, 3), np.ones((2, 7, 5, 1))),
        r"labels have shape \(2, 7, 5, 1\), expected \(2, 5, 7, 1\) or one per image \(2\)",
    ),
    "too few attributes": (Loss("hinge"), ((2, 5, 7, 3), np.ones((2, 5, 7, 1))), r"expected \(2, 5, 7, 3\)"),
    "label C + 1": (Loss("log"), ((2, 1, 1, 3), np.array([1, 4])), r"lie in 1 ... 4, expected whole .* 0 ... 3 for"),
    "label -1": (Loss(), ((2, 1, 1, 3), np.array([-1, 2])), r"lie in -1 ... 2, expected whole numbers in 0 ... 3"),
    "label 1.5": (Loss(), ((2, 1, 1, 3), np.array([1.5, 2])), r"lie in 1.5 ... 2.0, expected whole numbers"),
    "label nan": (Loss(), ((2, 1, 1, 3), np.array([np.nan, 2])), r"lie in nan ... nan, expected whole numbers"),
    "attribute 2": (Loss("hinge"), ((2, 1, 1, 1), LABELS), r"lie in 1.0 ... 2.0, .* in -1 ... 1 for the loss 'hinge'"),
    "weights": (
        Loss("log", instance_weights=np.ones(2)),
        ((2, 1, 1, 3), LABELS),
        r"instance weights have shape \(2,\), expected \(2, 1, 1, 1\) or one that broadcasts to it",
    ),
    "old block's labels": (layers.SoftmaxLoss(), ((2, 1, 1, 3), np.array([1, 4])), r"expected whole numbers in 0"),
}

RANKS = [(5, 7, 3), (2, 5, 7, 3, 1), (2, 0, 7, 3), ()]
ANY = [Conv(F), FullyConnected(np.ones((4, 9))), Pool(2), ReLU(), Sigmoid(), Softmax(), LRN(), Dropout()]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_fields(name: str) -> None:
    make, message = IMPOSSIBLE[name]
    with pytest.raises(ShapeError, match=message):
        make()


@pytest.mark.parametrize("name", UNFIT)
def test_inputs_that_do_not_fit(name: str) -> None:
    layer, (shape, *labels), message = UNFIT[name]
    x = np.full(shape, 0.5)
    with pytest.raises(ShapeError, match=message):
        layers.forward(layer, x, *labels)
    with pytest.raises(ShapeError, match=message):
        layers.backward(layer, np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), x, *labels)


@pytest.mark.parametrize("shape", RANKS, ids=str)
@pytest.mark.parametrize("layer", ANY, ids=layers.title)
def test_wrong_rank(layer: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"the input has shape .*, expected four non-empty axes N x H x W x C"):
        layers.forward(layer, np.zeros(shape))


@pytest.mark.parametrize("layer", ANY[2:], ids=layers.title)
def test_signal_of_another_shape(layer: Any) -> None:
    x, signal = np.zeros((2, 5, 7, 3)), np.zeros((2, 7, 5, 3))
    expected = layers.output_shape(layer, x.shape)
    message = f"the signal has shape (2, 7, 5, 3), expected the output's {expected}"
    with pytest.raises(ShapeError, match=re.escape(message)):
        layers.backward(layer, signal, None, x)


@pytest.mark.parametrize(
    ("layer", "name", "optional"),
    [
        (Conv(F, np.ones(4)), "filters", True),
        (Conv(F, np.ones(4)), "biases", True),
        (ConvTranspose(F, np.ones(6)), "filters", False),
        (ConvTranspose(F, np.ones(6)), "biases", True),
        (FullyConnected(np.ones((4, 5)), np.ones(4)), "weights", False),
        (FullyConnected(np.ones((4, 5)), np.ones(4)), "biases", True),
        (BatchNorm(np.ones(3), np.ones(3), np.ones((3, 2))), "scale", False),
        (BatchNorm(np.ones(3), np.ones(3), np.ones((3, 2))), "offset", False),
        (BatchNorm(np.ones(3), np.ones(3), np.ones((3, 2))), "moments", True),
        (Scale(np.ones(3), np.ones(3)), "scale", True),
        (Scale(np.ones(3), np.ones(3)), "offset", True),
        (Dropout(0.5, np.ones((2, 5, 7, 3))), "mask", True),
    ],
)
def test_fields_that_are_no_arrays(layer: Any, name: str, optional: bool) -> None:
    """Lists and numbers are refused by name, whatever they hold; None only where a layer needs the field."""
    kind, either = type(layer).__name__, "a NumPy or CuPy array" + (" or None" if optional else "")
    for wrong in (getattr(layer, name).tolist(), [], 1.5, "ones"):
        found = type(wrong).__name__
        message = f"{kind} {name} is of type {found}, expected {either}: use numpy.array({name}, 'float32')"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            replace(layer, **{name: wrong})
    if optional:
        assert getattr(replace(layer, **{name: None}), name) is None
    else:
        with pytest.raises(TypeError, match="is of type NoneType, expected"):
            replace(layer, **{name: None})


@pytest.mark.parametrize("wrong", [[1.0, 2.0], "ones"])
def test_weights_of_distances_are_a_number_an_array_or_none(wrong: Any) -> None:
    message = f"PairwiseDistance instance_weights is of type {type(wrong).__name__}, expected a NumPy or CuPy array"
    with pytest.raises(TypeError, match=message):
        layers.PairwiseDistance(instance_weights=wrong)
    for right in (2, 2.5, np.float32(3), np.array(4.0)):
        assert layers.PairwiseDistance(instance_weights=right).instance_weights == float(right)


def test_shape_errors_are_value_errors() -> None:
    np.testing.assert_equal(issubclass(ShapeError, ValueError), True)


def test_layers_without_implementation() -> None:
    with pytest.raises(ValueError, match=r"no implementation for .*'custom'.*, expected one of .*Conv, "):
        layers.forward(layers.Unknown("custom"), np.zeros((1, 1, 1, 1)))


@pytest.mark.parametrize("special", [np.ma.MaskedArray, np.matrix])
def test_arrays_that_compute_by_other_rules_are_refused(special: Any) -> None:
    """A masked array's mask would be ignored by some layers, and a matrix multiplies in another way."""
    layer, x = layers.FullyConnected(np.ones((2, 3))), np.ones((1, 1, 1, 3), "float32")
    with pytest.raises(TypeError, match="expected a plain array, found a"):
        layers.FullyConnected(np.ones((2, 3)).view(special))
    if special is np.ma.MaskedArray:  # a matrix has two axes
        with pytest.raises(TypeError, match=r"mask layers would ignore: use x.filled\(value\)"):
            layers.forward(layer, x.view(special))
        with pytest.raises(TypeError, match="found a masked one"):
            layers.backward(layer, np.ones((1, 1, 1, 2)).view(special), None, x)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "object", "U3"])
def test_only_real_numbers_are_parameters_and_signals(dtype: str) -> None:
    """Complex ones would lose their imaginary part on the way to the input's dtype."""
    x, odd = np.ones((1, 1, 1, 3), "float32"), np.ones((2, 3)).astype(dtype)
    with pytest.raises(TypeError, match=f"^FullyConnected weights is {np.dtype(dtype)}, expected real numbers"):
        layers.FullyConnected(odd)
    with pytest.raises(TypeError, match=r"^Conv biases is .*, expected real numbers"):
        layers.Conv(np.ones((2, 1, 1, 3)), odd[:, 0])
    layer = layers.FullyConnected(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"^the signal is .*, expected real numbers"):
        layers.backward(layer, odd[:, :2].reshape(2, 1, 1, 2)[:1], None, x)
    net = layers.Graph(layers.chain({"fc": layer}))
    with pytest.raises(TypeError, match=r"^the seed for fc \(x1\) is .*, expected real numbers"):
        net.backward(net.forward(x), {"fc": odd[:1, :2].reshape(1, 1, 1, 2)})


def test_pictures_are_told_the_way_to_an_input() -> None:
    with pytest.raises(TypeError, match=r"the input is uint8, .*: a picture becomes an input by net.preprocess"):
        layers.forward(layers.ReLU(), np.zeros((4, 5, 3), "uint8"))
    with pytest.raises(TypeError, match=r"the input is int64, expected float32 or float64: use .astype\('float32'\)"):
        layers.forward(layers.ReLU(), np.zeros((1, 4, 5, 3), "int64"))


def test_other_layouts_are_told_the_transpose() -> None:
    filters, x = np.ones((7, 2, 4, 3), "float32"), np.ones((1, 5, 6, 3), "float32")
    layer = layers.Conv(filters)
    for wrong, advice in (
        ((layer, x.transpose(0, 3, 1, 2)), r"becomes N x H x W x C by x.transpose\(0, 2, 3, 1\)$"),
        ((layers.Conv(filters.transpose(0, 3, 1, 2)), x), r"by filters.transpose\(0, 2, 3, 1\)$"),
        ((layer, np.ones((1, 5, 6, 4), "float32")), r"divides the filters into groups$"),
    ):
        with pytest.raises(layers.ShapeError, match=advice):
            layers.forward(*wrong)
