"""A small static blog generator."""

__version__ = "0.4.0"
