"""The image that is sought: how it is parametrised, transformed, bounded and shown."""
