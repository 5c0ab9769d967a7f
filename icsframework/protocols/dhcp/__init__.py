"""DHCP for IPv4 on the wire: messages (RFC 2131), options (RFC 2132), and frames for raw sockets."""

__all__ = ["frame", "message", "options"]
