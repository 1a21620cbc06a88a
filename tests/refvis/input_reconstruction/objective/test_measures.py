"""Measures of codes, the named errors, and the objective: values by their formulas, slopes by central differences."""

from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from support.numeric import central
from support.slow_terms import slow_lp, slow_total_variation
from support.small_nets import classifier, inputs

from refvis.input_reconstruction.image.fourier import Fourier
from refvis.input_reconstruction.image.parametrisations import Pixels, Squashed
from refvis.input_reconstruction.image.transforms import Blur, Jitter, Rotate, Scale
from refvis.input_reconstruction.objective.errors import code_measure, mean_squared_distance, reconstruction_errors
from refvis.input_reconstruction.objective.measures import distance, energy, inner_product, squared_distance
from refvis.input_reconstruction.objective.objective import Objective, Term, reaching
from refvis.layers import ShapeError
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import Adam
from refvis.optimisation.regularisers import lp, total_variation

SHAPE = (3, 5, 4, 6)
RANDOM = np.random.default_rng(4)
TARGET, CODES = RANDOM.normal(size=(1, *SHAPE[1:])), RANDOM.normal(size=(7, *SHAPE[1:]))
DIRECTIONS = RANDOM.normal(size=(3, 1, 1, 6))


@pytest.mark.parametrize(
    ("measure", "slow"),
    [
        (partial(squared_distance, target=TARGET, scale=2.5), lambda v, n: ((v - TARGET[0]) ** 2).sum() / 2.5),
        (partial(distance, target=TARGET, scale=2.5), lambda v, n: np.linalg.norm(v - TARGET[0]) / 2.5),
        (partial(inner_product, direction=TARGET), lambda v, n: np.vdot(v, TARGET[0])),
        (partial(inner_product, direction=DIRECTIONS), lambda v, n: (v * DIRECTIONS[n]).sum()),
        (energy, lambda v, n: (v**2).mean() / 2),
    ],
)
def test_measures(measure, slow):
    values = RANDOM.normal(size=SHAPE)
    result, gradient = measure(values)
    assert gradient.shape == SHAPE
    np.testing.assert_allclose(result, [slow(one, n) for n, one in enumerate(values)], rtol=1e-12)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=SHAPE)
        slope = central(lambda v: measure(v)[0].sum(), values, direction)
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


def test_measures_keep_single_precision():
    values = RANDOM.normal(size=SHAPE).astype("float32")
    target = TARGET.astype("float32")
    for result in (squared_distance(values, target, 2.5), distance(values, target, 2.5), energy(values)):
        assert [part.dtype.name for part in result] == ["float32", "float32"]


def test_at_the_target_the_distance_has_no_slope():
    value, gradient = distance(TARGET.copy(), TARGET, 2.0)
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_array_equal(gradient, 0)


def test_named_errors():
    result = RANDOM.normal(size=SHAPE)
    squares = [((one - TARGET[0]) ** 2).sum() for one in result]
    pairs = [((a - b) ** 2).sum() for a, b in combinations(CODES, 2)]
    errors = reconstruction_errors(result, TARGET, CODES)
    assert list(errors) == ["norm", "root", "pairwise"]
    np.testing.assert_allclose(errors["norm"], squares / (TARGET**2).sum(), rtol=1e-12)
    np.testing.assert_allclose(errors["root"], np.sqrt(squares / (TARGET**2).sum()), rtol=1e-12)
    np.testing.assert_allclose(errors["pairwise"], squares / np.mean(pairs), rtol=1e-12)
    assert list(reconstruction_errors(result, TARGET)) == ["norm", "root"]
    for name, values in errors.items():
        np.testing.assert_allclose(code_measure(TARGET, name, CODES)(result)[0], values, rtol=1e-12)


def test_errors_without_a_scale_are_refused():
    with pytest.raises(ValueError, match="the error is 'mean', expected one of 'norm', 'root', 'pairwise'"):
        code_measure(TARGET, "mean")
    with pytest.raises(ValueError, match="give them as others="):
        code_measure(TARGET, "pairwise")
    with pytest.raises(ValueError, match="there are 1 codes to take distances between, expected 2 or more"):
        mean_squared_distance(CODES[:1])
    with pytest.raises(
        ShapeError, match=r"others have shape \(7, 5, 4, 5\), expected codes like the target, N x \(5, 4, 6"
    ):
        code_measure(TARGET, "pairwise", CODES[..., :5])
    for target, others, error in ((0 * TARGET, None, "norm"), (TARGET, CODES[[2, 2]], "pairwise")):
        with pytest.raises(ValueError, match=r"the scale of the error is 0\.0"):
            code_measure(target, error, others)


@pytest.mark.parametrize("at", ["conv1", "norm1", "relu2", "fc3", "prob"])
@pytest.mark.parametrize("moved", [False, True])
def test_the_objective_is_the_sum_of_its_terms(at, moved):
    net = classifier()
    variable = net.variable(at)
    code = net.forward(inputs(dtype="float64"))[variable]
    terms = (
        Term("code", code_measure(code, "norm"), 2.0, variable),
        Term("lp", partial(lp, p=3.0, sigma=60.0), 0.3),
        Term("tv", partial(total_variation, beta=1.5, sigma=60.0), 0.7),
    )
    transforms = (Jitter(3), Scale(0.9, 1.2), Rotate(20.0), Blur((0.3, 0.8))) if moved else ()
    shown = Squashed(Fourier(), 90.0) if moved else Pixels()
    objective = Objective(reaching(net, {variable}), terms, shown, transforms, seed=2)
    z = inputs(2, dtype="float64", seed=8)
    values, gradient = objective(z, 5)
    x = shown(z)[0]
    result = net.forward(objective.transform(x, 5)[0])[variable]
    assert list(values) == ["code", "lp", "tv"]
    np.testing.assert_allclose(values["code"], 2 * reconstruction_errors(result, code)["norm"], rtol=1e-10)
    np.testing.assert_allclose(values["lp"], [0.3 * slow_lp(one, 3.0, 60.0) for one in x], rtol=1e-10)
    np.testing.assert_allclose(values["tv"], [0.7 * slow_total_variation(one, 1.5, 60.0) for one in x], rtol=1e-10)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=z.shape)
        slope = central(lambda v: sum(value.sum() for value in objective(v, 5)[0].values()), z, direction)
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-5)


@pytest.mark.parametrize(
    ("most", "forward", "back"), [(5, [5], [5]), (2, [2, 2, 1] * 2, [2, 2, 1]), (0, [1] * 10, [1] * 5)]
)
def test_more_images_than_fit_go_in_parts(most, forward, back, monkeypatch):
    """Each image with a target of its own; what does not fit goes forward twice. One image always goes."""
    net, z = classifier(), inputs(5, dtype="float64")
    low, high = net.variable("relu2"), net.variable("fc3")
    codes = net.forward(inputs(5, dtype="float64", seed=4))
    terms = (
        Term("a", partial(squared_distance, target=codes[low], scale=2.0), 1.0, low),
        Term("b", partial(inner_product, direction=codes[high]), -3.0, high),
        Term("lp", partial(lp, p=2.0, sigma=9.0)),
    )
    objective = Objective(reaching(net, {low, high}), terms, Pixels())
    values, gradient = objective(z, 1)
    shapes = objective.net.shapes(x0=(1, *z.shape[1:])).values()
    sizes = {"forward": [], "backward": []}

    class Watched(type(objective.net)):
        def forward(self, x):
            sizes["forward"].append(len(x))
            return super().forward(x)

        def backward(self, trace, seeds, mode):
            sizes["backward"].append(len(trace["x0"]))
            return super().backward(trace, seeds, mode)

    monkeypatch.setattr("refvis.layers.base.limits.MEMORY", most * 16 * sum(map(np.prod, shapes)))
    watched = replace(objective, net=Watched(objective.net.nodes))
    result, slope = watched(z, 1)
    assert (sizes["forward"], sizes["backward"]) == (forward, back)
    assert list(result) == list(values)
    for name in values:
        np.testing.assert_allclose(result[name], values[name], rtol=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-9, atol=1e-12)


def test_terms_of_several_layers():
    """Two variables of a network, one of them twice, and nothing of the image."""
    net = classifier()
    low, high = net.variable("norm1"), net.variable("fc3")
    measures = {low: energy, high: partial(inner_product, direction=np.ones((1, 1, 1, 7)))}
    terms = (Term("a", measures[low], 1.0, low), Term("b", measures[high], -2.0, high), Term("c", energy, 0.5, high))
    objective = Objective(reaching(net, {low, high}), terms, Pixels())
    assert objective.net.nodes[-1].name == "fc3"
    z = inputs(dtype="float64")
    trace = net.forward(z)
    expected = (trace[low] ** 2).mean() / 2, -2 * trace[high].sum(), (trace[high] ** 2).mean() / 4
    values, gradient = objective(z, 1)
    np.testing.assert_allclose([values[name].item() for name in "abc"], expected, rtol=1e-12)
    direction = np.random.default_rng(0).normal(size=z.shape)
    slope = central(lambda v: sum(value.sum() for value in objective(v, 1)[0].values()), z, direction)
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-5)


def test_terms_have_names_of_their_own():
    with pytest.raises(ValueError, match="several terms have the same name: a, a"):
        Objective(classifier(), (Term("a", energy), Term("a", energy)), Pixels())


@pytest.mark.parametrize(
    ("measure", "shape", "message"),
    [
        (
            partial(squared_distance, scale=1.0),
            (1, 1, 1, 10),
            r"the target has shape \(1, 1, 1, 10\), expected \(1, 4, 3, ",
        ),
        (partial(distance, scale=1.0), (1, 9, 3, 10), r"the target has shape \(1, 9, 3, 10\)"),
        (partial(distance, scale=1.0), (3, 4, 3, 10), r"the target has shape \(3, 4, 3, 10\)"),
        (inner_product, (1, 9, 3, 10), r"the direction has shape \(1, 9, 3, 10\), which does not broadcast"),
    ],
)
def test_targets_that_do_not_fit_are_refused_by_the_terms_name(measure, shape, message):
    """One that would merely broadcast, too."""
    net, name = classifier(), "direction" if measure is inner_product else "target"
    measure = partial(measure, **{name: np.ones(shape)})
    objective = Objective(reaching(net, {"x5"}), (Term("mine", measure, 1.0, "x5"),), Pixels())
    with pytest.raises(ShapeError, match=rf"the term 'mine', of x5: {message}"):
        objective(inputs(2, dtype="float64"), 1)


def test_nan_is_said_to_be_in_a_target_or_in_the_start():
    net, target = classifier(), np.full((1, 13, 11, 3), np.nan)
    with pytest.raises(ValueError, match="the target of the term 'mine' holds 429 values that are NaN"):
        Objective(net, (Term("mine", partial(squared_distance, target=target, scale=1.0)),), Pixels())
    objective = Objective(net, (Term("energy", energy),), Pixels())
    with pytest.raises(ValueError, match="the start holds 429 values that are NaN"):
        minimised(objective, target, Loop(3, Adam(1.0)))


def test_an_objective_of_the_image_alone():
    objective = Objective(classifier(), (Term("lp", partial(lp, p=2.0, sigma=1.0)),), Pixels())
    z = inputs(dtype="float64")
    values, gradient = objective(z, 1)
    np.testing.assert_allclose(values["lp"], [(z**2).mean()])
    np.testing.assert_allclose(gradient, 2 * z / z.size)
