"""Damaged files of every kind end in a network or a ModelFormatError, and nothing else."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.damage import mutated, sound_files
from support.fuzz import run

from refvis.weights import ModelFormatError, read_model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sound_files(tmp_path_factory.mktemp("sound"))


def test_the_sound_files_are_sound(files, tmp_path):
    assert len(files) == 8
    for data in files:
        (tmp_path / "a.mat").write_bytes(data)
        assert len(read_model(tmp_path / "a.mat").nodes) == 5


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_damaged_v5_files(files, tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("damaged") / "a.mat"
    path.write_bytes(mutated([data for data in files if data[124:128] == b"\x00\x01IM"], seed))
    with contextlib.suppress(ModelFormatError):
        read_model(path)


def test_damaged_files_of_every_kind(files):
    """In a process of its own, since HDF5's library may crash; longer: ``PYTHONPATH=tests python -m support.fuzz``."""
    counts, odd = run(files, 250, first=10**6)
    assert odd == {}
    assert counts.total() == 250
    assert min(counts["network"], counts["ModelFormatError"]) > 10, counts


def test_damage_is_repeatable(files):
    assert [mutated(files, seed) for seed in range(20)] == [mutated(files, seed) for seed in range(20)]
    assert sum(mutated(files, seed) not in files for seed in range(50)) > 40
