"""``python -m refvis``: the command line, where the command ``refvis`` is not on the path."""

from refvis.cli import main

if __name__ == "__main__":
    main()
