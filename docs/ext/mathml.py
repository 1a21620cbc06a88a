"""Formulas as MathML, made when the pages are built: a browser shows them without scripts and without a network.

latex2mathml translates; this file adds what it lacks: aligned equations, column alignment that current browsers
follow, and a warning (an error, with `sphinx -W`) for every command that it did not understand.
"""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

ALIGNED = re.compile(r"\s*\\begin\{aligned\}(.*)\\end\{aligned\}\s*", re.DOTALL)
ENVIRONMENT = re.compile(r"\\begin\{(\w+)\}.*?\\end\{\1\}", re.DOTALL)
FUNCTION = re.compile(
    r"(?P<before></\w+>)?(?P<open>(?:<m(?:sub|sup|under)>)?)<(m[io])>(?P<name>[a-z]{3,})</\3>"
    r"(?=(?P<bracket>(?:<m[in]>[^<]*</m[in]></m\w+>)?<mo[^>]*>(?:\(|&#x00028;)</mo>)?)"
)
THIN = "0.17em"
FENCES = {"&#x027E8;": "prefix", "&#x027E9;": "postfix"}


def mathml(latex: str, block: bool) -> str:
    """Return the formula as a MathML element; `block` sets it on a line of its own."""
    found = ALIGNED.fullmatch(latex)
    display = "block" if block else "inline"
    if found:
        rows = "".join(_row(row) for row in split(found[1], r"\\") if row.strip())
        inner = f'<mtable displaystyle="true" class="aligned">{rows}</mtable>'
        element = f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="{display}">{inner}</math>'
    else:
        element = convert(latex.strip(), display=display)
    return tidy(element)


def _row(latex: str) -> str:
    cells = []
    for cell in split(latex, "&"):
        inner = convert(cell.strip(), display="block") if cell.strip() else "<mrow></mrow>"
        inner = re.sub(r"</?math[^>]*>", "", inner)
        cells.append(f"<mtd>{inner}</mtd>")
    return f"<mtr>{''.join(cells)}</mtr>"


def split(latex: str, separator: str) -> list[str]:
    """Return the parts of `latex` between separators that stand outside an inner environment."""
    kept: list[str] = []
    masked = ENVIRONMENT.sub(lambda match: kept.append(match[0]) or f"\0{len(kept) - 1}\0", latex)  # type: ignore[func-returns-value]
    return [re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], part) for part in masked.split(separator)]


def tidy(element: str) -> str:
    """Return the element with attributes replaced that MathML Core names differently or lacks."""
    element = re.sub(r'columnalign="(\w+)"', r'style="text-align: \1"', element)
    for character, form in FENCES.items():
        element = element.replace(f"<mi>{character}</mi>", f'<mo form="{form}" stretchy="false">{character}</mo>')
    return FUNCTION.sub(_function, element)


def _function(found: re.Match[str]) -> str:
    """Return a function's name (log, max, sign) set upright, a thin space from what it does not touch in print."""
    before = THIN if found["before"] not in (None, "</mo>") else "0"
    after = "0" if found["bracket"] else THIN
    name = f'<mo form="prefix" lspace="{before}" rspace="{after}">{found["name"]}</mo>'
    return f"{found['before'] or ''}{found['open']}{name}"


def convert_node(node: nodes.Element, block: bool) -> str:
    """Return the node's formula as MathML; warn, with its place, about a command that was not understood."""
    latex = node.astext()
    element = mathml(latex, block)
    bare = re.sub(r"<annotation.*?</annotation>", "", element, flags=re.DOTALL)
    if "\\" in bare or re.search(r"&(?![#\w]+;)", bare):
        logger.warning("formula not understood: %s", latex, location=node)
    return element


def visit_math(self: Any, node: nodes.math) -> None:
    """Write a formula in the line."""
    self.body.append(f'<span class="math">{convert_node(node, block=False)}</span>')
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    self.body.append(f'<div class="math">{convert_node(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
