"""Optimisers against slow replicas and on a bowl; schedules; projections."""

import numpy as np
import pytest

from refvis.input_reconstruction.image.projections import Blurred, Bound, Decay, SmallCleared, Sphere
from refvis.input_reconstruction.image.transforms import Blur, Jitter, Rotate, Scale, gaussian
from refvis.input_reconstruction.objective.measures import energy
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.recipe import Recipe
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.lbfgs import LBFGS, minimised_by_lbfgs
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import AdaGrad, Adam, Momentum
from refvis.optimisation.schedules import Constant, Cosine, Dropped

SHAPE = (2, 3, 4, 5)
CURVES = np.random.default_rng(0).uniform(0.5, 3, SHAPE[1:])
MIDDLE = np.random.default_rng(1).normal(size=SHAPE)


def bowl(z, step):
    """Half the weighted squared distance from MIDDLE, in two terms."""
    away = z - MIDDLE.astype(z.dtype)
    half = (CURVES.astype(z.dtype) * away**2).sum(axis=(1, 2, 3)) / 4
    return {"one": half, "two": half}, CURVES.astype(z.dtype) * away


def slow(kind, gradients, rate, mu=0.9):
    """The steps of one value, from its gradients, one after the other, as the formulas read."""
    s = a = m = v = 0.0
    steps = []
    for t, g in enumerate(gradients, 1):
        if kind == "momentum":
            s = mu * s - rate * g
        elif kind == "adagrad":
            a = mu * a + g**2
            s = mu * s - g / (1 / rate + np.sqrt(a))
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            s = -rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        steps.append(s)
    return steps


@pytest.mark.parametrize(
    ("kind", "optimiser"),
    [("momentum", Momentum(0.3)), ("adagrad", AdaGrad(0.3)), ("adam", Adam(0.3, Constant()))],
)
def test_steps_are_those_of_the_formulas(kind, optimiser):
    gradients = np.random.default_rng(2).normal(size=(6, *SHAPE))
    gradients[3, 0] = 0
    z, memory, steps = np.zeros(SHAPE), optimiser.initial_memory(np.zeros(SHAPE)), []
    for number, gradient in enumerate(gradients, 1):
        before = z
        z, memory = optimiser.step(z, gradient, memory, number, 6)
        steps.append(z - before)
    for at in [(0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 3)]:
        expected = slow(kind, [gradient[at] for gradient in gradients], 0.3)
        np.testing.assert_allclose([step[at] for step in steps], expected, rtol=1e-9, atol=1e-12)


def test_normalised_steps_do_not_depend_on_the_scale():
    optimiser, gradient = Momentum(2.0, normalised=True), np.random.default_rng(3).normal(size=SHAPE)
    gradient[1] = 0
    memory = optimiser.initial_memory(gradient)
    small, large = (optimiser.step(0 * gradient, gradient * scale, memory, 1, 1)[0] for scale in (1e-9, 1e3))
    np.testing.assert_allclose(small, large, rtol=1e-9)
    np.testing.assert_allclose(np.abs(large).mean(axis=(1, 2, 3)), [2, 0])


def test_schedules():
    assert [Constant().factor(n, 4) for n in range(1, 5)] == [1, 1, 1, 1]
    np.testing.assert_allclose([Cosine().factor(n, 4) for n in (1, 3)], [1, 0.5])
    assert [Dropped().factor(n, 350) for n in (1, 300, 301, 350)] == [1, 1, 0.1, 0.1]
    assert [Dropped(0.5, 0.2).factor(n, 4) for n in range(1, 5)] == [1, 1, 0.2, 0.2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("optimiser", "steps"),
    [(Momentum(0.1), 200), (AdaGrad(3.0, schedule=Cosine()), 300), (Adam(0.1), 300), (LBFGS(), 40)],
)
def test_the_bottom_is_found(optimiser, steps, dtype):
    run = minimised_by_lbfgs if isinstance(optimiser, LBFGS) else minimised
    state, ended = run(bowl, np.zeros(SHAPE, dtype), Loop(steps, optimiser))
    assert state.z.dtype == dtype
    np.testing.assert_allclose(state.z, MIDDLE, atol=2e-2)
    assert ended == ("patience" if isinstance(optimiser, LBFGS) else "all steps")
    assert list(state.rows[0]) == ["one", "two"]
    np.testing.assert_allclose(state.rows[-1]["one"], bowl(state.z, 1)[0]["one"], rtol=1e-6, atol=1e-12)
    if ended == "all steps":
        assert len(state.rows) == steps + 1


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Adam(-4.0), "Adam's rate is -4.0, expected a number from 0"),
        (lambda: Momentum(-1), "Momentum's rate is -1, expected"),
        (lambda: AdaGrad(0), "AdaGrad's rate is 0, expected a number above 0"),
        (lambda: AdaGrad(float("nan")), "AdaGrad's rate is nan, expected"),
        (lambda: Momentum(1.0, momentum=1.0), "Momentum's momentum is 1.0, expected a number from 0 to below 1"),
        (lambda: AdaGrad(1.0, momentum=-0.1), "AdaGrad's momentum is -0.1, expected"),
        (lambda: Jitter(-3), "Jitter's pixels is -3, expected a whole number from 0"),
        (lambda: Jitter(1.5), "Jitter's pixels is 1.5, expected"),
        (lambda: Blur(-0.5), "Blur's sigma is -0.5, expected"),
        (lambda: Blur((2.0, 1.0)), r"Blur's sigma is \(2.0, 1.0\), expected"),
        (lambda: Scale(0.0, 1.0), r"Scale's \(low, high\) is \(0.0, 1.0\), expected two numbers above 0"),
        (lambda: Scale(1.2, 1.1), r"Scale's \(low, high\) is \(1.2, 1.1\), expected"),
        (lambda: Rotate(-5.0), "Rotate's degrees is -5.0, expected a number from 0"),
        (lambda: Recipe(Term("l2", energy)), r"regularisers is 'Term', expected a tuple of terms, such as \(one,\)"),
        (lambda: Recipe(transforms=Jitter(2)), "transforms is 'Jitter', expected a tuple of transforms"),
        (lambda: Recipe(projections=Bound(2.0)), "projections is 'Bound', expected a tuple of projections"),
        (lambda: Recipe(noise=-1.0), "noise is -1.0, expected a number from 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_lbfgs_takes_no_more_steps_than_allowed():
    for steps in (0, 1, 3):
        state, ended = minimised_by_lbfgs(bowl, np.zeros(SHAPE), Loop(steps, LBFGS(tolerance=0.0)))
        assert (len(state.rows), ended) == (steps + 1, "all steps")
        totals = [sum(row.values()).sum() for row in state.rows]
        assert (np.diff(totals) < 0).all()


def test_lbfgs_takes_no_single_steps(tmp_path):
    """Each is refused by its name, before anything is evaluated or written."""
    given = {"projections": (Bound(1.0),), "patience": 3, "checkpoint": Checkpoint(tmp_path / "run.npz", {})}
    for name, value in given.items():
        with pytest.raises(ValueError, match=f"L-BFGS takes no {name}, since .*: leave it out, or use Momentum"):
            minimised_by_lbfgs(None, np.zeros(SHAPE), Loop(3, LBFGS(), **{name: value}))
    assert list(tmp_path.iterdir()) == []


def test_bound_shortens_long_colours_only():
    z = np.random.default_rng(4).normal(size=SHAPE)
    z[0, 1, 2] = 0
    lengths, bound = np.linalg.norm(z, axis=3), 2.0
    projected = Bound(bound)(z, 1)
    np.testing.assert_array_equal(projected[lengths <= bound], z[lengths <= bound])
    np.testing.assert_allclose(np.linalg.norm(projected, axis=3)[lengths > bound], bound)
    np.testing.assert_allclose(projected * np.maximum(lengths, bound)[..., None] / bound, z)


def test_sphere_and_decay():
    z = np.random.default_rng(5).normal(size=SHAPE)
    z[1] = 0
    projected = Sphere(7.0)(z, 1)
    np.testing.assert_allclose(np.sqrt((projected**2).mean(axis=(1, 2, 3))), [7, 0])
    np.testing.assert_allclose(projected[0] / z[0], (projected[0] / z[0])[0, 0, 0])
    np.testing.assert_allclose(Decay(0.25)(z, 1), 0.75 * z)


def test_blur_and_clearing_come_every_so_many_steps():
    z = np.random.default_rng(6).normal(size=(2, 10, 7, 3))
    rows, columns = gaussian(10, 0.8), gaussian(7, 0.8)
    np.testing.assert_allclose(Blurred(0.8)(z, 1), np.einsum("ih,jw,nhwc->nijc", rows, columns, z))
    lengths = np.linalg.norm(z, axis=3)
    cleared = SmallCleared(30.0)(z, 1)
    for image, projected, length in zip(z, cleared, lengths, strict=True):
        small = length < np.sort(length, axis=None)[21]
        assert small.sum() == 21
        np.testing.assert_array_equal(projected, np.where(small[..., None], 0, image))
    for projection in (Blurred(0.8, every=4), SmallCleared(30.0, every=4)):
        assert [np.array_equal(projection(z, step), z) for step in (1, 3, 4, 6, 8)] == [True, True, False, True, False]
