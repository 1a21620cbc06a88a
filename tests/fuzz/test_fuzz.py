"""A small part of the fuzzer's files. All crafted ones, and thousands of mutated ones: ``-m slow``."""

import random

import numpy as np
import pytest
from fuzz import stages
from fuzz.crafted import crafted
from fuzz.files import FORMATS, write, write_seed
from fuzz.models import MODELS
from fuzz.mutate import mutate, walk
from fuzz.runner import LIMIT, crafted_names, results

import refvis

MOST_SECONDS, MOST_BYTES = 10, LIMIT + (1 << 30)
"""The seconds of computing that each stage may take with one file, and the memory."""


def faults(names):
    """Return the ends of files that are none of those allowed, and check that every file has one."""
    lines = list(results(names))
    assert [name for name, *_ in lines] == names
    return [
        (name, found, seconds, memory)
        for name, found, seconds, memory in lines
        if any(end.startswith("fault") for end in found.values()) or memory > MOST_BYTES or seconds > MOST_SECONDS
    ]


def test_mutated_files():
    assert faults([str(seed) for seed in range(10**6 + 1, 10**6 + 60)]) == []


def test_a_sample_of_the_crafted_files():
    assert faults(crafted_names()[::20]) == []


@pytest.mark.slow
def test_all_crafted_files_and_thousands_of_mutated_ones():
    assert faults([*crafted_names(), *(str(seed) for seed in range(2000))]) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("kind", FORMATS)
def test_the_models_are_sound(model, kind, tmp_path):
    """Only the two layers that no file can bring along are unknown."""
    write(model(), tmp_path / "a.mat", kind)
    net = refvis.load(tmp_path / "a.mat")
    assert {node.layer.type for node in net.nodes if isinstance(node.layer, refvis.layers.Unknown)} <= {"dagnn.Mine"}
    assert net.forward(np.ones((1, 6, 5, 3), "float32"), **extra(net)).ends


def extra(net):
    """Return what a network reads beside the image."""
    known = {"rois": np.array([1.0, 1, 1, 3, 3]).reshape(1, 1, 1, 5), "target": np.ones((1, 4, 3, 2), "float32")}
    return {name: known[name] for name in net.inputs if name in known}


def test_seeds_are_repeatable_and_differ(tmp_path):
    def tree(seed):
        return repr([(key, value) for _, key in walk(changed(seed)) for value in [key]])

    def changed(seed):
        return mutate(MODELS[seed % len(MODELS)](), random.Random(seed))

    assert [tree(seed) for seed in range(20)] == [tree(seed) for seed in range(20)]
    kinds = {write_seed(seed, tmp_path / "a.mat") for seed in range(20)}
    assert kinds == set(FORMATS)
    names = [name for name, _ in crafted()]
    assert len(names) >= 200
    assert len(set(names)) == len(names)


def test_errors_that_are_faults_are_seen():
    def own():
        refvis.layers.forward(refvis.layers.ReLU(), np.ones((1, 2), "float32"))

    def foreign():
        np.ones(3).reshape(2, 2)

    found = stages.Outcome()
    stages.attempt(found, "own", own)
    stages.attempt(found, "foreign", foreign)
    stages.attempt(found, "another", own, refvis.ModelFormatError)
    stages.attempt(found, "key", lambda: {}["key"])
    assert found["own"] == "ShapeError"
    assert all(found[name].startswith("fault: ") for name in ("foreign", "another", "key"))


def test_a_worker_that_ends_is_a_fault_of_its_file():
    (line,) = results(["no seed"])
    assert line[0] == "no seed"
    assert line[1]["all"].startswith("fault: the process ended with")
