"""The programs of the docs, in three languages, agree with the definition of LRN, and are caught when they do not."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.sources import ROOT

from refvis import verify
from refvis.verify.pipe import Program, functions

PROGRAMS = ROOT / "docs/verify/programs"
HEADER = Path("/usr/include/nlohmann/json.hpp")


def octave(folder: Path, source: str) -> str:
    if shutil.which("octave-cli") is None:
        pytest.skip("octave-cli is not installed")
    (folder / "program.m").write_text(source)
    return f"octave-cli -q {folder / 'program.m'}"


def cpp(folder: Path, source: str) -> str:
    if shutil.which("g++") is None or not HEADER.is_file():
        pytest.skip(f"g++ or {HEADER} is not installed")
    (folder / "program.cpp").write_text(source)
    subprocess.run(["g++", "-O1", "-o", folder / "program", folder / "program.cpp"], check=True)
    return str(folder / "program")


def javascript(folder: Path, source: str) -> str:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    (folder / "program.js").write_text(source)
    return f"node {folder / 'program.js'}"


@pytest.mark.parametrize(("name", "made"), [("lrn.m", octave), ("lrn.cpp", cpp), ("lrn.js", javascript)])
def test_a_program_in_another_language(name: str, made: Callable[[Path, str], str], tmp_path: Path) -> None:
    source = (PROGRAMS / name).read_text()
    wrong = source.replace("l.alpha *", "l.alpha / l.size *").replace("alpha * sum", "alpha / size * sum")
    wrong = wrong.replace("layer.alpha / size", "layer.alpha / layer.size")
    assert wrong != source
    for number, (text, reason) in enumerate(((source, ""), (wrong, "alpha_over_n"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Program(made(folder, text)) as program:
            report = verify.layer(functions(program, "lrn")["forward"], "lrn", layout=program.layout)
        assert report.reason_name == reason
