"""Which packets may overtake others on a slow line.  Pure; it looks at headers only.

At 33.6 kbit/s one full packet takes 0.36 s, so a key that somebody presses, a name that is looked up, or
the acknowledgement that a download waits for must not stand behind an upload.
"""

SMALL = 128
"""Octets of a packet that is small whatever it holds: it delays nobody."""
INTERACTIVE = 576
"""Octets of a packet of an interactive port that may overtake; a file copied by ssh comes in larger ones."""
NAMES_AND_TIME = frozenset({53, 123})
PORTS = frozenset({22, 23, 513, 3389})
"""ssh, telnet, rlogin, remote desktop."""
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
LOW_DELAY = 0x10
"""RFC 1349; what ssh and telnet set when somebody types."""
EXPEDITED = 0xB8
"""DSCP EF (RFC 3246): voice."""
SYN_FIN_RST = 0x07


def is_urgent(packet: bytes) -> bool:
    """True for a packet that should go first.  Anything may be in it."""
    if not packet:
        return False
    if len(packet) <= SMALL:
        return True
    version = packet[0] >> 4
    if version == 4 and len(packet) >= 20:
        protocol, service, at = packet[9], packet[1], (packet[0] & 15) * 4
        if (packet[6] & 0x1F) or packet[7]:
            return False  # a fragment without ports
    elif version == 6 and len(packet) >= 40:
        protocol, service, at = packet[6], (packet[0] << 4 | packet[1] >> 4) & 0xFF, 40
    else:
        return False
    if service & 0xFC == EXPEDITED or (version == 4 and service == LOW_DELAY and len(packet) <= INTERACTIVE):
        return True
    return _by_protocol(packet, protocol, at)


def _by_protocol(packet: bytes, protocol: int, at: int) -> bool:
    if protocol in (ICMP, ICMPV6):
        return len(packet) <= INTERACTIVE
    if protocol not in (TCP, UDP) or len(packet) < at + 8:
        return False
    ports = {int.from_bytes(packet[at : at + 2], "big"), int.from_bytes(packet[at + 2 : at + 4], "big")}
    if ports & NAMES_AND_TIME:
        return True
    if protocol == UDP or len(packet) < at + 20:
        return False
    if packet[at + 13] & SYN_FIN_RST or len(packet) <= at + (packet[at + 12] >> 4) * 4:
        return True  # no data in it
    return bool(ports & PORTS) and len(packet) <= INTERACTIVE
