"""``refvis verify``: hold another implementation to the definitions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from refvis.verify import NetworkReport, Report

SAME, CONVENTION, WRONG, BROKEN = 0, 1, 2, 3
"""Exit codes: all is right; another acceptable convention; something is wrong; the implementation cannot be run."""

Theirs = Annotated[Path | None, typer.Argument(help="A file or folder of what the other implementation computed.")]
Against = Annotated[Path | None, typer.Option(help="The case to hold it to, from 'refvis vectors MODEL IMAGE'.")]
Pipe = Annotated[str | None, typer.Option(help="A program that answers requests in JSON lines, instead of a file.")]
KindOption = Annotated[
    list[str] | None, typer.Option("--kind", help="With --pipe: what to verify. Default: what the program says.")
]
Layout = Annotated[str | None, typer.Option(help="Order of the file's axes, such as NCHW. Default: guessed.")]
Conventions = Annotated[
    list[str] | None, typer.Option("--convention", help="With --pipe: a convention that counts as right.")
]
Known = Annotated[Path | None, typer.Option(help="With --pipe: a text file of known differences, a name a line.")]
Seed = Annotated[int, typer.Option(help="With --pipe: seed of the cases.")]
Strict = Annotated[bool, typer.Option("--strict", help="Another acceptable convention counts as wrong.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")]


def verify(
    theirs: Theirs = None,
    against: Against = None,
    pipe: Pipe = None,
    kind: KindOption = None,
    layout: Layout = None,
    convention: Conventions = None,
    known: Known = None,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Verify another implementation: whether it agrees with the definitions, where it differs, and why.

    Exit codes: 0 all is right, 1 another acceptable convention, 2 something is wrong, 3 it cannot be run.
    """
    from refvis.verify.pipe import HarnessError

    try:
        reports = _reports(theirs, against, pipe, kind or (), layout, convention or (), known, seed)
    except (HarnessError, ValueError, OSError, ImportError) as error:
        typer.echo(f"refvis: error: {error}", err=True)
        raise typer.Exit(BROKEN) from None
    typer.echo(json.dumps([one.json() for one in reports]) if as_json else "\n\n".join(map(str, reports)))
    raise typer.Exit(exit_code(reports, strict))


def _reports(
    theirs: Path | None,
    against: Path | None,
    pipe: str | None,
    kinds: Sequence[str],
    layout: str | None,
    conventions: Sequence[str],
    known: Path | None,
    seed: int,
) -> Sequence["Report | NetworkReport"]:
    """Return the reports on a program or on a file; ValueError for options that do not fit together."""
    if (pipe is None) == (theirs is None):
        raise ValueError("give a file with --against, or --pipe and a program, not both")
    if pipe is not None:
        return _verify_program(pipe, kinds, conventions, known, seed)
    from refvis.verify.network_files import verify_file

    if theirs is None or against is None:
        raise ValueError("give the case with --against case.h5: 'refvis vectors MODEL IMAGE' writes it")
    return verify_file(theirs, against, layout)


def _verify_program(
    command: str, kinds: Sequence[str], conventions: Sequence[str], known: Path | None, seed: int
) -> list["Report"]:
    """Return a report for each kind that is asked for, or that the program names."""
    from refvis import verify as kit
    from refvis.verify.pipe import HarnessError, Program, functions

    with Program(command) as program:
        names = list(kinds) or [str(name) for name in program.about.get("kinds", ())]
        if not names:
            raise HarnessError(f"{command!r} names no kinds: give --kind, such as --kind conv")
        reports = []
        for name in names:
            chosen = kit.find(name)
            parts = functions(program, chosen.name)
            own = [one for one in conventions if any(answer.name == one for answer in chosen.answers)]
            given = {part: parts[part] for part in chosen.parts if part != "forward"}
            first = parts["forward"] if chosen.rule is None else None
            reports.append(
                kit.layer(
                    first, name, layout=program.layout, conventions=own, known=known or (), seed=seed, **_named(given)
                )
            )
    return reports


def _named(parts: dict[Any, Any]) -> dict[str, Any]:
    return {str(part): function for part, function in parts.items()}


def exit_code(reports: Sequence["Report | NetworkReport"], strict: bool = False) -> int:
    """Return the exit code for reports: the worst of them."""
    worst = SAME
    for report in reports:
        if not report:
            acceptable = report.verdict == "convention" and not strict
            worst = max(worst, CONVENTION if acceptable else WRONG)
    return worst
