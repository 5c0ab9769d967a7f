"""The core of ics: contracts, and the rooms that carry them out. It imports no plugin."""

__version__ = "0.1.0"
__all__ = ["__version__"]
