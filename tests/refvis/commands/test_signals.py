"""Signals end a command in one line, with what it has written whole; the exit code is 128 + the signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import fill, run

from refvis import signals
from refvis.layers.base import arrays

IMPORTING = """
import os, sys

class Stop:
    def find_spec(name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(number))

module, number = sys.argv[1:3]
sys.argv[:3] = ["refvis"]
sys.meta_path.insert(0, Stop)
from refvis.__main__ import main
main()
"""
"""Run the command line, and send a signal when it imports a module."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("module", ["typer", "numpy", "refvis.commands.show", "refvis.show.drawing", "h5py"])
def test_a_signal_during_the_imports(folder, module, number, code):
    arguments = (
        ["deconvolution", "a.png", "-m", "small.mat", "-o", "a.h5"] if module == "h5py" else ["show", "small.mat"]
    )
    line = [sys.executable, "-c", IMPORTING, module, str(int(number)), *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "refvis: interrupted\n")
    assert not Path("a.h5").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_search_writes_what_it_has(folder, number, code):
    options = ["invert", "a.png", "-m", "small.mat", "--steps", "1000000", "--checkpoint", "state.npz", "-o", "part.h5"]
    with subprocess.Popen(
        [sys.executable, "-m", "refvis", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as search:
        while not Path("state.npz").exists():
            assert search.poll() is None
            time.sleep(0.01)
        search.send_signal(number)
        if number != signal.SIGINT:
            search.send_signal(number)  # as timeout(1) does
        out, err = search.communicate(timeout=60)
    assert (search.returncode, "Traceback" in err) == (code, False)
    assert "refvis: interrupted: this is the best of" in err
    assert out.endswith("image: part.h5\n")
    assert sorted(path.name for path in folder.iterdir() if path.suffix in (".h5", ".npz", ".part")) == [
        "part.h5",
        "state.npz",
    ]


def test_output_that_nobody_reads_ends_a_command_silently(folder):
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "refvis", "modes"]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_second_interruption_while_a_file_is_written(folder, monkeypatch, capsys):
    """The first ends the computation; the second, the writing. Nothing is half written then."""
    calls = []

    def interrupts(*arguments, fsync=os.fsync):
        calls.append("fsync")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    def first(*arguments, check=arrays.require_finite, **options):
        calls.append("check")
        if len(calls) == 40:
            os.kill(os.getpid(), signal.SIGINT)
        return check(*arguments, **options)

    monkeypatch.setattr("refvis.input_modification.boxes.effects.require_finite", first)
    monkeypatch.setattr(os, "fsync", interrupts)
    before = sorted(folder.iterdir())
    code, out, err = run(
        monkeypatch, capsys, "occlusion", "a.png", "-m", "small.mat", "--size", "2", "--stride", "1", "-o", "a.png.h5"
    )
    assert calls[-1] == "fsync"
    assert (code, out) == (130, "")
    assert err.endswith("refvis: interrupted\n")
    assert sorted(folder.iterdir()) == before


def test_the_same_signal_in_a_moment_counts_once():
    with signals.as_interruptions():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.exit_code() == 143
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert signals.exit_code() == 143


def test_later_it_counts_again(monkeypatch):
    monkeypatch.setattr(signals, "REPEAT", 0.0)
    with signals.as_interruptions():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)


def test_ignored_signals_stay_ignored_and_handlers_come_back():
    former = signal.signal(signal.SIGTERM, signal.SIG_IGN), signal.getsignal(signal.SIGINT)
    try:
        with signals.as_interruptions():
            os.kill(os.getpid(), signal.SIGTERM)
            assert not signals.came()
            assert signal.getsignal(signal.SIGINT) is signals.interrupt
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is former[1]
    finally:
        signal.signal(signal.SIGTERM, former[0])


def test_an_import_that_fails_by_itself_is_no_interruption(folder, monkeypatch):
    from refvis import cli

    def fails():
        raise ImportError("no module")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(ImportError, match="no module"):
        cli.main()


def test_an_interruption_that_a_library_turned_into_an_import_error(folder, monkeypatch, capsys):
    from refvis import cli

    def fails():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("numpy failed") from error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "refvis: interrupted\n")
