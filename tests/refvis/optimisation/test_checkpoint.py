"""Checkpoints: any change of the file is found, and what does not fit the run is refused in one line."""

import io
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.optimisation import checkpoint as checkpoints
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.checkpoint_file import CheckpointError, pack, unpack
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import Adam
from refvis.optimisation.state import State

STEPS = 12
RUN = {"model": "mine", "input": "0123", "parameter at": "x3"}


def start(dtype="float32"):
    return np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(dtype)


def bowl(z, step):
    if step == 6:
        raise KeyboardInterrupt
    return {"bowl": (z * z).sum(axis=(1, 2, 3)), "rim": abs(z).max(axis=(1, 2, 3))}, 2 * z


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkpoint after five evaluations, and the state that was written."""
    path = tmp_path_factory.mktemp("written") / "run.npz"
    state, _ = minimised(bowl, start(), Loop(STEPS, Adam(0.2), checkpoint=Checkpoint(path, RUN)))
    return path.read_bytes(), state


def fresh(dtype="float32"):
    return State(start(dtype), Adam(0.2).initial_memory(start(dtype)))


def resumed(folder, data, run=RUN, dtype="float32", steps=STEPS):
    path = folder / "run.npz"
    path.write_bytes(data)
    return Checkpoint(path, run).resume(fresh(dtype), steps)


def test_what_is_read_is_what_was_written(written, tmp_path):
    assert_same(resumed(tmp_path, written[0]), written[1])
    with np.load(tmp_path / "run.npz") as stored:  # anybody's NumPy reads it
        np.testing.assert_array_equal(stored["z"], written[1].z)


@given(data=st.data())
def test_any_flipped_bit_is_found(written, tmp_path, data):
    damaged = bytearray(written[0])
    place = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[place // 8] ^= 1 << place % 8
    with pytest.raises(CheckpointError, match=r"expected .*: remove the file, and the run starts anew"):
        resumed(tmp_path, bytes(damaged))


@given(data=st.data())
def test_any_end_that_is_missing_or_added_is_found(written, tmp_path, data):
    length = data.draw(st.integers(0, len(written[0]) - 1))
    for damaged in (
        written[0][:length],
        written[0][length:] if length else b"",
        written[0] + written[0][:length] + b"x",
    ):
        with pytest.raises(CheckpointError, match=r"expected .*: remove the file, and the run starts anew"):
            resumed(tmp_path, damaged)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"some text", "another kind of file, beginning 73 6f 6d 65 20 74 65 78"),
        (npz(key="old", z=start())[:900], "a file that is cut off or damaged"),
        (npz(key="old", z=start()), "an .npz file without checksum, of an older refvis or of another program"),
    ],
)
def test_other_files_are_named(tmp_path, data, found):
    with pytest.raises(CheckpointError) as caught:
        resumed(tmp_path, data)
    advice = "remove the file, and the run starts anew"
    assert str(caught.value) == (
        f"{tmp_path / 'run.npz'}: {found}, expected a refvis checkpoint, which ends with its checksum: {advice}"
    )


BEST = start()
FORGED = {
    "float64": ({"z": start("float64")}, "'z' is 2 x 3 x 4 x 5 float64, expected 2 x 3 x 4 x 5 float32"),
    "shape": ({"best": BEST[:, :2]}, "'best' is 2 x 2 x 4 x 5 float32, expected 2 x 3 x 4 x 5 float32"),
    "fewer images": ({"memory first": BEST[:1]}, "'memory first' is 1 x 3 x 4 x 5 float32, expected 2 x 3 x 4 x 5"),
    "NaN": ({"z": np.where(BEST > 0, np.float32("nan"), BEST)}, "'z' has values that are NaN or infinite"),
    "unequal rows": ({"term rim": np.ones((4, 2))}, "'term rim' is 4 x 2 float64, expected 5 x 2 float64"),
    "rows of other images": ({"term rim": np.ones((5, 3))}, "'term rim' is 5 x 3 float64, expected 5 x 2 float64"),
    "one number": ({"term bowl": np.float64(3)}, "'term bowl' has 0 rows, expected 1 ... 13 for a run of 12 steps"),
    "too many steps": (
        {"term bowl": np.ones((1200, 2)), "term rim": np.ones((1200, 2))},
        "'term bowl' has 1200 rows, expected 1 ... 13 for a run of 12 steps",
    ),
    "texts": ({"z": np.array(["a", "b"])}, "'z' is 2 <U1, expected"),
    "something else": ({"more": BEST}, "it holds .*'more', expected 'z', 'best', 'memory first', 'memory second', and"),
    "version": ({"about": np.array('{"version": 3, "run": {}}')}, "a checkpoint of version 3, expected version 2"),
    "no version": ({"about": np.array('{"run": {}}')}, "nothing says which run it is of"),
    "no JSON": ({"about": np.array("version 2")}, "nothing says which run it is of"),
    "a list": ({"about": np.array("[1, 2]")}, "nothing says which run it is of"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_right_checksum_is_not_enough(written, tmp_path, case):
    changes, message = FORGED[case]
    (tmp_path / "run.npz").write_bytes(written[0])
    arrays = unpack(tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match=message):
        resumed(tmp_path, pack(arrays | changes))


@pytest.mark.parametrize("name", ["about", "z", "best", "memory second"])
def test_nothing_may_be_missing(written, tmp_path, name):
    (tmp_path / "run.npz").write_bytes(written[0])
    arrays = unpack(tmp_path / "run.npz")
    del arrays[name]
    with pytest.raises(CheckpointError, match=r"it holds|nothing says"):
        resumed(tmp_path, pack(arrays))


def test_arrays_that_numpy_cannot_read_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no arrays"):
        resumed(tmp_path, pack({"z": np.array([{}], object)}))


def test_the_type_and_the_steps_of_the_run_are_those_of_the_file(written, tmp_path):
    with pytest.raises(CheckpointError, match="'z' is 2 x 3 x 4 x 5 float32, expected 2 x 3 x 4 x 5 float64"):
        resumed(tmp_path, written[0], dtype="float64")
    with pytest.raises(CheckpointError, match=r"'term bowl' has 5 rows, expected 1 ... 4 for a run of 3 steps"):
        resumed(tmp_path, written[0], steps=3)
    assert len(resumed(tmp_path, written[0], steps=4).rows) == 5


def test_another_run_is_told_apart_entry_by_entry(written, tmp_path):
    other = {**RUN, "input": "4567", "parameter at": "x" * 60, "new": 1}
    with pytest.raises(CheckpointError) as caught:
        resumed(tmp_path, written[0], other)
    assert str(caught.value).removeprefix(f"{tmp_path / 'run.npz'}: ") == (
        "it is the checkpoint of another run: input '0123', at 'x3', new none, "
        f"expected input '4567', at '{'x' * 40}'..., new '1': "
        "give the same arguments, another file, or remove this one"
    )


def test_other_terms_are_no_key_error(written, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(written[0])
    with pytest.raises(ValueError, match="the terms are else, those of the steps before bowl, rim"):
        minimised(
            lambda z, step: ({"else": np.zeros(2)}, 0 * z),
            start(),
            Loop(STEPS, Adam(0.2), checkpoint=Checkpoint(path, RUN)),
        )


@pytest.mark.parametrize("what", ["network", "image", "layer", "steps"])
def test_inversions_of_something_else_are_refused(tmp_path, monkeypatch, what):
    net, x, options = classifier(), inputs(), {"at": "conv2", "steps": 3, "checkpoint": tmp_path / "run.npz"}
    monkeypatch.setattr(
        checkpoints.Checkpoint, "remove", lambda self: self.write(fresh().with_row({"code": np.zeros(2)}))
    )
    refvis.inversion(net, x, **options)
    message = {"network": "fingerprint", "image": "code '", "layer": "at 'x", "steps": "steps '3'"}
    if what == "network":
        net = refvis.chain({"conv2": net.nodes[0].layer})
    x, at = (-x if what == "image" else x), "relu1" if what == "layer" else "conv2"
    with pytest.raises(CheckpointError, match=f"the checkpoint of another run: .*{message[what]}"):
        refvis.inversion(net, x, **options | {"at": at} | ({"steps": 4} if what == "steps" else {}))


def test_no_place_for_a_file_is_said_before_the_run(tmp_path):
    for path, kind in ((tmp_path / "no" / "run.npz", FileNotFoundError), (tmp_path / "folder.npz", IsADirectoryError)):
        (tmp_path / "folder.npz").mkdir(exist_ok=True)
        with pytest.raises(kind, match="cannot write"):
            Checkpoint(path, RUN)


def test_a_named_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "run.npz")
    with pytest.raises(OSError, match="is a named pipe, expected a file"):
        Checkpoint(tmp_path / "run.npz", RUN).resume(fresh(), STEPS)


def test_a_full_disk_does_not_end_the_run(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    loop = Loop(STEPS, Adam(0.2), checkpoint=Checkpoint(tmp_path / "run.npz", RUN, every=4))
    with pytest.warns(UserWarning, match=r"without a new checkpoint: cannot write '.*run\.npz': No space left") as told:
        state, ended = minimised(bowl, start(), loop)
    assert (ended, len(state.rows), len(told)) == ("interrupted", 5, 2)
    assert [*tmp_path.iterdir()] == []
