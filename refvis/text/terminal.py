"""Text for a terminal: aligned columns, and names from files with their control characters escaped."""

from collections.abc import Sequence


def align_columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return one line per row: the first `left` columns aligned to the left, the others, numbers, to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def underline_header(lines: list[str]) -> list[str]:
    """Return the lines with a rule below the first line, which is the header."""
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def escape_controls(text: str) -> str:
    r"""Return the text with control characters, which could steer a terminal, as escapes such as \x1b."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
