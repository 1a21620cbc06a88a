"""Files, folders and disks that are hostile or unlucky: one line, exit code 2, no wait, and nothing half written."""

import os
import re
import resource
import socket
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from support.command_line import IMAGE, fill, run
from support.small_nets import classifier

import refvis
from refvis import report
from refvis.images import pixels


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data, *more):
    """Return a gray PNG file that declares a size, whatever its data are."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join((header, *more, chunk(b"IDAT", data), chunk(b"IEND", b"")))


def npy(header):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(80)


def start_of_array(shape):
    return npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n")


FILES = {
    "empty.png": b"",
    "bomb.png": png(40000, 40000, zlib.compress(bytes(10**6))),
    "large.png": png(10000, 12000, zlib.compress(bytes(10**6))),
    "endless.png": png(2**31 - 1, 2**31 - 1, b""),
    "text.bomb.png": png(5, 4, zlib.compress(bytes(24)), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 * 1024**2)))),
    "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 30\n%%EndComments\n{} loop\n",
    "short.ppm": b"P6 30 30 255\nshort",
    "endless.npy": start_of_array("(1000000, 1000000, 1000)"),
    "negative.npy": start_of_array("(-3,)"),
    "nested.npy": npy("(" * 5000 + "\n"),
    "old.npz": b"",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with good files, hostile ones, and what is no file."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    np.savez("old.npz", key="a run", z=np.ones(3))
    np.save("large.npy", np.full(3, 1e300))
    np.save("good.npy", np.ones(3))
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("a", "b")
    os.mkfifo("pipe")
    os.mkfifo("pipe.npz")
    os.mkfifo("pipe.h5")
    os.symlink("loop.png", "loop.png")
    os.symlink("/dev/full", "full.h5")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    Path("folder.h5").mkdir()
    Path("folder.npz").mkdir()
    return tmp_path


MODEL = ["-m", "small.mat"]
TOO_LARGE = r"is too large an image, expected at most [\d,]+ pixels: make it smaller first"
IMAGES = {
    "pipe": "'pipe' is a named pipe, expected a file: save the image first",
    "/dev/zero": "'/dev/zero' is a device, expected a file: save the image first",
    "socket": "cannot read the image 'socket': ",
    "loop.png": "cannot read the image 'loop.png': Too many levels of symbolic links",
    "a.png/b": "cannot read the image 'a.png/b': Not a directory",
    "a" * 300: "File name too long",
    ".": r"'\.' is a folder, expected a file: the image",
    "empty.png": "is not an image that can be read",
    "a.zip": "is not an image that can be read",
    "good.npy": "is not an image that can be read",
    "program.eps": "is not an image that can be read",
    "bomb.png": TOO_LARGE,
    "large.png": TOO_LARGE,
    "endless.png": TOO_LARGE,
    "text.bomb.png": "is a damaged image",
    "short.ppm": "is a damaged image",
}
MEANS = {
    "pipe": "'pipe' is a named pipe, expected a file: save the average image first",
    "/dev/zero": "'/dev/zero' is a device, expected a file: save the average image first",
    "nothing.npy": r"there is no average image 'nothing\.npy'",
    ".": r"'\.' is a folder, expected a file: the average image",
    "empty.png": "is neither a .npy file of numbers nor a .mat file",
    "text.mat": "is neither a .npy file of numbers nor a .mat file",
    "a.png": "is neither a .npy file of numbers nor a .mat file",
    "endless.npy": "is neither a .npy file of numbers nor a .mat file",
    # NumPy 2.0 takes a negative length for that of the rest of the file
    "negative.npy": "is neither a .npy file of numbers nor a .mat file|averageImage has 10 channels and the image 3",
    "nested.npy": "is neither a .npy file of numbers nor a .mat file",
    "old.npz": "is a ZIP or .npz file, expected a .npy file",
    "large.npy": "NaN or infinite, or too large for float32",
    "cut.mat": r"cut\.mat",
}
CHECKPOINTS = {
    "pipe.npz": "is a named pipe, expected a file: save the checkpoint first",
    "folder.npz": "it is a folder, expected the name of a file",
    "no/run.npz": "there is no folder 'no'",
    "old.npz": "an .npz file without checksum, of an older refvis or of another program, expected",
}
OUTPUTS = {
    "no/a.h5": "cannot write 'no/a.h5': there is no folder 'no'",
    "folder.h5": "cannot write 'folder.h5': it is a folder",
    "loop.png": "cannot write 'loop.png': Too many levels of symbolic links",
    "a.png/b.h5": "cannot write 'a.png/b.h5': there is no folder 'a.png'",
    "b" * 300 + ".h5": "File name too long",
}
MAKERS = {
    "occlusion": ["occlusion", "a.png"],
    "deconvolution": ["deconvolution", "a.png"],
    "invert": ["invert", "a.png", "--steps", "1"],
    "maximize": ["maximize", "--channel", "1", "--steps", "1"],
    "examples": ["examples", ".", "--channel", "1", "--top", "1"],
}
CASES = [
    *((["classify", path, *MODEL], message) for path, message in IMAGES.items()),
    *((["classify", "a.png", "--mean", path, *MODEL], message) for path, message in MEANS.items()),
    *((["invert", "a.png", *MODEL, "--checkpoint", path], message) for path, message in CHECKPOINTS.items()),
    *(([*maker, *MODEL, "-o", path], message) for maker in MAKERS.values() for path, message in OUTPUTS.items()),
    *(([command, "pipe", *MODEL], IMAGES["pipe"]) for command in ("explain", "ledger", "occlusion", "invert")),
    (["show", "pipe"], "pipe: a named pipe, expected a MATLAB .mat file"),
    (["scenes", "/proc/none/new"], "error: '/proc/none': No such file or directory"),
    (["show", "a" * 300], "there is no file 'a+', and no bundled network of that name"),
    (["show", "/dev/zero"], "/dev/zero: a device, expected a MATLAB .mat file"),
    (["show", "small.mat", "--svg", "no/a.svg"], "there is no folder 'no'"),
    (["explain", "a.png", *MODEL, "-o", "a.png/page"], "'.*a.png' is a file, expected a folder"),
    (["scenes", "a.png"], "'.*a.png' is a file, expected a folder"),
    (["deconvolution", "a.png", *MODEL, "-o", "full.h5"], "cannot write 'full.h5': No space left on device"),
    (["deconvolution", "a.png", *MODEL, "-o", "pipe.h5"], "cannot write 'pipe.h5': No such device or address"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), CASES, ids=lambda one: " ".join(one)[:60] if isinstance(one, list) else ""
)
def test_one_line_says_what_is_wrong(folder, monkeypatch, capsys, arguments, message):
    before = sorted(folder.rglob("*"))
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"refvis: error: .*\n", err), err
    assert re.search(message, err), err
    assert "[Errno" not in err
    assert sorted(folder.rglob("*")) == before


def written(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WRITERS = {name: [*MAKERS[name], *MODEL, "-o", "out.h5"] for name in ("deconvolution", "examples")}
WRITERS["picture"] = [*MAKERS["maximize"], *MODEL, "-o", "out.png"]
WRITERS["drawing"] = ["show", "small.mat", "--svg", "out.svg"]
WRITERS["scene"] = ["scenes", "out", "--count", "1"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_is_full_after_a_quarter_of_a_kilobyte(tmp_path, writer):
    """In a child process that may write no larger files: the HDF5 library crashed it, and left a part behind."""
    fill(tmp_path)
    (tmp_path / "out.h5").write_bytes(b"before")
    before = written(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "refvis", *WRITERS[writer]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256)),
    )
    assert done.returncode == 2, done.stderr
    assert re.search(r"^refvis: error: cannot write '.*': File too large\n\Z", done.stderr, re.M), done.stderr
    assert "Traceback" not in done.stderr
    assert written(tmp_path) == before


def test_models_and_pages_on_a_full_disk(tmp_path, monkeypatch):
    """What the command line writes last, or Python only; the limit is that of this process for a moment."""
    net = classifier()
    explanation = report.explain(net, IMAGE, steps=1, maximize=False)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
    try:
        for save, name in (
            (lambda path: refvis.save(net, path), "a.mat"),
            (lambda path: report.write_page(explanation, path), "a.html"),
            (lambda path: report.write_arrays(explanation, path), "a.h5"),
        ):
            with pytest.raises(OSError, match=rf"^cannot write '.*{name}': File too large$"):
                save(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert [*tmp_path.iterdir()] == []


def test_links_as_outputs_are_followed(folder, monkeypatch, capsys):
    Path("elsewhere").mkdir()
    os.symlink("elsewhere/real.h5", "out.h5")
    assert run(monkeypatch, capsys, "deconvolution", "a.png", *MODEL, "-o", "out.h5")[0] == 0
    assert Path("out.h5").is_symlink()
    with h5py.File("elsewhere/real.h5") as file:
        assert file.attrs["method"] == "deconvolution"


def end_of_reading(path):
    """Return how reading an image ends; whatever a decoder raises, it becomes one of two errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of what it could repair
            pixels(path)
    except ValueError as error:
        return re.match(rf"{path} is (?:a )?(damaged|not an image|too large)", str(error))[1]
    return "read"


def test_damaged_images_of_many_kinds_are_read_or_refused(folder):
    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 256, (20, 22, 3)).astype(np.uint8))
    ends = []
    for kind in ("png", "gif", "tiff", "webp", "jpeg", "bmp", "ico", "tga", "pcx", "ppm", "dds"):
        picture.save(f"sound.{kind}")
        for number in range(3):
            data = bytearray(Path(f"sound.{kind}").read_bytes())
            for place in random.integers(0, min(len(data), 200), 4):
                data[place] = random.integers(256)
            Path(f"damaged{number}.{kind}").write_bytes(data)
            ends.append(end_of_reading(f"damaged{number}.{kind}"))
    assert set(ends) >= {"read", "damaged", "not an image"}
