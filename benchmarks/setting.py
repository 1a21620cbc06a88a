"""What a table was measured on, in one sentence below it."""

import os
from importlib.metadata import PackageNotFoundError, version

from refvis.machine.info import described
from refvis.machine.probe import machine

PEERS = ("torch", "captum", "zennit")


def load() -> str:
    """Return how many processes wanted to run in the last minute, on systems that count them."""
    return f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else "load unknown"


def setting(rounds: int, load: str) -> str:
    """Return processor, BLAS with its kernels and threads, versions, the number of rounds, and how busy it was."""
    lines = dict(line.split(maxsplit=1) for line in described(machine()))
    kept = [f"{name} {lines[name]}" for name in ("processor", "Python", "NumPy", "BLAS", "settings")]
    kept[1] = f"Python {lines['Python'].partition(',')[0]}"
    peers = [f"{name} {found}" for name in PEERS if (found := _version(name))]
    rules = f"Medians of up to {rounds} rounds ± half the distance between the quartiles"
    return f"*{rules}. {'; '.join([*kept, *peers, load])}.*"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
