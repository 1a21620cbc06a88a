"""Files are written whole or not at all, whatever stands at their place and whatever happens on the way."""

import os
import stat
import threading

import pytest

from refvis.weights import whole_files
from refvis.weights.whole_files import require_writable, require_writable_folder, write_bytes, write_whole


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_an_error_leaves_the_old_file_and_no_part(tmp_path, monkeypatch, error, where):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fails(*arguments):
        raise error("stop")

    if where != "write":
        monkeypatch.setattr(os, where, fails)

    def write(file):
        file.write(b"half of it")
        if where == "write":
            fails()

    for target in (path, tmp_path / "new.txt"):
        with pytest.raises(error, match="stop"):
            write_whole(target, write)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_part_stands_in_the_same_folder_and_takes_the_place_in_one_step(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    seen = []

    def write(file):
        file.write(b"after")
        seen.extend(sorted(one.name for one in tmp_path.iterdir()))

    write_whole(path, write)
    assert seen[1] == "a.txt"
    assert seen[0].startswith(".refvis-")
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("after", [path])


def test_errors_name_the_file_and_the_reason(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"^cannot write '.*a\.txt': No space left on device$") as caught:
        write_bytes(tmp_path / "a.txt", b"x")
    assert caught.value.errno == 28


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_new_files_get_the_permissions_that_open_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").write_bytes(b"")
        write_bytes(tmp_path / "a.txt", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_replaced_files_keep_their_permissions(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    path.chmod(mode)
    write_bytes(path, b"after")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (mode, b"after")


@pytest.mark.parametrize("exists", [True, False])
def test_symbolic_links_stay_and_their_target_is_written(tmp_path, exists):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if exists:
        (folder / "real.txt").write_text("before")
    link = tmp_path / "link.txt"
    link.symlink_to("elsewhere/real.txt")
    write_bytes(link, b"after")
    assert link.is_symlink()
    assert (folder / "real.txt").read_text() == "after"
    assert sorted(one.name for one in folder.iterdir()) == ["real.txt"]


def test_places_that_cannot_be_written_are_said_before(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    (tmp_path / "lost").symlink_to("nowhere/a.txt")
    (tmp_path / "file").write_text("")
    bad = {
        tmp_path: "it is a folder, expected the name of a file",
        tmp_path / "no" / "a.txt": "there is no folder '.*no'",
        tmp_path / "file" / "a.txt": "there is no folder '.*file'",
        tmp_path / "lost": "there is no folder '.*nowhere'",
        loop: "Too many levels of symbolic links",
        tmp_path / ("a" * 300): "File name too long",
    }
    before = sorted(tmp_path.iterdir())
    for path, message in bad.items():
        for check in (require_writable, lambda path: write_bytes(path, b"x")):
            with pytest.raises(OSError, match=f"^cannot write '.*': {message}$"):
                check(path)
    assert sorted(tmp_path.iterdir()) == before


def test_protected_files_and_folders_are_said_before(tmp_path, monkeypatch):
    """The superuser, as which some of these tests run, may write everywhere: so the system's answer is replaced."""
    path = tmp_path / "a.txt"
    path.write_text("before")
    for closed, message in (
        (path, "the file is write-protected"),
        (tmp_path, "no permission to write into the folder"),
    ):
        monkeypatch.setattr(os, "access", lambda asked, mode, closed=closed: os.fspath(asked) != os.fspath(closed))
        with pytest.raises(PermissionError, match=message):
            require_writable(path)
        with pytest.raises(PermissionError, match=message):
            write_bytes(path, b"x")
    with pytest.raises(PermissionError, match="no permission to write into the folder"):
        require_writable_folder(tmp_path / "new" / "newer")
    assert path.read_text() == "before"


def test_folders_that_can_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    require_writable_folder(tmp_path)
    require_writable_folder(tmp_path / "new" / "newer")
    for path in (tmp_path / "file", tmp_path / "file" / "new"):
        with pytest.raises(NotADirectoryError, match="file' is a file, expected a folder"):
            require_writable_folder(path)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_device_is_written_to_and_stays(tmp_path):
    (tmp_path / "null").symlink_to(os.devnull)
    write_bytes(tmp_path / "null", b"x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["null"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
def test_a_full_device_is_said():
    with pytest.raises(OSError, match=r"^cannot write '/dev/full': No space left on device$"):
        write_bytes("/dev/full", b"x")


def test_a_named_pipe_is_written_to_if_somebody_reads_it(tmp_path):
    pipe, data, read = tmp_path / "pipe", os.urandom(200_000), []
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"^cannot write '.*pipe': No such device or address$"):
        write_bytes(pipe, data)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    while True:  # until the reader is there
        try:
            write_bytes(pipe, data)
            break
        except OSError:
            continue
    reader.join()
    assert read == [data]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_that_cannot_be_synchronised_is_no_error(tmp_path, monkeypatch):
    def refuses(handle, sync=os.fsync):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError("not here")
        sync(handle)

    monkeypatch.setattr(whole_files.os, "fsync", refuses)
    write_bytes(tmp_path / "a.txt", b"x")
    assert (tmp_path / "a.txt").read_bytes() == b"x"
