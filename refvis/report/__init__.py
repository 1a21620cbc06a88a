"""The report: one page with a picture for each method, and a file with the arrays behind it."""

from refvis.report.arrays import write_arrays
from refvis.report.explain import Explanation, explain
from refvis.report.page import write_page

__all__ = ["Explanation", "explain", "write_arrays", "write_page"]
