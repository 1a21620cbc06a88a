"""Values that are NaN or infinite: where they appear first is named, and no map is made of them."""

import warnings
from functools import partial

import numpy as np
import pytest
from support.command_line import fill, run
from support.every_method import METHODS, pooled
from support.small_nets import SIZE, classifier, conv, inputs, meta

import refvis
from refvis import layers
from refvis.input_reconstruction import Recipe
from refvis.layers import BatchNorm, BilinearSampler, FullyConnected, ReLU, Scale
from refvis.optimisation.optimisers import Momentum

RANDOM = np.random.default_rng(0)


def with_zero_deviations(net: refvis.Network, before: str) -> refvis.Network:
    """Insert a batch normalisation that divides by deviations of 0 before a layer that reads 8 channels."""
    ones, chain = np.ones(8, "float32"), {}
    for node in net.nodes:
        if node.name == before:
            chain["bn"] = BatchNorm(ones, ones, moments=np.zeros((8, 2), "float32"))
        chain[node.name] = node.layer
    return refvis.chain(chain, net.meta)


def broken() -> refvis.Network:
    """A classifier whose batch normalisation makes infinite values. Its scores are finite: later layers hide them."""
    return with_zero_deviations(classifier(), "relu1")


MADE = r"layer 'bn' \(BatchNorm\) makes \d+ of \d+ values NaN or infinite"


def test_later_layers_hide_the_values():
    with np.errstate(all="ignore"):
        assert np.isfinite(broken().forward(inputs()).output).all()


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"cam", "featurevis.reconstruction"}))
def test_every_method_names_the_first_layer(method):
    """It warns of nothing beside the error, since warnings are errors here."""
    with pytest.raises(ValueError, match=MADE):
        METHODS[method](broken(), inputs())


@pytest.mark.parametrize(
    "method",
    [
        lambda net, x: net.classify(x),
        lambda net, x: refvis.featurevis.reconstruction(net.upto("relu1"), x, np.zeros((1, 13, 11, 8)), 2),
        lambda net, x: refvis.cam(with_zero_deviations(pooled(net), "relu"), x),
    ],
)
def test_methods_with_networks_of_their_own_name_it(method):
    with pytest.raises(ValueError, match=MADE):
        method(broken(), inputs())


def test_a_search_that_diverges_names_the_layer():
    """After a step of 1e30, the values of the second layer overflow."""
    net = refvis.chain({"conv": conv(RANDOM, (2, 3, 3, 3)), "big": Scale(np.full(2, 1e9, "float32"))}, meta())
    recipe = Recipe(steps=3, optimiser=Momentum(1e30))
    expected = r"at step 2: lower .*; layer 'big' \(Scale\) makes"
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=expected):
        refvis.activation_maximization(net, channel=0, recipe=recipe)


def test_an_image_that_becomes_infinite_ends_the_search():
    """Its terms are finite, since the ReLU hides it."""
    net = refvis.chain({"conv": conv(RANDOM, (2, 3, 3, 3)), "relu": ReLU()}, meta())

    def spoiled(z, number):
        return z * np.float32(np.nan)

    with pytest.raises(ValueError, match="the image became NaN or infinite at step 2"):
        refvis.activation_maximization(net, channel=0, recipe=Recipe(steps=3, projections=(spoiled,)))


def test_the_layer_is_named_where_the_signal_overflows():
    big = Scale(np.full(3, 1e30, "float32"))
    net, x = refvis.chain({"one": big, "two": big}), 1e-38 * inputs()
    with pytest.raises(ValueError, match=r"below layer 'one' \(Scale\) the signal is NaN or infinite: .* float64"):
        refvis.deconvolution(net, x, "gradient")
    assert np.isfinite(refvis.deconvolution(net, x.astype("float64"), "gradient").values).all()


COMMANDS = [f"{name} a.png" for name in ("deconvolution", "occlusion", "classify", "explain", "ledger", "invert")]
COMMANDS += ["maximize --channel 0", "maximize --all", "examples . --channel 0", "examples . --all"]


def test_commands_write_no_map_and_print_no_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    refvis.save(broken(), "broken.mat")
    before = {path.name for path in tmp_path.iterdir()}
    for command in COMMANDS:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            code, _, err = run(monkeypatch, capsys, *command.split(), "-m", "broken.mat")
        assert code == 2
        assert err.splitlines()[-1].startswith("refvis: error: layer 'bn' (BatchNorm) makes")
        assert all(line.startswith("refvis: ") for line in err.splitlines())
    assert {path.name for path in tmp_path.iterdir()} == before


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
