"""Files outside the repository: real models and images. Tests that need them skip where they are absent."""

from pathlib import Path

import pytest
from support.golden_files import SHARED


def shared(*parts: str) -> Path:
    """Return the path of a shared file, or skip the test, saying what is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not in {SHARED} (REFVIS_SHARED names another folder)")
    return path
