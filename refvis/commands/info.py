"""``refvis info``: the machine, and settings that would make it faster."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from refvis.text.terminal import escape_controls


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Print versions, BLAS and its threads, processor and GPUs, and advice on settings that slow arithmetic down."""
    from refvis.machine.advice import advice
    from refvis.machine.info import machine_lines
    from refvis.machine.probe import machine

    here = machine()
    remarks = advice(here)
    if as_json:
        print(json.dumps({**asdict(here), "flags": sorted(here.flags), "advice": remarks}, indent=2))
        return
    for line in machine_lines(here):
        typer.echo(escape_controls(line))
    for remark in remarks:
        typer.echo(f"\n{remark}")
