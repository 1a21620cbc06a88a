"""Masks of an image: random ones, and those that a search finds."""
