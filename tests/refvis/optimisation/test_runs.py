"""A run: how it ends, what it keeps, and that one that was interrupted goes on as if it had not been."""

from pathlib import Path

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.input_reconstruction.image.projections import Bound
from refvis.input_reconstruction.image.transforms import Jitter, Rotate
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import AdaGrad, Adam, Momentum

SHAPE = (2, 3, 4, 5)
THIS = {"run": "this"}


def noisy(z, step):
    """A bowl that shakes by the number of the step; it also counts its calls."""
    noisy.calls += 1
    if noisy.calls == noisy.stop:
        raise KeyboardInterrupt
    shift = np.random.default_rng(step).normal(size=z.shape).astype(z.dtype) / 10
    return {"bowl": ((z - shift) ** 2).sum(axis=(1, 2, 3))}, 2 * (z - shift)


@pytest.fixture(autouse=True)
def quiet():
    noisy.calls, noisy.stop = 0, None


def start(dtype="float64"):
    return np.random.default_rng(0).normal(size=SHAPE).astype(dtype)


def test_an_interruption_returns_the_best_so_far():
    noisy.stop = 8
    state, ended = minimised(noisy, start(), Loop(20, Momentum(0.4)))
    assert (ended, len(state.rows)) == ("interrupted", 7)
    totals = np.array([row["bowl"] for row in state.rows])
    np.testing.assert_array_equal(state.lowest, totals.min(axis=0))
    z, rows = start(), []
    memory = Momentum(0.4).initial_memory(z)
    for number in range(1, 8):
        rows.append(z)
        z, memory = Momentum(0.4).step(z, noisy(z, number)[1], memory, number, 20)
    for image, step in enumerate(totals.argmin(axis=0)):
        np.testing.assert_array_equal(state.best[image], rows[step][image])


def test_an_interruption_before_the_first_step_is_the_callers():
    noisy.stop = 1
    with pytest.raises(KeyboardInterrupt):
        minimised(noisy, start(), Loop(20, Momentum(0.1)))


@pytest.mark.parametrize("stop", [1, 2, 9, 12, 15])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimiser", [Momentum(0.05), AdaGrad(0.5), Adam(0.2)])
def test_a_resumed_run_is_the_uninterrupted_one(optimiser, dtype, stop, tmp_path):
    def loop(kept):
        return Loop(14, optimiser, (Bound(1.5),), checkpoint=kept)

    whole, _ = minimised(noisy, start(dtype), loop(None))
    kept = Checkpoint(tmp_path / "run.npz", THIS, every=5)
    noisy.calls, noisy.stop = 0, stop
    if stop == 1:
        with pytest.raises(KeyboardInterrupt):
            minimised(noisy, start(dtype), loop(kept))
    else:
        assert minimised(noisy, start(dtype), loop(kept))[1] == "interrupted"
        assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    noisy.calls, noisy.stop = 0, None
    resumed, ended = minimised(noisy, start(dtype), loop(kept))
    assert ended == "all steps"
    assert noisy.calls == 15 - max(0, stop - 1)
    assert_same(resumed, whole)


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path):
    """A run that ends without a chance to write has what every so many steps left behind."""
    whole, _ = minimised(noisy, start(), Loop(14, Adam(0.2)))
    kept = Checkpoint(tmp_path / "run.npz", THIS, every=5)

    def dies(z, step):
        if step == 13:
            raise MemoryError
        return noisy(z, step)

    with pytest.raises(MemoryError):
        minimised(dies, start(), Loop(14, Adam(0.2), checkpoint=kept))
    noisy.calls = 0
    resumed, _ = minimised(noisy, start(), Loop(14, Adam(0.2), checkpoint=kept))
    assert noisy.calls == 5
    assert_same(resumed, whole)


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    noisy.stop = 4
    minimised(noisy, start(), Loop(9, Adam(0.2), checkpoint=Checkpoint(path, THIS)))
    with pytest.raises(ValueError, match="is the checkpoint of another run"):
        minimised(noisy, start(), Loop(9, Adam(0.2), checkpoint=Checkpoint(path, {"run": "that"})))
    with pytest.raises(ValueError, match=r"expected a name that ends in \.npz"):
        Checkpoint(tmp_path / "run.h5", THIS)


def test_patience_ends_a_run_that_gets_nowhere():
    def flat(z, step):
        return {"flat": np.array([1.0, max(0.0, 1 - step / 7)])}, 0 * z

    state, ended = minimised(flat, start(), Loop(50, Adam(0.1), patience=5))
    assert ended == "patience"
    assert len(state.rows) == 7 + 5  # the second image fell until step 7
    assert minimised(noisy, start(), Loop(10, Momentum(0.01), patience=5))[1] == "all steps"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, np.nan], "the term 'a' became nan in image 0 of 2 at step 3: lower"),
        ([1, np.inf], "the term 'a' became inf in image 0 of 2 at step 2: lower"),
        ([-0.5] * 10 + [12.0], r"the objective grew from -0\.5 to 12 in image 0 of 2 at step 11: lower"),
        ([3.0] * 10 + [34.0], r"the objective grew from 3 to 34 in image 0 of 2 at step 11: lower"),
    ],
)
def test_divergence_is_said(values, message):
    def climbing(z, step):
        return {"a": np.array([values[step - 1], 1.0])}, 0 * z

    with pytest.raises(ValueError, match=message):
        minimised(climbing, start(), Loop(len(values), Adam(0.1)))


def test_an_objective_may_come_back():
    values = [1.0, 900.0, 80.0, *[5.0] * 15]

    def high(z, step):
        return {"a": np.full(2, values[step - 1])}, 0 * z

    assert minimised(high, start(), Loop(len(values) - 1, Adam(0.1)))[1] == "all steps"


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="patience is 0, expected 1 or more"):
        Loop(3, Adam(0.1), patience=0)
    with pytest.raises(ValueError, match="starts is 0, expected 1 or more"):
        refvis.inversion(classifier(), inputs(), at="relu1", starts=0)


def test_an_inversion_goes_on_where_it_was(tmp_path, monkeypatch):
    net, x, path = classifier(), inputs(), tmp_path / "inversion.npz"
    options = {"at": "conv2", "steps": 12, "starts": 2, "transforms": (Jitter(2), Rotate(10.0)), "seed": 3}
    whole = refvis.inversion(net, x, **options)
    seen = []

    def counted(self, z, gradient, memory, number, steps, step=Adam.step):
        seen.append(number)
        if seen == list(range(1, 8)):
            raise KeyboardInterrupt
        return step(self, z, gradient, memory, number, steps)

    monkeypatch.setattr(Adam, "step", counted)
    with pytest.warns(UserWarning, match="interrupted: this inversion is of 5 of 12 steps") as warned:
        part = refvis.inversion(net, x, checkpoint=path, **options)
    assert not Path(warned[0].filename).is_relative_to(Path(refvis.__file__).parent)  # it is the caller's line
    assert part.partial
    assert not whole.partial
    assert len(part.history["code"]) == 6
    with pytest.raises(ValueError, match="another run"):
        refvis.inversion(net, -x, checkpoint=path, **options)
    resumed = refvis.inversion(net, x, checkpoint=path, **options)
    assert seen == [*range(1, 8), *range(7, 13)]
    assert not path.exists()
    for name in ("x", "image", "history", "measures", "starts", "ended"):
        assert_same(getattr(resumed, name), getattr(whole, name))
