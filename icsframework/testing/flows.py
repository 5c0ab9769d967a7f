"""Control connections for tests of NAT helpers: one from behind the gateway, one to a published service."""

from ipaddress import ip_address

from icsframework.values import Endpoint, Flow, Protocol

__all__ = ["INSIDE", "OUTSIDE", "PEER", "inbound", "outbound"]

INSIDE = ip_address("192.168.0.10")
"""The host behind the gateway."""
OUTSIDE = ip_address("203.0.113.5")
"""The gateway's own address in the Internet (RFC 5737, as is the peer's)."""
PEER = ip_address("192.0.2.80")
"""The host in the Internet."""
CLIENT_PORT = 40000


def outbound(port: int, protocol: Protocol = "tcp") -> Flow:
    """A client behind the gateway has called ``port`` of a server in the Internet."""
    client, outside = Endpoint(INSIDE, CLIENT_PORT), Endpoint(OUTSIDE, CLIENT_PORT)
    return Flow(protocol, client, Endpoint(PEER, port), outside, "cable")


def inbound(port: int, protocol: Protocol = "tcp") -> Flow:
    """A client in the Internet has called ``port`` of the gateway, published for a server behind it."""
    client, server = Endpoint(PEER, CLIENT_PORT), Endpoint(INSIDE, port)
    return Flow(protocol, client, server, Endpoint(OUTSIDE, port), "cable", "inbound")
