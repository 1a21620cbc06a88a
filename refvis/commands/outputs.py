"""Checks of output files before anything is computed: a long run is not to fail on its last line."""

from pathlib import Path

from refvis.results.files import check_suffix
from refvis.weights.whole_files import require_writable


def check_output(out: Path) -> str:
    """Return the suffix of the file to write, before anything is computed.

    Raises ValueError unless it is .png or .h5, and OSError if the file cannot be written there.
    """
    suffix = check_suffix(out)
    require_writable(out)
    return suffix
