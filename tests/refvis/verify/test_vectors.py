"""Vectors: every answer is told apart, no test is blind, same seed same text; cases of networks as files."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import refvis
from refvis import layers, verify
from refvis.verify.tolerance import APART
from refvis.verify.vectors.documents import text_of
from refvis.verify.vectors.writing import write_vectors

SOME = ("conv", "max_pool", "lrn", "guided", "batch_norm")


@pytest.fixture(scope="module", params=SOME)
def vectors(request: pytest.FixtureRequest) -> Any:
    return verify.document(verify.find(request.param))


def test_there_are_tests_and_the_first_answer_is_the_definition(vectors: Any) -> None:
    assert vectors["numberOfTests"] == len(vectors["tests"]) > 0
    assert all(test["answers"][0]["ids"][0] == "definition" for test in vectors["tests"])


def test_every_answer_is_told_from_the_definition(vectors: Any) -> None:
    told = {name for test in vectors["tests"] for one in test["answers"][1:] for name in one["ids"]}
    assert told == {one.name for one in verify.find(vectors["subject"]).answers}


def test_the_worked_numbers_of_the_documentation_are_tests() -> None:
    first = verify.document(verify.find("conv"))["tests"][0]
    assert first["flags"][0] == "BASIC"
    assert first["answers"][0]["values"]["output"]["data"] == [121, 132]


def test_no_test_is_blind(vectors: Any) -> None:
    for test in (one for one in vectors["tests"] if "BASIC" not in one["flags"]):
        sizes = [size for size in test["inputs"]["x"]["shape"] if size > 1]
        assert len(set(sizes)) == len(sizes) >= 3
        assert float(test["separation"]["float64"]) >= APART


def test_same_seed_same_text(vectors: Any) -> None:
    text = text_of(vectors)
    assert text == text_of(verify.document(verify.find(vectors["subject"])))
    assert json.loads(text) == json.loads(json.dumps(vectors))


def test_files_are_written(tmp_path: Path) -> None:
    (path,) = write_vectors(tmp_path / "new", ["relu"])
    assert json.loads(path.read_text())["subject"] == "relu"
    with pytest.raises(ValueError, match="there is no kind"):
        list(write_vectors(tmp_path, ["relu", "nothing"]))


def slashed() -> Any:
    random = np.random.default_rng(0)
    nodes = {
        "/block/conv": layers.Conv(random.normal(size=(3, 2, 2, 2)), random.normal(size=3), (2, 1), (1, 0, 0, 1)),
        "/block/relu": layers.ReLU(0.5),
        "/fc%": layers.FullyConnected(random.normal(size=(2, 45))),
    }
    return refvis.chain(nodes)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_case_comes_back_as_it_was(suffix: str, dtype: str, tmp_path: Path) -> None:
    net, x = slashed(), np.random.default_rng(1).normal(size=(2, 6, 5, 2)).astype(dtype)
    case = verify.network_case(net, x, ["gradient", "guided"])
    verify.write_case(tmp_path / f"case{suffix}", case)
    back = verify.read_case(tmp_path / f"case{suffix}")
    assert sorted(back.modes) == ["gradient", "guided"]
    assert {name: array.dtype.name for name, array in back.inputs.items()} == {"x0": dtype}
    assert set(back.arrays) == set(case.arrays)
    assert all(np.array_equal(back.arrays[name], array) for name, array in case.arrays.items())
    again = back.net.forward(back.inputs["x0"])
    assert all(np.array_equal(again[name], case.arrays[f"variables/{name}"]) for name in again)


def test_every_dataset_says_its_axes(tmp_path: Path) -> None:
    net, x = slashed(), np.ones((2, 6, 5, 2))
    verify.write_case(tmp_path / "case.h5", verify.network_case(net, x))
    axes: dict[str, str] = {}
    with h5py.File(tmp_path / "case.h5") as file:
        file.visititems(
            lambda name, one: axes.update({name: one.attrs["axes"]} if isinstance(one, h5py.Dataset) else {})
        )
    assert axes["variables/x1"] == "N,H,W,C"
    assert axes["parameters/%2Fblock%2Fconv/filters"] == "K,H,W,C"
    assert axes["parameters/%2Fblock%2Fconv/biases"] == "K"


def test_other_files_are_no_cases(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    with pytest.raises(ValueError, match="is no case of refvis"):
        verify.read_case(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"expected \.h5 or \.npz"):
        verify.write_case(tmp_path / "case.txt", verify.network_case(slashed(), np.ones((1, 6, 5, 2))))
