"""PPP without I/O (RFC 1661): framing, option negotiation, authentication, IPv4 and IPv6 on top; both ends of the line."""

__all__ = [
    "actions",
    "automaton",
    "datapath",
    "hdlc",
    "ipcp",
    "ipv6cp",
    "lcp",
    "link",
    "liveness",
    "negotiation",
    "packet",
    "settings",
    "texts",
    "vj",
]
