"""Pictures, written only if their pixels changed."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LEVEL = 1
"""Difference in levels of 0 ... 255 up to which pixels count as equal: sums in another order round differently."""


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, unless the file shows the same already: only its bytes would differ."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    if not (path.exists() and _alike(path, buffer)):
        path.write_bytes(buffer.getvalue())


def _alike(one: Any, other: Any) -> bool:
    a, b = (np.asarray(Image.open(file)).astype(int) for file in (one, other))
    return a.shape == b.shape and bool(np.abs(a - b).max() <= LEVEL)
