"""Prints the lowest version of each dependency that pyproject.toml allows, as requirements for pip: name==version.

    python .ci/lowest.py test  # the package's own dependencies, and those of the extra "test"

It ends with an error if a dependency has no lowest version, so each bound is one that .ci/versions installs.
"""

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"([\w.-]+)>=([\d.]+)(,.*)?")
"""A requirement with a lowest version, such as numpy>=2.0 or sphinx>=8,<10."""


def lowest(requirement: str) -> str:
    """Return the requirement of the lowest version: numpy>=2.0 becomes numpy==2.0."""
    found = BOUND.fullmatch(requirement)
    if found is None:
        raise SystemExit(f"pyproject.toml requires {requirement!r}, expected a lowest version: name>=version")
    return f"{found[1]}=={found[2]}"


def main(extras: list[str]) -> None:
    """Print a line for each dependency of the package and of the extras."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extra = [one for name in extras for one in project["optional-dependencies"][name]]
    for requirement in (*project["dependencies"], *extra):
        print(lowest(requirement))


if __name__ == "__main__":
    main(sys.argv[1:])
