"""The command line: ``refvis explain``, ``classify``, ``ledger``, and others, each a function in `refvis.commands`.

An error of the user is printed as one line, with exit code 2.
"""

import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

from refvis import commands, signals
from refvis.commands.notes import note
from refvis.layers import memory_limit
from refvis.text.terminal import escape_controls
from refvis.version import __version__

app = typer.Typer(
    help="See what a convolutional network has learned: an auditable reference.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    limit: Annotated[
        str | None,
        typer.Option(
            "--memory-limit",
            metavar="SIZE",
            help="Refuse what needs more memory, such as 8GB. Default: REFVIS_MEMORY_LIMIT, or 3/4 of the machine's.",
        ),
    ] = None,
) -> None:
    """See what a convolutional network has learned: an auditable reference."""
    if limit is not None:
        context.with_resource(memory_limit(limit))
    if version:
        typer.echo(f"refvis {__version__}")
        raise typer.Exit


for command in (
    commands.explain,
    commands.classify,
    commands.occlusion,
    commands.deconvolution,
    commands.examples,
    commands.ledger,
    commands.invert,
    commands.maximize,
    commands.modes,
    commands.info,
    commands.show,
    commands.scenes,
    commands.verify,
    commands.vectors,
):
    app.command()(command)


def _show_warning(message: Warning | str, *place: Any, **more: Any) -> None:
    """Print a warning as a note, without the line of source that it came from."""
    note(str(message))


def main() -> None:
    """Run the command line.

    An error that the user can fix is printed as one line, with exit code 2. A signal that ends the command is
    said, with exit code 130 for Ctrl-C, 143 for SIGTERM; output that nobody reads any more ends it silently, with 141.
    """
    with signals.as_interruptions():
        _run()


def _run() -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=RuntimeWarning)  # NumPy's: refvis names the layer in an error
            warnings.showwarning = _show_warning
            app()
    except (ValueError, OSError, MemoryError) as error:
        print(f"refvis: error: {escape_controls(_text(error))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _exit_interrupted()
    except (ImportError, SystemError):  # what libraries make of an interruption while they are imported
        if not signals.came():
            raise
        _exit_interrupted()
    except SystemExit as end:
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):  # typer exits silently
            _exit_interrupted()
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(signals.BROKEN_PIPE)
        raise


def _text(error: Exception) -> str:
    """Return an error as a sentence; of the system's own, the file and the reason, without "[Errno 2]"."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename!r}: {error.strerror}" if error.filename else error.strerror
    return str(getattr(error, "command_text", error)) or type(error).__name__


def _exit_interrupted() -> NoReturn:
    print("refvis: interrupted", file=sys.stderr)
    sys.exit(signals.exit_code())


if __name__ == "__main__":
    main()
