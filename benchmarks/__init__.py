"""Benchmarks, side by side in one process with PyTorch on the CPU, captum and zennit: ``python -m benchmarks``."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
"""Where copies of known models, and of the same networks in PyTorch, are made; scripts put it on their path."""
