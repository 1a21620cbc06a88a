"""Values that are NaN or infinite: where they appear first is named, and no map is made of them."""

import warnings
from functools import partial

import numpy as np
import pytest
from support.command_line import fill, run
from support.small_nets import SIZE, conv, inputs, meta

import refvis
from refvis import layers
from refvis.layers import BatchNorm, BilinearSampler, FullyConnected, ReLU, Scale

RANDOM = np.random.default_rng(0)


def broken() -> refvis.Network:
    """A chain whose second layer divides by a deviation of 0."""
    zeros = np.zeros((4, 2), "float32")
    norm = BatchNorm(np.ones(4, "float32"), np.ones(4, "float32"), moments=zeros)
    fc = conv(RANDOM, (5, 11, 9, 4))
    return refvis.chain({"conv1": conv(RANDOM, (4, 3, 3, 3)), "bn": norm, "relu": ReLU(), "fc": fc}, meta())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "method",
    [
        refvis.deconvolution,
        partial(refvis.occlusion, size=5),
        refvis.integrated_gradients,
        refvis.grad_cam,
        refvis.ledger,
        refvis.rise,
        partial(refvis.inversion, at="relu"),
        lambda net, x: net.classify(x),
    ],
)
def test_the_first_layer_is_named(method):
    with pytest.raises(ValueError, match=r"layer 'bn' \(BatchNorm\) makes 396 of 396 values NaN or infinite"):
        method(broken(), inputs())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_layer_is_named_where_the_signal_overflows():
    big = Scale(np.full(3, 1e30, "float32"))
    net, x = refvis.chain({"one": big, "two": big}), 1e-38 * inputs()
    with pytest.raises(ValueError, match=r"below layer 'one' \(Scale\) the signal is NaN or infinite: .* float64"):
        refvis.deconvolution(net, x, "gradient")
    assert np.isfinite(refvis.deconvolution(net, x.astype("float64"), "gradient").values).all()


def test_commands_write_no_map_and_print_no_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    refvis.save(broken(), "broken.mat")
    for command in ("deconvolution", "occlusion", "classify", "explain", "ledger"):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            code, _, err = run(monkeypatch, capsys, command, "a.png", "-m", "broken.mat")
        assert code == 2
        assert err.splitlines()[-1].startswith("refvis: error: layer 'bn' (BatchNorm) makes")
        assert all(line.startswith("refvis: ") for line in err.splitlines())
    assert not (tmp_path / "deconvolution.png").exists()
    assert not (tmp_path / "occlusion.png").exists()


def linear_net() -> refvis.Network:
    """One layer that sees the whole image."""
    return refvis.chain({"fc": conv(RANDOM, (5, *SIZE))})


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (None, TypeError, "is None, expected an array"),
        (np.full(3, np.nan), ValueError, "holds 3 values that are NaN or infinite"),
        (np.full(3, np.inf, "float32"), ValueError, "holds 3 values that are NaN or infinite"),
        (np.full(3, 1j), TypeError, "complex"),
    ],
)
def test_fills_that_are_no_numbers_are_refused(values, error, message):
    def mine(*given):
        return values

    for method in (
        partial(refvis.occlusion, size=5),
        partial(refvis.discrepancy, size=5),
        partial(refvis.meaningful_perturbation, steps=1),
    ):
        with pytest.raises(error, match=message):
            method(linear_net(), inputs(), fill=mine)


def test_coordinates_that_are_not_finite_lie_outside():
    x, sampler = RANDOM.normal(size=(1, 4, 5, 2)), BilinearSampler()
    for coordinate in (np.nan, np.inf, -np.inf):
        grid = np.full((1, 2, 3, 2), 0.25)
        grid[0, 1, 2, 0] = coordinate
        y = layers.forward(sampler, x, grid)
        assert not y[0, 1, 2].any()
        assert y[0, 0].all()
        dx, dgrid = layers.backward(sampler, np.ones_like(y), y, x, grid)
        assert np.isfinite(dx).all()
        assert not dgrid[0, 1, 2].any()


def test_parameters_that_are_not_finite_are_said():
    net = refvis.chain({"fc": FullyConnected(np.array([[np.inf, 1.0]]))})
    with pytest.raises(ValueError, match="its parameters are not finite"):
        refvis.deconvolution(net, np.ones((1, 1, 1, 2)))
