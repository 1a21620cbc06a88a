"""Kinds of the layers that MatConvNet lacks: those of other projects, and of exported networks."""
