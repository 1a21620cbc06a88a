"""Inversion minimises what it says it minimises: values and slopes of every term, and the code that is found."""

from io import StringIO

import numpy as np
import pytest
from numeric import central
from same import assert_same
from small_nets import classifier, conv, inputs

import refvis
from refvis.input_reconstruction.inversion import _objective
from refvis.input_reconstruction.regularisers import lp, total_variation
from refvis.layers import Conv, ReLU

SHAPE = (2, 5, 4, 3)
BETAS = (1.0, 1.5, 2.0, 3.0)


def image(flat: bool = False) -> np.ndarray:
    """Values of about -2 ... 2 times 80; with `flat`, half of each image has one value, and some are zero."""
    x = 80 * np.random.default_rng(0).normal(size=SHAPE)
    if flat:
        x[:, :, :2] = 40.0
        x[:, 0, 3] = 0.0
    return x


def slow_lp(x, p, sigma):
    """Mean over rows, columns, channels of |x / sigma|^p, for one image."""
    values = [abs(float(x[at]) / sigma) ** p for at in np.ndindex(*x.shape)]
    return sum(values) / len(values)


def slow_total_variation(x, beta, sigma):
    """Mean of (dy^2 + dx^2)^(beta/2), the differences to the pixels below and to the right, where there are any."""
    total = 0.0
    height, width, channels = x.shape
    for i, j, c in np.ndindex(*x.shape):
        dy = (x[i + 1, j, c] - x[i, j, c]) / sigma if i + 1 < height else 0.0
        dx = (x[i, j + 1, c] - x[i, j, c]) / sigma if j + 1 < width else 0.0
        total += (dy**2 + dx**2) ** (beta / 2)
    return total / (height * width * channels)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("sigma", [1.0, 80.0])
@pytest.mark.parametrize(
    ("term", "slow", "powers"), [(lp, slow_lp, (1, 2, 3, 6)), (total_variation, slow_total_variation, BETAS)]
)
def test_terms_are_their_formulas(term, slow, powers, sigma, flat):
    x = image(flat)
    for power in powers:
        value, gradient = term(x, power, sigma)
        assert (value.shape, gradient.shape) == ((2,), SHAPE)
        np.testing.assert_allclose(value, [slow(one, power, sigma) for one in x], rtol=1e-12)
        small = term(x.astype("float32"), power, sigma)
        assert {part.dtype.name for part in small} == {"float32"}
        np.testing.assert_allclose(small[0], value, rtol=1e-5)
        np.testing.assert_allclose(small[1], gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("term", "power"), [(lp, 2.0), (lp, 3.0), (lp, 6.0), *((total_variation, beta) for beta in BETAS)]
)
def test_slopes_are_central_differences(term, power):
    x = image()
    gradient = term(x, power, 80.0)[1]
    for at in np.ndindex(*SHAPE):
        unit = np.zeros(SHAPE)
        unit[at] = 80.0
        slope = central(lambda z: term(z, power, 80.0)[0].sum(), x, unit)
        np.testing.assert_allclose(gradient[at] * 80, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("term", "power"), [(lp, 2.0), (lp, 6.0), (total_variation, 2.0), (total_variation, 3.0)])
def test_slopes_in_flat_parts(term, power):
    x = image(flat=True)
    gradient = term(x, power, 80.0)[1]
    direction = np.random.default_rng(1).normal(size=SHAPE) * 80
    slope = central(lambda z: term(z, power, 80.0)[0].sum(), x, direction)
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", [0.5, *BETAS])
def test_total_variation_of_a_flat_image_has_no_slope(beta, dtype):
    for value in (0.0, 40.0):
        found, gradient = total_variation(np.full(SHAPE, value, dtype), beta, 80.0)
        np.testing.assert_array_equal(found, 0)
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", BETAS)
def test_slopes_stay_finite_where_an_image_is_nearly_flat(beta, dtype):
    x = image(flat=True).astype(dtype)
    for step in (1e-3, 1e-10, 1e-18, 1e-25, 1e-40):
        x[0, 2, 1, 1] = step
        x[1, :, :2] = step
        assert np.isfinite(total_variation(x, beta, 80.0)[1]).all()


@pytest.mark.parametrize("at", ["conv1", "norm1", "relu2", "fc3", "prob"])
def test_objective_and_its_slope(at):
    net = classifier()
    variable = net.variable(at)
    cut = net.upto(variable)
    code = cut.forward(inputs(dtype="float64"))[variable]
    weights, p, beta, sigma = (0.3, 0.7), 3.0, 1.5, 60.0
    objective = _objective(cut, variable, code, (*weights, p, beta, sigma))
    z = inputs(dtype="float64", seed=8)
    terms, gradient = objective(z)
    code_error = ((cut.forward(z)[variable] - code) ** 2).sum() / (code**2).sum()
    expected = code_error, weights[0] * slow_lp(z[0], p, sigma), weights[1] * slow_total_variation(z[0], beta, sigma)
    assert list(terms) == ["code", "lp", "tv"]
    np.testing.assert_allclose([float(value.sum()) for value in terms.values()], expected, rtol=1e-10)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=z.shape)
        slope = central(lambda v: sum(value.sum() for value in objective(v)[0].values()), z, direction)
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-5)


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
    found = refvis.inversion(net, x, at=at, steps=200, lp_weight=0, tv_weight=0)
    assert (found.x.shape, found.x.dtype) == (x.shape, dtype)
    history = found.history
    assert {name: len(values) for name, values in history.items()} == {"code": 201, "lp": 201, "tv": 201}
    assert 0.5 < history["code"][0] < 2
    assert history["code"][-1] < 0.01
    code, target = (net.forward(z)[net.variable(at)] for z in (found.x, x))
    np.testing.assert_allclose(((code - target) ** 2).sum() / (target**2).sum(), history["code"][-1], rtol=1e-3)
    assert not history["lp"].any()
    assert not history["tv"].any()


def test_history_holds_the_terms_of_the_objective():
    net, x = net_for_inversion(), inputs(dtype="float64")
    found = refvis.inversion(net, x, at="relu1", steps=5, lp_weight=0.3, tv_weight=0.2, p=3, beta=1.5, sigma=50)
    np.testing.assert_allclose(found.history["lp"][-1], 0.3 * slow_lp(found.x[0], 3, 50), rtol=1e-10)
    np.testing.assert_allclose(found.history["tv"][-1], 0.2 * slow_total_variation(found.x[0], 1.5, 50), rtol=1e-10)


def test_regularisers_act():
    net, x = net_for_inversion(), inputs(dtype="float64")

    def roughness(**weights):
        found = refvis.inversion(net, x, at="conv2", steps=60, **{"lp_weight": 0, "tv_weight": 0} | weights)
        return slow_total_variation(found.x[0], 2, 80), slow_lp(found.x[0], 6, 80)

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
    with pytest.raises(refvis.ShapeError):
        refvis.inversion(classifier(), np.ones((1, 4, 3, 9), "float32"), at="conv2", steps=1)


def test_without_a_layer_the_last_map_is_inverted():
    net, x = classifier(), inputs()
    found = refvis.inversion(net, x, steps=2)
    assert found.record.parameters["at"] == net.variable("drop2")
    with pytest.raises(ValueError, match="no layer has more than one position"):
        refvis.inversion(refvis.chain({"all": Conv(np.ones((2, 13, 11, 3), "float32"))}), x, steps=2)


def test_the_record_and_the_picture():
    net, x = classifier(), inputs()
    found = refvis.inversion(net, x, at="relu1", steps=3, seed=6)
    expected = {
        "at": "x2", "steps": 3, "lp_weight": 1e-2, "tv_weight": 1.0, "p": 6.0, "beta": 2.0, "rate": 0.05,
        "sigma": 80.0, "seed": 6,
    }  # fmt: skip
    assert found.record.parameters == expected
    assert (found.record.method, found.record.fingerprint) == ("inversion", net.fingerprint)
    assert_same(found.image, net.restore(found.x))
    assert (found.image.shape, found.image.dtype) == ((13, 11, 3), np.uint8)


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


def test_codes_of_zero_or_nan_are_refused():
    net = classifier()
    with pytest.raises(ValueError, match="the code at 'x5' is zero everywhere"):
        refvis.inversion(net, np.zeros((1, 4, 3, 10), "float32"), at="conv2")
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        refvis.inversion(net, x, at="relu1")
    with pytest.raises(ValueError, match="NaN"):
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
