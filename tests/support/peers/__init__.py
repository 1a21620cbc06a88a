"""The same networks here, in torch, captum and zennit. CONTRIBUTING.md says how to install these."""

from importlib.util import find_spec


def absent(*names: str) -> list[str]:
    """Return those of the modules that are not installed."""
    return [name for name in names if find_spec(name) is None]


MISSING = absent("torch", "captum", "zennit")
"""Those that are not installed; the other modules of this package import them."""
