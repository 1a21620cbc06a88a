"""Whole networks: variable by variable, signal by signal, to the first layer that differs."""
