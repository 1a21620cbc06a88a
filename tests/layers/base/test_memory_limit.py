"""The memory limit: where it comes from, the forms that it is given in, and its error."""

import threading

import pytest

import refvis
from refvis.layers import memory_limit_bytes
from refvis.layers.base import memory_limit
from refvis.layers.base.memory_limit import parse_size, require_memory, size_text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5000, 5000),
        (5000.0, 5000),
        ("5000", 5000),
        ("3KB", 3072),
        ("1.5 MB", 3 << 19),
        ("8GB", 8 << 30),
        ("8 gib", 8 << 30),
        ("8G", 8 << 30),
        (" 2 TB ", 2 << 40),
    ],
)
def test_sizes(given, expected):
    assert parse_size(given, "x") == expected
    with refvis.memory_limit(given):
        assert memory_limit_bytes() == expected


@pytest.mark.parametrize("given", ["", "8 EB", "-1", "GB", "1e9", "nan", 0, -5, float("nan"), float("inf"), "0 GB"])
def test_what_is_no_size(given):
    with pytest.raises(ValueError, match=r"memory_limit is .*expected a number of bytes"), refvis.memory_limit(given):
        pass


def test_the_environment_variable_holds_in_all_threads_and_the_block_in_its_own(monkeypatch):
    monkeypatch.setenv("REFVIS_MEMORY_LIMIT", "3 GB")
    seen = []
    with refvis.memory_limit("1 GB"):
        assert memory_limit_bytes() == 1 << 30
        other = threading.Thread(target=lambda: seen.append(memory_limit_bytes()))
        other.start()
        other.join()
    assert seen == [3 << 30]
    assert memory_limit_bytes() == 3 << 30
    monkeypatch.setenv("REFVIS_MEMORY_LIMIT", "much")
    with pytest.raises(ValueError, match="REFVIS_MEMORY_LIMIT is 'much'"):
        memory_limit_bytes()


def test_the_default_is_three_quarters_of_the_machine_or_its_container(monkeypatch, tmp_path):
    machine = memory_limit.machine_memory()
    container = tmp_path / "memory.max"
    monkeypatch.setattr(memory_limit, "CONTAINER_LIMITS", (tmp_path / "none", container))
    container.write_text("4000\n")
    assert memory_limit.machine_memory() == 4000
    assert memory_limit.default_limit.__wrapped__() == 3000
    container.write_text("max\n")
    assert machine <= memory_limit.machine_memory()
    monkeypatch.delattr("os.sysconf")
    assert memory_limit.machine_memory() == memory_limit.UNKNOWN_MACHINE


def test_the_error_says_what_it_needs_the_limit_and_how_to_raise_it():
    with refvis.memory_limit("2 GB"):
        require_memory("this needs", 2 << 30, "use less")
        with pytest.raises(refvis.MemoryLimitError) as caught:
            require_memory("this needs", (5 << 29) + 1, "use less")
    expected = "this needs 2.5 GB, more than the memory limit of 2.0 GB: use less, or raise the limit with "
    assert str(caught.value) == expected + 'refvis.memory_limit("3GB")'
    assert caught.value.command_text == expected + "refvis --memory-limit 3GB"
    assert (caught.value.needed, caught.value.limit) == ((5 << 29) + 1, 2 << 30)
    assert isinstance(caught.value, MemoryError)


def test_texts_of_sizes():
    assert [size_text(size) for size in (100, 3 << 19, 24 << 30, 5 << 40)] == ["0.1 KB", "1.5 MB", "24.0 GB", "5.0 TB"]
    assert size_text(10**5000) == "over a million TB"
