"""Files of the user are opened at once, or refused in words that say what they are."""

import os
import socket

import pytest

from refvis.weights import ModelFormatError, read_model
from refvis.weights.regular_files import IrregularFileError, open_regular


def test_a_file_is_opened_through_links(tmp_path):
    (tmp_path / "a").write_bytes(b"contents")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name, "image") as file:
            assert file.read() == b"contents"


def test_everything_else_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name, kind, message in (
            ("none", FileNotFoundError, "^there is no image 'none'$"),
            (".", IsADirectoryError, r"^'\.' is a folder, expected a file: the image$"),
            ("pipe", IrregularFileError, "^'pipe' is a named pipe, expected a file: save the image first$"),
            (os.devnull, IrregularFileError, f"^'{os.devnull}' is a device, expected a file: save the image first$"),
            ("socket", OSError, "^cannot read the image 'socket': "),
            ("loop", OSError, "^cannot read the image 'loop': Too many levels of symbolic links$"),
            ("a" * 300, OSError, "^cannot read the image 'a*': File name too long$"),
        ):
            with pytest.raises(kind, match=message):
                open_regular(name, "image")


def test_a_pipe_or_device_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for isolate in (False, True):
        for path, what in ((tmp_path / "pipe", "a named pipe"), ("/dev/zero", "a device")):
            with pytest.raises(ModelFormatError, match=f"{what}, expected a MATLAB .mat file"):
                read_model(path, isolate=isolate)
