"""The machine: what NumPy and CuPy compute with here, and advice on it."""
