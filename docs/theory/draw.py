"""Measure and draw all of the page "Checks that need no dataset": python docs/theory/draw.py (one to two minutes).

Writes the tables into docs/theory/ and the pictures into docs/_static/.
"""

from pathlib import Path
from typing import Any

import convergence
import pictures
import randomisation
import recovery
import saving
import tables

import refvis

HERE = Path(__file__).resolve().parent


def write(name: str, table: str, figure: Any) -> None:
    """Write one check's table and picture."""
    (HERE / f"{name}.txt").write_text(table, encoding="utf-8")
    saving.save(figure, HERE.parent / "_static" / f"theory_{name}.png")


def draw() -> None:
    """Run the three checks."""
    recovered = {pooled: recovery.measure(pooled) for pooled in (False, True)}
    write("recovery", tables.of_recovery(recovered), pictures.of_recovery(recovered))
    (HERE / "limits.txt").write_text(tables.of_limits(), encoding="utf-8")
    converged = convergence.measure()
    write("convergence", tables.of_convergence(converged), pictures.of_convergence(converged))
    net = refvis.load("scenes")
    changed = randomisation.measure(net)
    write("randomisation", tables.of_randomisation(net, changed), pictures.of_randomisation(net, changed))


if __name__ == "__main__":
    draw()
