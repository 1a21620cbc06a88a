"""Inversion: the code is found, from an image or a code; history, record, errors, and what is refused."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from support.same import assert_same
from support.slow_terms import slow_lp, slow_total_variation
from support.small_nets import classifier, conv, inputs

import refvis
from refvis.layers import Conv, ReLU
from refvis.network import array_digest


def net_for_inversion(meta=None):
    random = np.random.default_rng(2)
    layers = {
        "conv1": conv(random, (12, 3, 3, 3), pad=1),
        "relu1": ReLU(),
        "conv2": conv(random, (15, 3, 3, 12)),
        "relu2": ReLU(),
    }
    return refvis.chain(layers, meta)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("at", ["relu1", "conv2"])
def test_the_code_is_found(at, dtype):
    net, x = net_for_inversion(), inputs(dtype=dtype)
    result = refvis.inversion(net, x, at=at, steps=200, lp_weight=0, tv_weight=0)
    assert (result.x.shape, result.x.dtype) == (x.shape, dtype)
    history = result.history
    assert {name: len(values) for name, values in history.items()} == {"code": 201, "lp": 201, "tv": 201}
    assert 0.5 < history["code"][0] < 2
    assert history["code"][-1] < 0.01
    code, target = (net.forward(z)[net.variable(at)] for z in (result.x, x))
    np.testing.assert_allclose(((code - target) ** 2).sum() / (target**2).sum(), history["code"][-1], rtol=1e-3)
    assert not history["lp"].any()
    assert not history["tv"].any()


def test_history_holds_the_terms_of_the_objective():
    net, x = net_for_inversion(), inputs(dtype="float64")
    result = refvis.inversion(net, x, at="relu1", steps=5, lp_weight=0.3, tv_weight=0.2, p=3, beta=1.5, sigma=50)
    np.testing.assert_allclose(result.history["lp"][-1], 0.3 * slow_lp(result.x[0], 3, 50), rtol=1e-10)
    np.testing.assert_allclose(result.history["tv"][-1], 0.2 * slow_total_variation(result.x[0], 1.5, 50), rtol=1e-10)


def test_regularisers_act():
    net, x = net_for_inversion(), inputs(dtype="float64")

    def roughness(**weights):
        result = refvis.inversion(net, x, at="conv2", steps=60, **{"lp_weight": 0, "tv_weight": 0} | weights)
        return slow_total_variation(result.x[0], 2, 80), slow_lp(result.x[0], 6, 80)

    free, smooth, bounded = roughness(), roughness(tv_weight=3), roughness(lp_weight=3)
    assert smooth[0] < 0.5 * free[0]
    assert bounded[1] < 0.5 * free[1]


def test_the_same_seed_gives_the_same_image():
    net, x = net_for_inversion(), inputs()
    first, second, other = (refvis.inversion(net, x, at="relu2", steps=10, seed=seed) for seed in (4, 4, 5))
    assert_same(first.x, second.x)
    assert_same(first.history, second.history)
    assert np.abs(first.x - other.x).max() > 1
    none = refvis.inversion(net, x, at="relu2", steps=0, seed=4)
    noise = (np.random.default_rng(4).standard_normal(x.shape) * 4).astype("float32")
    np.testing.assert_allclose(none.x, noise, rtol=1e-6)


def test_a_code_may_be_given_itself():
    net, x = classifier(), inputs()
    code = net.forward(x)["x5"]
    by_code = refvis.inversion(net, code, at="conv2", steps=8)
    by_image = refvis.inversion(net, x, at="conv2", steps=8)
    assert_same(by_code.x, by_image.x)
    assert_same(by_code.history, by_image.history)
    assert by_code.x.shape == x.shape


def test_codes_of_another_shape_are_refused():
    expected = r"expected a code at conv2 \(x5\), \(1, 4, 3, 10\), or an input, \(1, 13, 11, 3\)"
    with pytest.raises(refvis.ShapeError, match=rf"the target has shape \(1, 4, 3, 9\), {expected}"):
        refvis.inversion(classifier(), np.ones((1, 4, 3, 9), "float32"), at="conv2", steps=1)


def test_a_start_of_another_shape_is_refused():
    for starts, expected in (
        (1, r"expected \(1, 13, 11, 3\)$"),
        (4, r"expected \(4, 13, 11, 3\) or \(1, 13, 11, 3\)$"),
    ):
        with pytest.raises(refvis.ShapeError, match=r"the start has shape \(1, 5, 5, 3\), " + expected):
            refvis.inversion(classifier(), inputs(), "conv2", starts=starts, start=np.ones((1, 5, 5, 3), "float32"))


@pytest.mark.parametrize("weight", [-1, -1e-9, float("nan"), float("inf")])
def test_weights_are_not_negative(weight):
    net, x = classifier(), inputs()
    for method, name in (
        (refvis.inversion, "tv_weight"),
        (refvis.inversion, "lp_weight"),
        (refvis.natural_preimage, "weight"),
        (refvis.caricature, "weight"),
    ):
        with pytest.raises(ValueError, match=f"^{name} is {weight}, expected 0 or more"):
            method(net, x, "conv2", steps=1, **{name: weight})


def test_without_a_layer_the_last_map_is_inverted():
    net, x = classifier(), inputs()
    result = refvis.inversion(net, x, steps=2)
    assert result.record.parameters["at"] == net.variable("drop2")
    with pytest.raises(ValueError, match="no layer has more than one position"):
        refvis.inversion(refvis.chain({"all": Conv(np.ones((2, 13, 11, 3), "float32"))}), x, steps=2)


def test_the_record_and_the_picture():
    net, x = classifier(), inputs()
    result = refvis.inversion(net, x, at="relu1", steps=3, seed=6)
    parameters = result.record.parameters
    expected = {
        "at": "x2", "steps": 3, "lp_weight": 1e-2, "tv_weight": 1.0, "p": 6.0, "beta": 2.0, "rate": 0.05,
        "sigma": 80.0, "seed": 6, "starts": 1, "start": "noise", "error": "norm", "parametrisation": "Pixels()",
        "optimiser": "Adam(rate=4.0, schedule=Cosine())", "transforms": "()", "projections": "()",
        "regularisers": "0.01 lp(p=6.0, sigma=80.0) + 1 total_variation(beta=2.0, sigma=80.0)",
        "weight": 1.0, "noise": 4.0, "code": array_digest(net.forward(x)["x2"]),
    }  # fmt: skip
    assert parameters == expected
    assert (result.record.method, result.record.fingerprint) == ("inversion", net.fingerprint)
    assert_same(result.image, net.restore(result.x))
    assert (result.image.shape, result.image.dtype) == ((13, 11, 3), np.uint8)


def test_the_target_is_left_alone():
    net, x = classifier(), inputs()
    before = x.copy()
    refvis.inversion(net, x, at="relu1", steps=3)
    assert_same(x, before)


def test_progress_is_shown_on_a_terminal_when_asked_for(monkeypatch):
    for terminal, progress, shown in ((True, True, True), (True, False, False), (False, True, False)):
        stream = StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal, raising=False)
        monkeypatch.setattr("sys.stderr", stream)
        refvis.inversion(classifier(), inputs(), at="relu1", steps=3, progress=progress)
        assert ("inversion: 100%" in stream.getvalue()) == shown


def test_whether_a_search_failed():
    """Above half of the start's distance it has; of a start that was given, and of an interruption, nothing is said."""
    net, x = net_for_inversion(), inputs()
    result = refvis.inversion(net, x, at="relu1", steps=2)
    start = refvis.inversion(net, x, at="relu1", steps=0)
    np.testing.assert_allclose(result.measures["norm_of_start"], start.measures["norm"], rtol=1e-6)
    for share, expected in ((0.49, False), (0.51, True)):
        ended = replace(
            result, measures={"norm": share * start.measures["norm"]} | {"norm_of_start": start.measures["norm"]}
        )
        assert ended.failed == expected
        assert not replace(ended, ended="interrupted").failed
    given = refvis.inversion(net, x, at="relu1", steps=0, start=start.x)
    assert "norm_of_start" not in given.measures
    assert (start.failed, given.failed) == (True, False)
    weighted = refvis.natural_preimage(net, x, "relu1", weight=2.0, steps=0)
    squared = ((net.forward(weighted.x)["x2"] - net.forward(x)["x2"]) ** 2).sum()
    np.testing.assert_allclose(
        weighted.measures["norm_of_start"], squared / (net.forward(x)["x2"] ** 2).sum(), rtol=1e-5
    )


def test_codes_of_zero_or_nan_are_refused():
    net = classifier()
    with pytest.raises(ValueError, match="the code at 'x5' is zero everywhere"):
        refvis.inversion(net, np.zeros((1, 4, 3, 10), "float32"), at="conv2")
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="the target holds 1 values that are NaN"):
        refvis.inversion(net, x, at="relu1")
    with pytest.raises(ValueError, match="the start holds 1 values that are NaN"):
        refvis.inversion(net, inputs(), at="relu1", start=x)
    with pytest.raises(ValueError, match="the target holds 120 values that are NaN"):
        refvis.inversion(net, np.full((1, 4, 3, 10), np.inf, "float32"), at="conv2")


def test_an_objective_that_overflows_is_an_error():
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"the term '.*' became .* at step .*: lower"):
        refvis.inversion(classifier(), inputs(), at="conv2", steps=20, rate=1e30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "conv9"}, "no layer or variable 'conv9'"),
        ({"at": "x0"}, "'x0' is the network's input"),
        ({"steps": -1}, "steps is -1, expected 0 or more"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.inversion(classifier(), inputs(), **options)
