"""The same networks here, in torch, captum and zennit. CONTRIBUTING.md says how to install these."""

from importlib.util import find_spec

MISSING = [name for name in ("torch", "captum", "zennit") if find_spec(name) is None]
"""Those that are not installed; the other modules of this package import them."""
