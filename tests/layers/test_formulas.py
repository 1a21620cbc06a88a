"""Every forward pass is its formula, done once more in plain loops; so is the gradient of pooling, with its ties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases, replicas, replicas_blocks, replicas_foreign

from refvis import layers

REPLICAS = {
    "conv": replicas.conv,
    "subsample": replicas.conv,
    "conv_transpose": replicas.conv_transpose,
    "batch_norm": replicas.batch_norm,
    "full": replicas.full,
    "pool": replicas.pool,
    "relu": replicas.relu,
    "lrn": replicas.lrn,
    "sigmoid": replicas.sigmoid,
    "softmax": replicas.softmax,
    "normalize_lp": replicas_blocks.normalize_lp,
    "spatial_norm": replicas_blocks.spatial_norm,
    "norm_offset": replicas_blocks.norm_offset,
    "prelu": replicas_foreign.prelu,
    "tanh": replicas_foreign.tanh,
    "trunc": replicas_foreign.trunc,
    "global_pool": replicas_foreign.global_pool,
    "noise_level": replicas_foreign.noise_level,
    "permute": replicas_foreign.permute,
    "flatten": replicas_foreign.flatten,
}
OF_SEVERAL = {
    "sum": replicas.total,
    "concat": replicas.concat,
    "scale": replicas.scale,
    "crop": replicas.crop,
    "sub_pixel": replicas_foreign.sub_pixel,
    "axpy": replicas_foreign.axpy,
    "squares": replicas_foreign.squares,
}
SMALL = settings(max_examples=30)


@pytest.mark.parametrize("name", REPLICAS)
@SMALL
@given(data=st.data())
def test_forward_is_the_formula(name: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single((name,), dtype="float64", largest=6))
    expected = REPLICAS[name](layer, x)
    np.testing.assert_allclose(layers.forward(layer, x), expected, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("name", OF_SEVERAL)
@SMALL
@given(data=st.data())
def test_forward_of_several_inputs_is_the_formula(name: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.several((name,), dtype="float64", largest=6))
    expected = OF_SEVERAL[name](layer, *inputs)
    np.testing.assert_allclose(layers.forward(layer, *inputs), expected, rtol=1e-12, atol=1e-12, strict=True)


@SMALL
@given(cases.single(("pool",), dtype="float64"), st.data())
def test_pool_gradient_is_the_formula(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    signal = cases.like(data.draw, layers.forward(layer, x))
    found = layers.backward(layer, signal, None, x)[0]
    np.testing.assert_allclose(found, replicas.pool_gradient(layer, signal, x), rtol=1e-12, atol=1e-12, strict=True)


@SMALL
@given(cases.single(("pool",), dtype="float64"), st.data())
def test_a_border_takes_no_signal_from_minus_infinity(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    layer, x = replace(layer, method="max"), np.where(x > 0.5, x, -np.inf)
    signal = cases.like(data.draw, layers.forward(layer, x))
    found = layers.backward(layer, signal, None, x)[0]
    np.testing.assert_allclose(found, replicas.pool_gradient(layer, signal, x), rtol=1e-12, atol=1e-12, strict=True)


def test_first_of_equals_wins_down_the_rows() -> None:
    x = np.array([[0.0, 7, 7], [7, 7, 0]]).reshape(1, 2, 3, 1)
    found = layers.backward(layers.Pool((2, 3)), np.ones((1, 1, 1, 1)), None, x)[0]
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("kind", cases.CATEGORICAL + cases.ATTRIBUTE)
@SMALL
@given(data=st.data())
def test_loss_is_the_formula(kind: str, data: st.DataObject) -> None:
    layer, (x, labels) = data.draw(cases.losses((kind,), dtype="float64"))
    found = layers.forward(layer, x, labels)
    np.testing.assert_equal(found.shape, (1, 1, 1, 1))
    np.testing.assert_allclose(found.item(), replicas.loss(layer, x, labels), rtol=1e-12, atol=1e-12)


@SMALL
@given(cases.single(("dropout",), dtype="float64"))
def test_dropout_multiplies_by_its_mask(case: cases.Case) -> None:
    layer, (x,) = case
    mask = np.ones(x.shape) if layer.mask is None else np.broadcast_to(layer.mask, x.shape)
    expected = [value * factor for value, factor in zip(x.ravel(), mask.ravel(), strict=True)]
    np.testing.assert_array_equal(layers.forward(layer, x).ravel(), expected)


@given(cases.generators(), st.sampled_from([0.0, 0.2, 0.5, 0.9]))
def test_drawn_masks_keep_the_mean(random: np.random.Generator, rate: float) -> None:
    from refvis.layers.dropout import draw_mask

    mask = draw_mask(layers.Dropout(rate), (2, 30, 31, 3), random, "float64")
    np.testing.assert_equal(set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}, True)
    deviation = np.sqrt(rate / (1 - rate) / mask.size)
    np.testing.assert_allclose(mask.mean(), 1, rtol=0, atol=6 * deviation + 1e-6)
