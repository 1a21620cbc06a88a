"""Windows, simulated: a checkout without symbolic links, and a Python without the modules and calls of POSIX."""

import os
import subprocess
import sys
from pathlib import Path

import refvis

ROOT = Path(refvis.__file__).parent

WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys
for name in "resource", "fcntl", "termios", "pwd", "grp", "pty", "syslog":
    sys.modules[name] = None  # an import raises ImportError
for name in "fork", "register_at_fork", "sysconf", "chown", "fchmod", "getuid", "O_NONBLOCK":
    delattr(os, name)
for name in "SIGHUP", "SIGALRM", "SIGPIPE", "alarm", "setitimer":
    delattr(signal, name)
import refvis
for module in pkgutil.walk_packages(refvis.__path__, "refvis."):
    if module.name != "refvis.__main__":
        importlib.import_module(module.name)
from refvis import cli
for command in (
    "show", "modes", "info", "scenes pictures --count 1", "classify pictures/00000-moon.png", "deconvolution",
    "occlusion --size 32", "maximize --channel 0 --steps 1 -o maximized.h5",
):
    sys.argv = ["refvis", *command.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, (command, end.code)
from refvis.weights.sandbox import child
child.limit_process(2**30, 10.0)
"""


def test_links_that_are_text_files_are_said(tmp_path: Path) -> None:
    (tmp_path / "refvis").mkdir()
    for name in ("__init__.py", "__init__.pyi", "version.py"):
        (tmp_path / "refvis" / name).write_text((ROOT / name).read_text())
    (tmp_path / "refvis" / "weights").mkdir()
    (tmp_path / "refvis" / "layers").write_text("../layers")
    done = subprocess.run([sys.executable, "-c", "import refvis"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"ImportError: {str(tmp_path / 'refvis' / 'layers')!r} is a text file, expected a symbolic link"
    )
    assert "git config core.symlinks true" in last


def test_everything_is_imported_and_runs_without_what_only_posix_has(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT.parent)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "pictures", "deconvolution.png", "occlusion.png", "maximized.h5",
    }  # fmt: skip
