"""Tables of text, in columns that a person can read down."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return one line per row: the first `left` columns aligned to the left, the others, numbers, to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def underlined(lines: list[str]) -> list[str]:
    """Return the lines with a rule below the first, which is the header."""
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
