"""Bundled networks: the files in `weights/bundled`, which ship with the project."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "bundled"


def bundled_names() -> tuple[str, ...]:
    """Return the names of the bundled networks, sorted.

    >>> from refvis.weights import bundled_names
    >>> "scenes" in bundled_names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.mat")))


def bundled_path(name: str) -> Path:
    """Return the path of the bundled network `name`. Raises KeyError for an unknown name.

    >>> from refvis.weights import bundled_path
    >>> bundled_path("scenes").name
    'scenes.mat'
    """
    if name not in bundled_names():
        names = ", ".join(bundled_names()) or "none"
        raise KeyError(f"no bundled network is named {name!r}; bundled networks: {names}")
    return FOLDER / f"{name}.mat"
