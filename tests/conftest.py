"""Property tests here are repeatable: the same examples on every machine, none remembered between runs."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from support import host_side

settings.register_profile(
    "repeatable",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says on which arrays the suite computes."""
    parser.addoption(
        "--array",
        choices=("numpy", "standin", "cupy"),
        default="numpy",
        help="what layers, networks and methods compute on: NumPy's arrays, those of the stand-in for CuPy, or CuPy's",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the other side before anything imports refvis."""
    if config.getoption("--array") != "numpy":
        from support import array_side

        # A failing example is not made smaller there: that takes long, and the same test finds one on NumPy's side.
        settings.register_profile(
            "unshrunk", settings.get_profile("repeatable"), phases=[Phase.explicit, Phase.generate]
        )
        settings.load_profile("unshrunk")
        problem = array_side.start(standin=config.getoption("--array") == "standin")
        if problem:
            pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(autouse=True)
def side(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep a test on the host where `host_side` says why."""
    if request.config.getoption("--array") == "numpy" or host_side.reason(request.node.nodeid) is None:
        yield
        return
    from support import array_side

    with array_side.staying():
        yield


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how much was computed on the other side, and which tests stayed on the host."""
    if config.getoption("--array") == "numpy":
        return
    from support import array_side

    names = [one.nodeid for one in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")]
    terminalreporter.section("the other side")
    terminalreporter.line(f"{array_side.calls['moved']} calls of tests were computed on it; on the host stayed:")
    for line in host_side.listed(names):
        terminalreporter.line(line)


@pytest.fixture
def cupy(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """CuPy with ``--array cupy``, else the stand-in, in CuPy's place."""
    from support import standin

    if request.config.getoption("--array") == "cupy":
        yield sys.modules["cupy"]
        return
    with standin.installed() as module:
        yield module
