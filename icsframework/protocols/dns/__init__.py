"""DNS on the wire (RFC 1035, 3597, 6891, 8914): names, a walk over messages, and small answers.  Pure."""

__all__ = ["build", "message", "name"]
