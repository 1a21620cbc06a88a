"""A fuzzer of model files that knows their structure; CONTRIBUTING.md has the command."""
