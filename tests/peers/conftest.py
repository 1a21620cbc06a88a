"""The number of values compared with each project, printed after the tests: pytest tests/peers."""

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from support.peers.compared import COMPARED

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch loads: for small arrays its threads mostly wait
TITLE = "values compared with "


@pytest.fixture(autouse=True)
def count(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Keep in the test's report how many values it compared, so that the counts of several workers add up."""
    before = Counter(COMPARED)
    yield
    for peer, number in (COMPARED - before).items():
        record_property(TITLE + peer, number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sum over the tests; the counts are in the reports of their teardowns."""
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports(""):
        if report.when == "teardown":
            total.update({name: number for name, number in report.user_properties if name.startswith(TITLE)})
    for name, number in sorted(total.items()):
        terminalreporter.write_line(f"{name}: {number:,}")
