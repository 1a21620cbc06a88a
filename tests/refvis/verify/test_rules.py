"""Rules and modes at operators: choices are named, mistakes are told, stabilisers are no false alarm in float32."""

from functools import partial

import numpy as np
import pytest
from support import catalogue
from support.adapters import Adapter

from refvis import layers, modes, verify
from refvis.layers import lrp

AT = [
    "epsilon",
    "epsilon at fully_connected",
    "epsilon:average_pool",
    "epsilon at sum",
    "epsilon at batch_norm",
    "z_plus",
    "z_plus at conv_transpose",
    "alpha_beta at fully_connected",
    "gamma",
    "w_square",
    "flat at fully_connected",
    "box",
    "excitation",
    "contrastive at fully_connected",
    "spread",
    "lrn_taylor",
    "tangent",
    "passes",
    "epsilon_plus_flat at first conv",
    "guided at max_pool",
    "zennit:EpsilonGammaBox(low=-3, high=4) at first conv",
    "captum:GammaRule(gamma=0.4)",
]


SOME = ("epsilon at fully_connected", "w_square", "flat at fully_connected", "passes", "guided at max_pool")
ANSWERS = [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in AT]
"""Rules whose answers are all tried: some, and with -m slow, where the hundreds of others take minutes, all."""


@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_is_the_definition(name):
    kind = verify.find(name)
    assert not catalogue.dead(kind, "backward", catalogue.cases(kind, 30))


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_recognised(name):
    kind = verify.find(name)
    drawn = catalogue.cases(kind, 24)
    for answer in catalogue.answers_of(kind, "backward")[::23]:
        assert catalogue.recognised(kind, "backward", answer, drawn) == answer.name


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize(("layout", "dtype"), [("NHWC", "float64"), ("NCHW", "float32")])
def test_the_definition_passes(name, layout, dtype):
    kind = verify.find(name)
    report = verify.layer(None, name, Adapter(kind, layout, fast=True).backward, layout=layout, dtype=dtype, seconds=60)
    assert report, report


@pytest.mark.parametrize("mode", modes.MODES)
def test_every_mode_has_a_kind_at_its_layers(mode):
    for place in "conv", "fully_connected", "max_pool", "relu":
        assert verify.find(f"{mode} at {place}").name == f"{mode} at {place}"


@pytest.mark.parametrize(
    ("name", "rule", "reason", "words"),
    [
        ("epsilon", partial(lrp.epsilon, eps=1e-9), "eps=1e-09", "its stabiliser is 1e-09, not 1e-06 (as in captum)"),
        ("epsilon", partial(lrp.epsilon, bias="absent"), "bias=absent", "does not take part"),
        (
            "z_plus",
            partial(lrp.z_plus, split="weights", eps=1e-9, modify_bias=False),
            "eps=1e-09,modify_bias=False,split=weights",
            "(as in captum)",
        ),
        ("alpha_beta", lrp.z_plus, "alpha=1,beta=0", "it has alpha 1, beta 0"),
        ("flat", lrp.w_square, "is_w_square", "the rule w_square"),
    ],
)
def test_choices_are_named(name, rule, reason, words):
    report = verify.layer(None, name, rule, seconds=20)
    assert report.reason_name == reason
    assert words in report.reason


def test_a_smaller_stabiliser_is_no_false_alarm_in_float32():
    assert verify.layer(None, "epsilon", partial(lrp.epsilon, eps=1e-9), dtype="float32")
    assert not verify.layer(None, "epsilon", partial(lrp.epsilon, eps=0.25), dtype="float32", seconds=10)


def test_division_by_zero_is_named():
    def theirs(layer, signal, output, x):
        part = lrp.linear(layer, x)
        up, down = (part.weighted(sign).on(sign) for sign in (lambda v: np.maximum(v, 0), lambda v: np.minimum(v, 0)))
        bias = 0 if layer.biases is None else np.maximum(layer.biases, 0)
        with np.errstate(all="ignore"):
            share = signal / (up.forward() + down.forward() + bias)
            return up.relevance(share)[0] + down.relevance(share)[0]

    assert verify.layer(None, "z_plus", theirs, seconds=20).reason_name == "eps=none"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("epsilon at nowhere", {}, "no operator 'nowhere'"),
        ("epsilon", {"alpha": 2.0}, "no option 'alpha', expected eps, bias"),
        ("guided", {"eps": 1.0}, "no option 'eps'"),
        ("conv", {"eps": 1.0}, "only rules have options"),
        ("epsilom", {}, "did you mean"),
        ("epsilon at pairwise_distance", {}, "no rule for 'pairwise_distance'"),
    ],
)
def test_what_cannot_be_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        verify.find(name, **options)


def test_options_are_the_rules():
    kind = verify.find("alpha_beta at fully_connected", alpha=1.5)
    layer, x = layers.FullyConnected(np.array([[1.0, -2.0]])), np.ones((1, 1, 1, 2))
    ones = kind.rule(layer, np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), -1.0), x)[0]
    np.testing.assert_allclose(ones.ravel(), [1.5, -0.5], atol=1e-5)
