"""Names that come from files, made safe to print on a terminal."""


def printable(text: str) -> str:
    r"""Return the text with control characters (which could steer a terminal) as escapes such as \x1b."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
