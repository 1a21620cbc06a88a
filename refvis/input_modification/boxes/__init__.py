"""Boxes of an image: where they stand, what fills them, and what their change does to a unit."""
