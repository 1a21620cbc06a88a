"""Texts: columns, numbers, and characters that a terminal can print."""
