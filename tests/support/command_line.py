"""The command line run in the test's own process, in a folder with good and bad files."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.small_nets import classifier

import refvis
from refvis import cli

IMAGE = np.random.default_rng(0).integers(0, 256, (26, 22, 3)).astype(np.uint8)
CONTROL = "\x1b[2J\x1b]0;title\x07\r\n"


def fill(folder: Path) -> None:
    """Write a model, images, and files that are neither."""
    refvis.save(classifier(), folder / "small.mat")
    Image.fromarray(IMAGE).save(folder / "a.png")
    Image.fromarray(IMAGE[::-1]).save(folder / "b.jpg")
    (folder / "text.mat").write_text("this is no model")
    (folder / "text.png").write_text("this is no image")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:700])
    (folder / "cut.mat").write_bytes((folder / "small.mat").read_bytes()[:3000])
    np.save(folder / "nan.npy", np.full((4, 5, 3), np.nan))
    Image.fromarray(np.full((4, 5), np.nan, "float32")).save(folder / "nan.tiff")


def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: Any) -> tuple[int, str, str]:
    """Run the command line here; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["refvis", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err
