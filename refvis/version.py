"""The version, in one place: the package's meta data are read from here."""

__version__ = "0.1.0"
