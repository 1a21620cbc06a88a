"""`refvis verify` on files and programs: exit codes, and errors of one line."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import pytest
from support.command_line import run

Call = Callable[..., tuple[int, str, str]]

PROGRAM = """
import json, sys
import numpy as np
for line in sys.stdin:
    asked = json.loads(line)
    if asked["cmd"] == "start":
        answer = {"version": 1, "implementation": {"name": "mine", "layout": "NCHW", "kinds": ["lrn"]}}
    elif asked["cmd"] == "stop":
        break
    elif asked["part"] != "forward":
        answer = {"seq": asked["seq"], "skipped": True, "message": "no backward pass"}
    else:
        x = np.array(asked["inputs"]["x"]["data"], float).reshape(asked["inputs"]["x"]["shape"])
        layer, sums = asked["layer"], np.zeros_like(x)
        below, above = (layer["size"] - 1) // 2, layer["size"] // 2
        for c in range(x.shape[1]):
            sums[:, c] = (x[:, max(0, c - below) : c + above + 1] ** 2).sum(axis=1)
        y = x * (layer["kappa"] + ALPHA * sums) ** -layer["beta"]
        answer = {"seq": asked["seq"], "values": {"output": {"shape": list(y.shape), "data": y.ravel().tolist()}}}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Call:
    return partial(run, monkeypatch, capsys)


def program(folder: Path, alpha: str) -> str:
    path = folder / "program.py"
    path.write_text(PROGRAM.replace("ALPHA", alpha))
    return f"{sys.executable} {path}"


@pytest.mark.parametrize(
    ("alpha", "more", "code"),
    [
        ("layer['alpha']", (), 0),
        ("layer['alpha'] / layer['size']", (), 1),
        ("layer['alpha'] / layer['size']", ("--strict",), 2),
        ("layer['alpha'] / layer['size']", ("--convention", "alpha_over_n"), 0),
        ("layer['alpha'] * 3", (), 2),
    ],
)
def test_exit_codes_of_a_program(alpha: str, more: tuple[str, ...], code: int, tmp_path: Path, call: Call) -> None:
    found, out, err = call("verify", "--pipe", program(tmp_path, alpha), *more)
    assert found == code, err
    assert "no backward pass" in out


@pytest.mark.parametrize("command", ["false", "cat", "no-such-program", "echo hello", "'unbalanced"])
def test_a_program_that_cannot_be_run_is_code_3_and_one_line(command: str, call: Call) -> None:
    code, _, err = call("verify", "--pipe", command, "--kind", "lrn")
    assert code == 3
    assert err.startswith("refvis: error: ")
    assert err.count("\n") == 1


def test_files_are_held_to_a_case(tmp_path: Path, call: Call) -> None:
    case = tmp_path / "case.h5"
    assert call("vectors", "scenes", "--mode", "guided", "--out", case)[0] == 0
    assert call("verify", case, "--against", case)[0] == 0
    wrong = tmp_path / "wrong.h5"
    wrong.write_bytes(case.read_bytes())
    with h5py.File(wrong, "a") as file:
        file["modes/guided/signals/x1"][...] *= -1
    code, out, _ = call("verify", wrong, "--against", case)
    assert code == 2
    assert "'relu1'" in out
    for arguments in ((wrong,), (tmp_path / "absent.h5", "--against", case)):
        code, _, err = call("verify", *arguments)
        assert (code, err.count("\n")) == (3, 1)
