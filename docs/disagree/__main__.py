"""Make the picture and the tables of docs/disagree.md: python docs/disagree.

Two tables compare with captum and zennit. Without these packages the tables stay as they are, and a line says so.
"""

import sys
from pathlib import Path

import tables
from choices import Study
from drawing import draw

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write what the page includes, next to this file, and the picture."""
    study = Study()
    draw(study, HERE.parent / "_static" / "disagree.png")
    (HERE / "choices.inc").write_text(tables.choices(study), encoding="utf-8")
    sys.path.append(str(HERE.parents[1] / "tests"))
    from support.peers import MISSING

    if MISSING:
        names = ", ".join(MISSING)
        print(f"{names} not installed (CONTRIBUTING.md says how): rules.inc and agreement.inc stay as they are")
        return
    (HERE / "rules.inc").write_text(tables.rules(), encoding="utf-8")
    (HERE / "agreement.inc").write_text(tables.agreement(), encoding="utf-8")


if __name__ == "__main__":
    main()
