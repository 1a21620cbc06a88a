"""The networks that ship with the project, in `weights/bundled`."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "bundled"


def bundled_names() -> tuple[str, ...]:
    """Return the names of the bundled networks, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.mat")))


def bundled_path(name: str) -> Path:
    """Return the file of the bundled network `name`; KeyError, naming those there are, if there is none."""
    if name not in bundled_names():
        raise KeyError(f"no bundled network is named {name!r}, there are: {', '.join(bundled_names()) or 'none'}")
    return FOLDER / f"{name}.mat"
