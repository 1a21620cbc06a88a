"""Each public method of the three classes, once, on arrays of CuPy's kind: the same result as NumPy's, bit for bit.

What is drawn is drawn on the host, so that a seed gives one result on both sides.
"""

import numpy as np
import pytest
from support.elsewhere import there
from support.every_method import METHODS, pictures
from support.sides import assert_same_there
from support.small_nets import classifier, inputs

import refvis
from refvis.layers import array_module, calls


@pytest.mark.parametrize("method", METHODS)
def test_every_method(cupy, monkeypatch, method):
    net, x = classifier(), inputs()
    expected = METHODS[method](net, x)
    arrived = []
    with monkeypatch.context() as patched:
        patched.setattr(calls, "array_module", lambda *arrays: arrived.append(array_module(*arrays)))
        found = METHODS[method](there(net), there(x))
    assert set(arrived) == {cupy}  # no layer was given an array of NumPy's
    assert_same_there(cupy, found, expected)


def test_generators(cupy):
    net = refvis.load("scenes")
    x = net.preprocess(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8"))
    for call in (
        lambda net, x: refvis.generator_inversion(net, x, "relu2"),
        lambda net, x: refvis.generator_maximization(net, channel=1, steps=2),
    ):
        assert_same_there(cupy, call(net.to("cupy"), there(x)), call(net, x))


def test_hog(cupy):
    x = inputs(size=(24, 16, 1))
    assert_same_there(cupy, refvis.hog().to("cupy").forward(there(x)).output, refvis.hog().forward(x).output)
    assert_same_there(cupy, refvis.dsift().to("cupy").forward(there(x)).output, refvis.dsift().forward(x).output)


def test_classify(cupy):
    net, x = classifier(), inputs()
    assert_same_there(cupy, net.to("cupy").classify(pictures()[0]), net.classify(pictures()[0]))
    assert_same_there(cupy, net.to("cupy").classify(there(x)), net.classify(x))


def test_results_are_saved(cupy, tmp_path):
    net, x = classifier().to("cupy"), there(inputs())
    for made in (refvis.deconvolution(net, x, channel=[0, 1]), refvis.inversion(net, x, "relu1", steps=2, starts=2)):
        for name in ("a.png", "a.h5"):
            made.save(tmp_path / name)
            assert (tmp_path / name).stat().st_size
    refvis.save(net, tmp_path / "net.mat")
    assert refvis.load(tmp_path / "net.mat").fingerprint == classifier().fingerprint
