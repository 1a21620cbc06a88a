"""Property tests here are repeatable: the same examples on every machine, none remembered between runs."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
