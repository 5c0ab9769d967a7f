"""The kernel settings that the gateway needs: a pure function from the DataPlane.

Conntrack's time-outs are raised to the minimums of the RFCs, never lowered.
Where the kernel combines an interface's value with that of ``all``, both are
said: the larger one of rp_filter, arp_ignore and arp_announce counts, any of the
two for send_redirects, and both are needed for accept_redirects.
"""

from collections.abc import Iterator
from typing import Literal

from icsframework.dataplane.plane import DataPlane
from icsframework.host.state import Sysctl, conf

CONNTRACK_MINIMUMS = {
    # RFC 4787 REQ-5: never below 2 minutes; 5 minutes are recommended.
    "udp_timeout": 120,
    "udp_timeout_stream": 300,
    # RFC 5508 REQ-2
    "icmp_timeout": 60,
    "icmpv6_timeout": 60,
    # RFC 2637 section 3.1.4: a call may be silent for a minute, and for another until its Echo-Request has failed.
    "gre_timeout": 120,
    "gre_timeout_stream": 180,
    # RFC 5382 REQ-5: 2 hours 4 minutes for established connections ...
    "tcp_timeout_established": 7440,
    # ... and 4 minutes for those that open or close; RFC 7857 section 2.2 has the same after a RST.
    "tcp_timeout_syn_sent": 240,
    "tcp_timeout_syn_recv": 240,
    "tcp_timeout_fin_wait": 240,
    "tcp_timeout_close_wait": 240,
    "tcp_timeout_last_ack": 240,
    "tcp_timeout_time_wait": 240,
    "tcp_timeout_close": 240,
    "tcp_timeout_max_retrans": 240,
    "tcp_timeout_unacknowledged": 240,
}
"""Seconds, by the name after net.netfilter.nf_conntrack_."""


def sysctls(plane: DataPlane) -> frozenset[Sysctl]:
    """All settings; those of an interface are optional, since it may be absent."""
    return frozenset((*_general(), *_conntrack(), *_lans(plane), *_uplinks(plane), *_hold(plane)))


def _general() -> Iterator[Sysctl]:
    yield Sysctl("net.ipv4.ip_forward", "1")
    # Our rules look for spoofed sources; the kernel's check would refuse packets that come by a second uplink.
    yield Sysctl(conf("ipv4", "all", "rp_filter"), "0")
    # The kernel does these itself when forwarding is switched; said here, they are put back at the end.
    yield Sysctl(conf("ipv4", "all", "accept_redirects"), "0")
    yield Sysctl(conf("ipv4", "all", "send_redirects"), "0")


def _conntrack() -> Iterator[Sysctl]:
    for name, seconds in CONNTRACK_MINIMUMS.items():
        yield Sysctl(f"net.netfilter.nf_conntrack_{name}", str(seconds), "at_least", optional=True)


def _lans(plane: DataPlane) -> Iterator[Sysctl]:
    for interface in dict.fromkeys(lan.interface for lan in plane.lans):
        yield _own(interface, "rp_filter", 0)
        yield _own(interface, "send_redirects", 1)
    if any(lan.bridge for lan in plane.lans):
        # With br_netfilter a bridge's frames pass our rules twice, and transparent proxying breaks.
        for tables in ("iptables", "ip6tables", "arptables"):
            yield Sysctl(f"net.bridge.bridge-nf-call-{tables}", "0", optional=True)


def _uplinks(plane: DataPlane) -> Iterator[Sysctl]:
    for interface in dict.fromkeys(uplink.interface for uplink in plane.uplinks):
        yield _own(interface, "rp_filter", 0)
        # No LAN address is asked for or told by ARP on the uplink.
        yield _own(interface, "arp_ignore", 1, "at_least")
        yield _own(interface, "arp_announce", 2, "at_least")
        # Nobody on the Internet side changes our routes or chooses a packet's way (RFC 1812 sections 5.2.7.2, 5.2.4.1).
        yield _own(interface, "accept_redirects", 0)
        yield _own(interface, "accept_source_route", 0)
        yield _own(interface, "send_redirects", 0)


def _hold(plane: DataPlane) -> Iterator[Sysctl]:
    if plane.hold is not None:
        # Who is refused a link is told so for each connection, not for one a second; our rules have a limit of their own.
        yield Sysctl("net.ipv4.icmp_ratelimit", "0", optional=True)
        interface = plane.hold.interface
        yield _own(interface, "rp_filter", 0)
        # What waited and was the gateway's own comes back in by this device with an address of ours.
        yield _own(interface, "accept_local", 1)
        yield _own(interface, "send_redirects", 0)
        # The kernel would greet its neighbours there, and each greeting would come to Python.
        yield Sysctl(conf("ipv6", interface, "disable_ipv6"), "1", optional=True)


def _own(interface: str, setting: str, value: int, how: Literal["set", "at_least"] = "set") -> Sysctl:
    return Sysctl(conf("ipv4", interface, setting), str(value), how, optional=True)
