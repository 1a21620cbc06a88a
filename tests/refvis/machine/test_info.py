"""``refvis info``: the properties of a machine, and advice that never asks for what its processor lacks."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.command_line import run

import refvis
from refvis.machine import advice, info
from refvis.machine import probe as machine

AVX2 = advice.INSTRUCTION_SETS["AVX2"] | advice.INSTRUCTION_SETS["AVX"]
FLAGS = {
    "SSE": frozenset({"sse4_2"}),
    "AVX": advice.INSTRUCTION_SETS["AVX"],
    "AVX2": AVX2,
    "AVX-512": AVX2 | advice.INSTRUCTION_SETS["AVX-512"],
}
CPUINFO = """processor\t: 0
model name\t: First (R) 9
flags\t\t: fpu avx avx2 fma

processor\t: 1
model name\t: Second
flags\t\t: fpu
"""


@pytest.fixture
def quiet():
    """A machine about which there is nothing to say."""
    blas = machine.Blas("openblas", "0.3.30", "Haswell", 1, "pthreads")
    return machine.Machine(
        *("1.2.3", "/there", "3.12.1", "/bin/py", "Linux x86_64", "Fast 9", 4), AVX2, "2.4.0", blas, {}, machine.Gpus()
    )


def pool(path, version="0.3.27", threads=3):
    """An entry of threadpoolctl's list."""
    return {
        "user_api": "blas",
        "internal_api": "openblas",
        "filepath": path,
        "version": version,
        "num_threads": threads,
        "threading_layer": "pthreads",
        "architecture": "Zen",
    }


@pytest.mark.parametrize("has", FLAGS)
@pytest.mark.parametrize("used", advice.KERNELS)
def test_advice_asks_for_what_the_flags_allow_and_no_more(quiet, has, used):
    """Of every kind of kernels on every kind of processor; the suggestion itself leaves nothing to be said."""
    for name in advice.KERNELS[used]:
        blas = replace(quiet.blas, kernels=name)
        remark = advice.kernel_advice(blas, FLAGS[has])
        if used == has:
            assert remark is None
            continue
        assert f"kernels for {name} ({used})" in remark
        assert ("will crash" in remark) == (advice.ORDER.index(used) < advice.ORDER.index(has))
        best = advice.KERNELS[has][0]
        assert best in remark
        others = {names[0] for level, names in advice.KERNELS.items() if level != has} - {name}
        assert not any(other in remark for other in others)
        assert advice.kernel_advice(replace(blas, kernels=best), FLAGS[has]) is None


@pytest.mark.parametrize("missing", sorted(advice.INSTRUCTION_SETS["AVX-512"]))
def test_a_part_of_the_flags_is_not_enough(quiet, missing):
    """Early processors with AVX-512 lack some of what SkylakeX kernels use."""
    assert advice.kernel_advice(quiet.blas, FLAGS["AVX-512"] - {missing}) is None


def test_nothing_is_said_where_nothing_is_known(quiet):
    slow = replace(quiet.blas, kernels="Nehalem")
    assert advice.kernel_advice(slow, AVX2) is not None
    assert advice.kernel_advice(slow, frozenset()) is None
    assert advice.kernel_advice(replace(slow, kernels="neoversen1"), AVX2) is None
    assert advice.kernel_advice(replace(slow, kernels=None), AVX2) is None
    assert advice.kernel_advice(replace(slow, name="mkl"), AVX2) is None


def test_threads_that_spin(quiet):
    two = replace(quiet, blas=replace(quiet.blas, threads=2))
    (remark,) = advice.advice(two)
    assert "OPENBLAS_NUM_THREADS=1" in remark
    assert "OPENBLAS_THREAD_TIMEOUT" in remark
    assert advice.advice(quiet) == []
    assert advice.advice(replace(two, settings={"OPENBLAS_THREAD_TIMEOUT": "10"})) == []
    assert advice.advice(replace(two, blas=replace(two.blas, threading="openmp"))) == []
    assert advice.advice(replace(two, blas=machine.Blas("accelerate", None))) == []


def test_both_remarks(quiet):
    remarks = advice.advice(replace(quiet, blas=replace(quiet.blas, kernels="Prescott", threads=8)))
    assert ["Prescott" in remark for remark in remarks] == [True, False]


def test_described(quiet):
    assert info.machine_lines(quiet) == [
        "refvis     1.2.3, in /there",
        "Python     3.12.1, /bin/py",
        "system     Linux x86_64",
        "processor  Fast 9, 4 cores, AVX2",
        "NumPy      2.4.0",
        "BLAS       openblas 0.3.30, kernels for Haswell, 1 thread",
        "CuPy       not installed",
        "GPUs       none",
        "settings   none",
    ]
    other = replace(
        quiet,
        cores=1,
        flags=frozenset(),
        blas=machine.Blas("accelerate", None),
        settings={"OMP_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Zen"},
        gpus=machine.Gpus("13.6", ("GPU A", "GPU B"), None),
    )
    lines = dict(line.split(maxsplit=1) for line in info.machine_lines(other))
    assert lines["processor"] == "Fast 9, 1 core"
    assert lines["BLAS"] == "accelerate"
    assert (lines["CuPy"], lines["GPUs"]) == ("13.6", "GPU A, GPU B")
    assert lines["settings"] == "OMP_NUM_THREADS=2, OPENBLAS_CORETYPE=Zen"
    absent = info.machine_lines(replace(quiet, gpus=machine.Gpus("13.6", (), "no driver")))
    assert absent[-2].split(maxsplit=1) == ["GPUs", "none (no driver)"]


def test_this_machine(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    here = machine.machine()
    assert (here.refvis, here.numpy) == (refvis.__version__, np.__version__)
    assert here.folder == str(Path(refvis.__file__).parent)
    assert here.executable == sys.executable
    assert here.cores >= 1
    assert here.blas.name
    assert here.settings["OPENBLAS_NUM_THREADS"] == "1"


def test_processor_of_the_first_core(monkeypatch, tmp_path):
    for text, expected in ((CPUINFO, ("First (R) 9", {"fpu", "avx", "avx2", "fma"})), ("Features\t: fp asimd\n", None)):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
        here = machine.machine()
        if expected:
            assert (here.processor, here.flags) == expected
        else:
            assert here.flags == frozenset()
            assert here.processor
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "absent")
    assert machine.machine().flags == frozenset()


def test_numpys_blas_among_several(monkeypatch):
    other, own = pool("/site/scipy.libs/a.so", threads=7), pool("/site/numpy.libs/b.so", "0.3.31")
    threads = {"user_api": "openmp", "internal_api": "openmp", "filepath": "/numpy/gomp.so"}
    monkeypatch.setattr(machine, "threadpool_info", lambda: [threads, other, own])
    assert machine.machine().blas == machine.Blas("openblas", "0.3.31", "Zen", 3, "pthreads")
    monkeypatch.setattr(machine, "threadpool_info", lambda: [threads])
    built = machine.machine().blas
    assert built.name
    assert (built.kernels, built.threads, built.threading) == (None, None, None)


def cupy(count):
    """A module that stands for CuPy, with GPUs; none of them is this machine's."""
    runtime = SimpleNamespace(getDeviceCount=count, getDeviceProperties=lambda one: {"name": f"GPU {one}".encode()})
    return SimpleNamespace(__version__="13.9", cuda=SimpleNamespace(runtime=runtime), __spec__=object())


def test_gpus(monkeypatch):
    def broken():
        raise RuntimeError("cudaErrorNoDevice")

    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert machine.machine().gpus == machine.Gpus()
    monkeypatch.setattr(machine, "find_spec", lambda name: object())
    assert machine.machine().gpus.cupy == "unknown"  # installed, but importing it fails
    assert "cupy" in machine.machine().gpus.problem
    for count, expected in (
        (lambda: 2, machine.Gpus("13.9", ("GPU 0", "GPU 1"))),
        (lambda: 0, machine.Gpus("13.9")),
        (broken, machine.Gpus("13.9", (), "cudaErrorNoDevice")),
    ):
        monkeypatch.setitem(sys.modules, "cupy", cupy(count))
        assert machine.machine().gpus == expected


def test_command(monkeypatch, capsys, quiet):
    loud = replace(quiet, blas=replace(quiet.blas, kernels="Nehalem"), folder="/the\x1b[2Jre")
    monkeypatch.setattr(machine, "machine", lambda: loud)
    code, out, err = run(monkeypatch, capsys, "info")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == r"refvis     1.2.3, in /the\x1b[2Jre"
    assert lines[len(info.machine_lines(loud)) :] == ["", *advice.advice(loud)]
    code, out, err = run(monkeypatch, capsys, "info", "--json")
    printed = json.loads(out)
    assert (code, err) == (0, "")
    assert printed["flags"] == sorted(AVX2)
    assert printed["blas"]["kernels"] == "Nehalem"
    assert printed["gpus"] == {"cupy": None, "names": [], "problem": None}
    assert printed["advice"] == advice.advice(loud)


def test_in_a_process_of_its_own():
    """Whatever this machine has or lacks, without a warning."""
    code = "import sys; from refvis import cli; sys.argv = ['refvis', 'info', '--json']; cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["refvis"] == refvis.__version__
