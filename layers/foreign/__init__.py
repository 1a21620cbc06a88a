"""Operators that MatConvNet lacks, and that files of other projects name."""
