"""Make the table of implementations and what `refvis.verify` finds about each: docs/verify/matrix.inc.

    python docs/verify

Libraries that are not installed are left out, and named. zennit and captum ask for torchvision at import; where it is
missing or broken, a stub stands in its place, since none of these functions uses it.
"""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))
from implementations import LIBRARIES, Subject

from refvis import verify

TARGET = Path(__file__).parent / "matrix.inc"


class Stub(ModuleType):
    """A module that has every name: capital ones are empty classes, others are such modules."""

    __path__ = ()  # a package

    def __getattr__(self, name: str) -> object:
        """Return an empty class or a stub."""
        if name.startswith("__"):
            raise AttributeError(name)
        return (
            type(name, (), {}) if name[0].isupper() else sys.modules.setdefault(f"{self.__name__}.{name}", Stub(name))
        )


def stub_torchvision() -> None:
    """Put a stub in the place of torchvision."""
    for name in ("torchvision", "torchvision.models", "torchvision.models.resnet", "torchvision.models.vgg"):
        sys.modules.setdefault(name, Stub(name))


def row(subject: Subject) -> str:
    """Return the row of an implementation: kind, name, and a cell for each part."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = verify.layer(subject.forward, subject.kind, subject.backward, **subject.options)
    cells = {one.part: one for one in report.parts}
    parts = [cells.get(part) for part in ("forward", "backward")]
    texts = ["" if one is None else _cell(one) for one in parts]
    return f"| {subject.library} | {subject.name} | `{subject.kind}` | {' | '.join(texts)} |"


def _cell(part: verify.PartReport) -> str:
    if part.reason is None:
        return part.verdict
    return f"**{part.verdict}**: {part.reason.text}"


def main() -> None:
    """Write the table."""
    stub_torchvision()
    rows, absent = [], []
    for package, subjects in LIBRARIES.items():
        if find_spec(package) is None:
            absent.append(package)
            continue
        for subject in subjects():
            rows.append(row(subject))
            print(rows[-1], flush=True)
    head = "| library | function | kind | forward | backward |\n|---|---|---|---|---|\n"
    note = f"\nNot installed when this table was made: {', '.join(absent)}.\n" if absent else ""
    TARGET.write_text(head + "\n".join(rows) + "\n" + note, encoding="utf-8")


if __name__ == "__main__":
    main()
