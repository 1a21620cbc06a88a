"""Without the folder `layers/fast` everything still works, by definition, and computes the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.without_fast import results

import refvis
from refvis.layers import modes
from refvis.layers.base.exactness import TWINS

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What a process computes with a copy of the package from which the folder is removed."""
    folder = tmp_path_factory.mktemp("without")
    ignored = shutil.ignore_patterns("__pycache__", "*.mat")
    shutil.copytree(Path(refvis.__file__).parent, folder / "refvis", ignore=ignored)
    shutil.rmtree(folder / "refvis" / "layers" / "fast")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(TESTS)])}
    command = [sys.executable, "-W", "error", "-m", "support.without_fast", str(folder / "results.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    arrays = dict(np.load(folder / "results.npz"))
    assert Path(str(arrays.pop("package"))) == folder / "refvis"
    return arrays


def test_no_twin_is_left(without: dict[str, np.ndarray]) -> None:
    here = {twin.__module__ for twin in TWINS.values()}
    assert len({name for name in here if name.startswith("refvis.layers.fast.")}) > 5
    assert [str(name) for name in without["twins"] if str(name).startswith("refvis.layers.fast")] == []


def test_results_are_the_same(without: dict[str, np.ndarray]) -> None:
    expected = results("float64")
    assert set(without) == {*expected, "twins"}
    assert len([name for name in expected if name.removeprefix("chain ") in modes.MODES]) == len(modes.MODES)
    for name, values in expected.items():
        assert without[name].dtype == values.dtype, name
        assert np.abs(values).max() > 0, name
        np.testing.assert_allclose(
            without[name], values, rtol=1e-9, atol=1e-10 * np.abs(values).max(), err_msg=name, strict=True
        )
