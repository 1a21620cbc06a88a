"""The sandbox gives the same values; a child process that crashes, hangs or runs out of memory is one error."""

import io
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.matlab_files import V73
from support.same import assert_same

import refvis
from refvis.weights import Limits, ModelFormatError, Opaque, read_mat, read_model
from refvis.weights.sandbox import messages, parent
from refvis.weights.sandbox.parent import read_in_sandbox

numbers = arrays.arrays(
    st.sampled_from(["float32", "float64", "bool", "int8", "uint64", "complex128"]),
    arrays.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4),
)
trees = st.recursive(
    numbers | st.text(max_size=5) | st.builds(Opaque, st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(tree=trees)
def test_values_survive_the_transfer(tree):
    stream = io.BytesIO()
    messages.send(stream, tree)
    stream.seek(0)
    assert_same(messages.receive(stream, Limits()), tree)
    assert stream.read() == b""


@pytest.mark.parametrize(
    "message",
    [
        {"tree": {"array": ["|O", 3]}},
        {"tree": {"array": ["<f8", 2**40]}},
        {"tree": {"array": ["<f8", 4]}},
        {"else": 1},
    ],
)
def test_the_parent_trusts_nothing(message):
    stream = io.BytesIO()
    messages.write_message(stream, message)
    stream.seek(0)
    with pytest.raises((ValueError, EOFError, KeyError)):
        messages.receive(stream, Limits())
    with pytest.raises(ValueError, match="impossible length"):
        messages.receive(io.BytesIO(struct.pack("<Q", 2**60)), Limits())


VALUES = {"net": {"layers": [{"type": "relu", "leak": np.array([[0.5]])}], "meta": {"note": "é"}}}


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
def test_the_same_model(tmp_path, kind):
    path = tmp_path / "é 1.mat"
    if kind == "v5":
        refvis.save(refvis.chain({"r": refvis.layers.ReLU(0.5)}, {"note": "é"}), path)
    else:
        V73(path).write(VALUES)
    assert_same(read_in_sandbox(path, Limits()), read_mat(path))
    assert refvis.load(path, isolate=True).fingerprint == refvis.load(path).fingerprint


def test_the_same_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "none.mat", isolate=True)
    (tmp_path / "a.mat").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ModelFormatError) as caught:
        read_model(tmp_path / "a.mat", isolate=True)
    with pytest.raises(ModelFormatError) as direct:
        read_model(tmp_path / "a.mat")
    assert str(caught.value) == str(direct.value)
    scipy.io.savemat(tmp_path / "b.mat", {"x": np.zeros((300, 1000))})
    with pytest.raises(ModelFormatError, match="at most 1,000,000 in the whole file"):
        read_in_sandbox(tmp_path / "b.mat", Limits(size=10**6))


def make_child_run(monkeypatch, code):
    """Make the child run `code` instead of reading."""
    monkeypatch.setattr(parent, "BOOTSTRAP", code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import os; os.kill(os.getpid(), 11)",
            r"the process that read the file ended without a result \(SIGSEGV\), expected a complete",
        ),
        ("import os; os._exit(3)", r"the process that read the file ended without a result \(exit code 3\)"),
        ("import time; time.sleep(60)", "reading took too long, expected at most 2 s"),
        ("print('something else, not an answer')", "the process that read the file ended"),
        ("import os; os.write(1, bytes(7) + b'\\x7f'); os._exit(0)", "the process that read the file ended"),
        ("import os, time; os.close(1); time.sleep(60)", "the process that read the file ended"),
    ],
)
def test_a_child_that_ends_is_one_error(tmp_path, monkeypatch, code, words):
    scipy.io.savemat(tmp_path / "a.mat", {"x": 1.0})
    make_child_run(monkeypatch, code)
    start = time.monotonic()
    with pytest.raises(ModelFormatError, match=words) as caught:
        read_model(tmp_path / "a.mat", isolate=True, seconds=2)
    assert str(tmp_path / "a.mat") in str(caught.value)
    assert time.monotonic() - start < 8


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's address space")
def test_memory_is_bounded(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros((9000, 9000))}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 10**6
    with pytest.raises(ModelFormatError, match="reading took too much memory, expected at most 600,000,000 bytes"):
        read_in_sandbox(tmp_path / "a.mat", Limits(), seconds=120, memory=600_000_000)
    variables = read_in_sandbox(tmp_path / "a.mat", Limits(), seconds=120, memory=3 * 2**30)
    assert variables["x"].shape == (9000, 9000)


def test_limits_grow_with_the_file(tmp_path):
    (tmp_path / "a.mat").write_bytes(bytes(20_000_000))
    assert parent.process_limits(tmp_path / "a.mat", None, None) == (11.0, 2**30 + 120_000_000)
    assert parent.process_limits(tmp_path / "a.mat", 3, 4) == (3, 4)


def test_nothing_beside_the_file_is_imported(tmp_path):
    """A folder with a model may hold Python files, too; they stay unread."""
    for name in ("json", "numpy", "h5py", "refvis", "resource", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    V73(tmp_path / "a.mat").write(VALUES)
    code = "import os, refvis; os.chdir(os.environ['AT']); print(len(refvis.load('a.mat', isolate=True).nodes))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=os.environ | {"AT": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")


HOSTILE = (
    "json",
    "numpy",
    "struct",
    "h5py",
    "refvis",
    "resource",
    "types",
    "sitecustomize",
    "usercustomize",
    "weights",
)
OPEN_PATHS = """
import os, sys, refvis
from refvis.weights.sandbox import parent  # here, since this process would import from its own current folder
os.chdir(os.environ["AT"])
sys.path[:0] = [os.environ["AT"], "", ".", "sub", os.path.join("..", os.path.basename(os.environ["AT"]))]
print(len(refvis.load("a.mat", isolate=True).nodes))
"""


@pytest.mark.parametrize("options", [("-c",), ("-i", "-c")], ids=["python -c", "interactive"])
def test_the_current_folder_is_never_imported_from(tmp_path, options):
    """The caller has "" and other names of the current folder in sys.path, and in PYTHONPATH."""
    (tmp_path / "sub").mkdir()
    for name in HOSTILE:
        for folder in (tmp_path, tmp_path / "sub"):
            (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    V73(tmp_path / "a.mat").write(VALUES)
    done = subprocess.run(
        [sys.executable, *options, OPEN_PATHS],
        env=os.environ | {"AT": str(tmp_path), "PYTHONPATH": os.pathsep + "."},
        cwd=tmp_path / "..",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


def test_the_folders_to_import_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [str(tmp_path / "absent"), str(tmp_path.parent)]
    monkeypatch.setattr(sys, "path", ["", ".", "sub", *kept, str(tmp_path), tmp_path])
    numpy_folder = os.path.dirname(os.path.dirname(os.path.realpath(np.__file__)))
    assert parent.import_folders() == [*kept, numpy_folder]
