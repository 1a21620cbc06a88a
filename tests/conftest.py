"""Property tests here are repeatable: the same examples on every machine, none remembered between runs."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


@pytest.fixture
def cupy() -> Iterator[ModuleType]:
    """The stand-in for CuPy, in its place."""
    import standin

    with standin.installed() as module:
        yield module
