"""Codecs and state machines of network protocols: bytes and messages in, values out, no I/O.  Provisional until 1.0."""

__all__: list[str] = []
