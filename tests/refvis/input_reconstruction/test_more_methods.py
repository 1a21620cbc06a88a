"""Natural pre-images, caricatures, DeepDream, and what inversion has beyond its first form."""

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import SIZE, classifier, conv, inputs

import refvis
from refvis.input_reconstruction.image.fourier import Fourier
from refvis.input_reconstruction.image.parametrisations import Generated
from refvis.input_reconstruction.image.transforms import Jitter
from refvis.layers import Conv, ConvTranspose, ReLU
from refvis.optimisation.lbfgs import LBFGS
from refvis.optimisation.optimisers import Momentum


def test_a_natural_preimage_has_the_code_and_keeps_its_bound():
    net, x = classifier(), inputs()
    result = refvis.natural_preimage(net, x, "conv1", 300.0, steps=120)
    assert list(result.history) == ["code", "alpha", "tv"]
    assert result.measures["norm"][0] < 0.1
    assert np.linalg.norm(result.x, axis=3).max() <= 160 * (1 + 1e-6)
    np.testing.assert_allclose(result.history["code"][-1], 300 * result.measures["norm"][0], rtol=1e-4)
    assert result.record.parameters["weight"] == 300


def test_jitter_is_a_quarter_of_the_stride():
    net, x = classifier(), inputs()
    transforms = {
        at: refvis.natural_preimage(net, x, at, steps=1).record.parameters["transforms"] for at in ("conv1", "fc3")
    }
    assert transforms == {"conv1": "()", "fc3": "()"}
    strided = refvis.chain({"conv": conv(np.random.default_rng(0), (4, 5, 5, 3), stride=8)})
    result = refvis.natural_preimage(strided, x, "conv", steps=1)
    assert result.record.parameters["transforms"] == "(Jitter(pixels=2),)"


def test_a_caricature_has_more_of_its_own_code():
    net, x = classifier(), inputs()
    result = refvis.caricature(net, x, "conv2", steps=30)
    assert list(result.history) == ["gain", "alpha", "tv"]
    code, new = (np.asarray(net.forward(one)["x5"], "float64") for one in (x, result.x))
    kept = np.maximum(code, 0)
    np.testing.assert_allclose(result.measures["gain"], (new * kept).sum() / (kept**2).sum(), rtol=1e-5)
    np.testing.assert_allclose(result.history["gain"][0], -20, rtol=1e-5)
    assert result.measures["gain"][0] > 1.2
    assert_same(refvis.caricature(net, x, "conv2", steps=0).x, x)
    with pytest.raises(ValueError, match="a caricature needs an image, and x is a code"):
        refvis.caricature(net, code.astype("float32"), "conv2")
    with pytest.raises(ValueError, match="no positive value to exaggerate"):
        refvis.caricature(
            refvis.chain({"conv": conv(np.random.default_rng(0), (4, 5, 5, 3), biases=False)}), 0 * x, "conv"
        )


@pytest.mark.parametrize("channel", [None, 3])
def test_deepdream_excites_the_layer(channel):
    net, x = classifier(), inputs(size=(26, 22, 3))
    result = refvis.deepdream(net, x, "conv1", channel, octaves=3, steps=4, jitter=2)
    assert (result.x.shape, result.x.dtype) == (x.shape, x.dtype)
    assert result.history["excitement"].shape == (3 * 5,)
    before, after = (net.forward(one)["x1"] for one in (x, result.x))
    if channel is None:
        assert (after**2).mean() > 1.5 * (before**2).mean()
    else:
        assert after[..., 3].mean() > before[..., 3].mean() + 1
    for octave in np.reshape(result.history["excitement"], (3, 5)):
        assert octave[-1] < octave[0]
    assert_same(refvis.deepdream(net, x, "conv1", channel, octaves=3, steps=4, jitter=2).x, result.x)
    assert np.abs(refvis.deepdream(net, x, "conv1", channel, octaves=2, steps=0).x - x).max() < 1e-3


def test_dreams_go_on_after_an_interruption(tmp_path, monkeypatch):
    """In the second of three octaves, which alone has a file then; the first is made again."""
    net, x = classifier(), inputs(size=(26, 22, 3))
    options = {"octaves": 3, "steps": 6, "jitter": 2, "seed": 1}
    whole, calls = refvis.deepdream(net, x, "conv1", **options), []

    def stopped(self, *arguments, step=Momentum.step):
        calls.append(arguments)
        if len(calls) == 6 + 4:
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Momentum, "step", stopped)
        with pytest.warns(UserWarning, match="interrupted: this deepdream is of 2 of 6 steps"):
            part = refvis.deepdream(net, x, "conv1", **options, checkpoint=tmp_path / "dream.npz")
        assert part.partial
        assert part.x.shape == x.shape
        assert [path.name for path in tmp_path.iterdir()] == ["dream-1.npz"]
        calls.clear()
        calls.extend([None] * 100)  # no more interruptions
        resumed = refvis.deepdream(net, x, "conv1", **options, checkpoint=tmp_path / "dream.npz")
    assert len(calls) == 100 + 6 + 3 + 6
    assert_same(resumed.x, whole.x)
    assert_same(resumed.history, whole.history)
    assert not [*tmp_path.iterdir()]
    with pytest.raises(ValueError, match=r"expected a name that ends in \.npz"):
        refvis.deepdream(net, x, "conv1", checkpoint=tmp_path / "dream.txt")


def test_images_of_other_sizes_than_the_average_have_a_picture():
    average = np.arange(13.0 * 11 * 3, dtype="float32").reshape(*SIZE)
    net = classifier().with_images(average=average)
    dream = refvis.deepdream(net, inputs(), "conv1", octaves=2, steps=1)
    assert_same(dream.image, net.restore(dream.x))
    result = refvis.activation_maximization(net, "conv1", 2, size=(9, 8), steps=1)
    expected = np.clip(np.rint(result.x[0] + average.mean(axis=(0, 1))), 0, 255).astype(np.uint8)
    assert_same(result.image, expected)


def test_deepdreams_of_a_class_by_its_name():
    net, x = classifier(), inputs()
    by_name, by_number = (refvis.deepdream(net, x, "fc3", channel, octaves=1, steps=3) for channel in ("dog", 3))
    assert_same(by_name.x, by_number.x)
    assert by_name.record == by_number.record


def test_deepdreams_that_cannot_be_are_refused():
    net, x = classifier(), inputs()
    for options, message in (
        ({"octaves": 0}, "octaves is 0, expected 1 or more"),
        ({"ratio": 0.5}, "ratio is 0.5, expected a number above 1"),
        ({"rate": -1}, "rate is -1, expected a number from 0"),
        ({"jitter": -3}, "jitter is -3, expected a whole number from 0"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            refvis.deepdream(net, x, "conv1", **options)
    with pytest.raises(ValueError, match=r"channel 9 of 'conv1 \(x1\)': expected 0 \.\.\. 7"):
        refvis.deepdream(net, x, "conv1", 9)
    for channel, at, message in (("cat", "conv1", "there is no named channel 'cat'"), ("cta", "fc3", "mean 'cat'")):
        with pytest.raises(ValueError, match=message):
            refvis.deepdream(net, x, at, channel)
    message = r"'fc3 \(x8\)' does not take octave 2 of 4, which is 9 x 8 pixels: give a convolution in place"
    with pytest.raises(refvis.ShapeError, match=message):
        refvis.deepdream(net, x, "fc3")
    with pytest.raises(refvis.ShapeError, match=r"layer 'fc3'.*give a larger input"):
        refvis.deepdream(net, x[:, :6, :6], "fc3")


@pytest.mark.parametrize("at", ["conv2", "relu2"])
def test_as_many_octaves_as_the_message_says(at):
    net, x = classifier(), inputs()
    with pytest.raises(refvis.ShapeError, match=r"give at most octaves=\d") as refused:
        refvis.deepdream(net, x, at, octaves=20, ratio=1.2, steps=1)
    most = int(str(refused.value).partition("octaves=")[2].partition(",")[0])
    assert refvis.deepdream(net, x, at, octaves=most, ratio=1.2, steps=1).x.shape == x.shape
    with pytest.raises(refvis.ShapeError):
        refvis.deepdream(net, x, at, octaves=most + 1, ratio=1.2, steps=1)


@pytest.mark.parametrize("channel", [None, 3])
def test_deepdream_measures_what_it_enlarges(channel):
    net, x = classifier(), inputs()
    result = refvis.deepdream(net, x, "conv2", channel, octaves=2, ratio=1.1, steps=4)
    for name, one in (("before", x), ("after", result.x)):
        values = net.forward(one)[net.variable("conv2")]
        expected = (values**2).mean() / 2 if channel is None else values[..., channel].mean()
        np.testing.assert_allclose(result.measures[name], [expected], rtol=1e-5)
    assert result.measures["after"] > result.measures["before"]
    np.testing.assert_array_equal(result.measures["objective"], result.history["excitement"][-1])


def test_an_inactive_channel_is_warned_of():
    net = refvis.chain({"conv": Conv(np.ones((2, 1, 1, 3)), np.array([0.0, -1e9])), "relu": ReLU()})
    x = inputs()
    with pytest.warns(UserWarning, match=r"nothing was added: relu \(x2\), channel 1, is inactive there"):
        result = refvis.deepdream(net, x, "relu", 1, octaves=1)
    assert_same(result.x, x)
    assert (result.measures["before"], result.measures["after"]) == (0, 0)


def test_a_dream_that_is_interrupted_is_whole_in_size(monkeypatch):
    net, x, calls = classifier(), inputs(size=(26, 22, 3)), []

    def interrupt_fourth(self, rng, draw=Jitter.draw):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return draw(self, rng)

    monkeypatch.setattr(Jitter, "draw", interrupt_fourth)
    with pytest.warns(UserWarning, match="interrupted: this deepdream is of 2 of 6 steps"):
        result = refvis.deepdream(net, x, "conv1", octaves=3, steps=6)
    assert result.partial
    assert (result.x.shape, result.image.shape) == (x.shape, x.shape[1:])
    assert len(result.history["excitement"]) == 3


@pytest.mark.parametrize("error", ["norm", "root", "pairwise"])
def test_inversion_by_each_error(error):
    net, x = classifier(), inputs()
    others = net.forward(inputs(5, seed=3))["x1"]
    result = refvis.inversion(net, x, "conv1", steps=60, lp_weight=0, tv_weight=0, error=error, others=others)
    assert set(result.measures) == {"objective", "norm", "root", "pairwise", "norm_of_start"}
    np.testing.assert_allclose(result.measures["objective"], result.measures[error], rtol=1e-3)
    assert result.measures["norm"][0] < 0.05


def test_inversion_by_lbfgs_and_by_frequencies():
    net, x = classifier(), inputs()
    options = {"at": "conv2", "steps": 40, "lp_weight": 0, "tv_weight": 0}
    plain = refvis.inversion(net, x, **options)
    second = refvis.inversion(net, x, optimiser=LBFGS(), **options)
    assert second.measures["norm"][0] < plain.measures["norm"][0]
    spectral = refvis.inversion(net, x, parametrisation=Fourier(), **options)
    assert spectral.measures["norm"][0] < 0.2
    with pytest.raises(ValueError, match="L-BFGS needs an objective without randomness"):
        refvis.inversion(net, x, optimiser=LBFGS(), transforms=(Jitter(1),), **options)


def test_inversion_among_a_generators_images():
    random = np.random.default_rng(1)
    up = ConvTranspose(random.normal(size=(2, 4, 4, 3)).astype("float32"), upsample=(3, 3))
    generator = refvis.chain({"up": up})
    shown = Generated(generator, (4, 3, 2))
    net = refvis.chain({"conv": conv(random, (5, 3, 3, 3))})
    code = random.normal(size=(1, 4, 3, 2)).astype("float32")
    x = generator.forward(code).output
    result = refvis.inversion(net, x, "conv", steps=300, parametrisation=shown, lp_weight=0, tv_weight=0, rate=0.01)
    assert result.measures["norm"][0] < 1e-3
    np.testing.assert_allclose(result.x, x, atol=0.5)
    assert result.record.parameters["parametrisation"].startswith("Generated(network, ")
    begun = refvis.inversion(net, x, "conv", steps=0, parametrisation=shown, start=code)
    assert begun.measures["norm"][0] < 1e-10


def test_of_several_starts_the_best_is_taken():
    net, x = classifier(), inputs()
    result = refvis.inversion(net, x, "conv2", steps=20, starts=3)
    assert (result.x.shape, result.starts.shape) == ((1, *SIZE), (1, 3, *SIZE))
    assert (np.diff(result.measures["objective"][0]) >= 0).all()
    np.testing.assert_allclose(
        sum(values[-1] for values in result.history.values()), result.measures["objective"][0, 0]
    )
    alone = refvis.inversion(net, x, "conv2", steps=20)
    assert (np.abs(result.starts[0] - alone.x).max(axis=(1, 2, 3)) < 0.1).sum() == 1


def test_results_are_written_with_their_measures(tmp_path):
    import h5py

    result = refvis.inversion(classifier(), inputs(), "conv1", steps=2, starts=2)
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as file:
        assert_same(file["measures/norm"][()], result.measures["norm"])
        assert_same(file["starts"][()], result.starts)
        assert file.attrs["parameter starts"] == 2
