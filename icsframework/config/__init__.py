"""The configuration file: read with line numbers, checked as a whole, turned into frozen values."""

__all__: list[str] = []
