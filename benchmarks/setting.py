"""The sentence below a table: machine, libraries, rounds and load."""

import os
from importlib.metadata import PackageNotFoundError, version

from refvis.machine.info import machine_lines
from refvis.machine.probe import machine

PEERS = ("torch", "captum", "zennit")


def load() -> str:
    """Return the load average of the last minute, where the system reports it."""
    return f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else "load unknown"


def setting(rounds: int, load: str) -> str:
    """Return processor, BLAS with its kernels and threads, versions, the number of rounds, and the load."""
    lines = dict(line.split(maxsplit=1) for line in machine_lines(machine()))
    kept = [f"{name} {lines[name]}" for name in ("processor", "Python", "NumPy", "BLAS", "settings")]
    kept[1] = f"Python {lines['Python'].partition(',')[0]}"
    peers = [f"{name} {number}" for name in PEERS if (number := _version(name))]
    rules = f"Medians of up to {rounds} rounds ± half the distance between the quartiles"
    return f"*{rules}. {'; '.join([*kept, *peers, load])}.*"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
