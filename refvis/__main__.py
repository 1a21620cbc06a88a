"""The program ``refvis``, also as ``python -m refvis``: the command line. Signals are handled first."""

from refvis import signals


def main() -> None:
    """Import and run the command line. A signal while it is imported ends the program without a traceback."""
    signals.handle(signals.end_at_once)
    from refvis import cli  # late, since it takes most of the start

    cli.main()


if __name__ == "__main__":
    main()
