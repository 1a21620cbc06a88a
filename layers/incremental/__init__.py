"""Forward passes of an image with changed boxes: only what a box can influence is computed again."""

from refvis.layers.incremental.plan import Plan, forward_changes

__all__ = ["Plan", "forward_changes"]
