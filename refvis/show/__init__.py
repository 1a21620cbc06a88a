"""Networks as tables and drawings."""

from refvis.show import drawing
from refvis.show.table import described

__all__ = ["described", "drawing"]
