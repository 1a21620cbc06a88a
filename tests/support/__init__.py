"""Helpers of the tests: cases, replicas, files, stand-ins."""
