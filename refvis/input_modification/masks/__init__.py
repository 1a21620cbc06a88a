"""Masks over an image: random masks, and masks found by a search."""
