"""``refvis info``: what it runs on, and what would make it faster."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from refvis.text.escape import printable


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON, for scripts.")] = False,
) -> None:
    """Print versions, BLAS and its threads, processor and GPUs, and what slows arithmetic down here."""
    from refvis.machine.advice import advice
    from refvis.machine.info import described
    from refvis.machine.probe import machine

    found = machine()
    remarks = advice(found)
    if as_json:
        print(json.dumps({**asdict(found), "flags": sorted(found.flags), "advice": remarks}, indent=2))
        return
    for line in described(found):
        typer.echo(printable(line))
    for remark in remarks:
        typer.echo(f"\n{remark}")
