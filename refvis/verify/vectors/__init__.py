"""Vectors: cases with their answers as files, for implementations in any language.

`suite` chooses the cases of a kind, `documents` writes them as JSON, `lint` says what makes a test blind.
"""
