"""Sphinx configuration. `python -m sphinx -W --keep-going -b html docs docs/_build/html` builds the pages,
`-b doctest` runs every example in them. Both need no network, and neither do the pages once built.
"""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "ext"))  # the place of mathml.py; refvis itself is installed

project = "refvis"
author = "The refvis authors"
copyright = f"2026, {author}"
try:
    release = metadata.version("refvis")
except metadata.PackageNotFoundError:
    release = "uninstalled checkout"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "mathml"]
exclude_patterns = ["_build", "ext"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
default_role = "literal"

html_theme = "furo"
html_title = "refvis"
html_static_path = ["_static"]
html_css_files = ["refvis.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
add_module_names = False

trim_doctest_flags = True
doctest_global_setup = """
import tempfile
from importlib.util import find_spec
from pathlib import Path
import numpy as np
np.set_printoptions(precision=4, suppress=True, linewidth=100)
kept = tempfile.TemporaryDirectory()
folder = Path(kept.name)
"""
doctest_global_cleanup = "kept.cleanup()"


def set_formulas_apart(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Show indented lines of a docstring, which hold formulas and examples, as they stand."""
    for number in reversed(range(1, len(lines))):
        if lines[number].startswith("    ") and not lines[number - 1].strip():
            lines[number:number] = ["::", ""]


def setup(app: Any) -> None:
    """Connect `set_formulas_apart` to autodoc."""
    app.connect("autodoc-process-docstring", set_formulas_apart)
