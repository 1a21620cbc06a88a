"""The machine: the processor, BLAS and GPUs that NumPy and CuPy compute with, and advice on settings."""
