"""How the ends of a PPP link prove who they are: PAP (RFC 1334), CHAP with MD5 (RFC 1994), MS-CHAPv2 (RFC 2759)."""

__all__ = ["chap", "des", "digests", "gate", "md4", "method", "mschapv2", "pap"]
