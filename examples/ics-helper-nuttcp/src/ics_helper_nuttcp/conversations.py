"""What is said on nuttcp's control channel, recorded from nuttcp 6.1.2: material for the tests of every helper.

`icsframework.testing` plays each of them in every way in which a network may deliver it (see
`icsframework.testing.sessions`); nothing of the gateway imports this module.
"""

from icsframework.values import Side

__all__ = ["CONVERSATIONS"]

HELLO = b"HELO nuttcp v6.1.2\n"
PARAMETERS = (
    b"buflen = 65536, nbuf = 2147483647, win = 0, nstream = %d, rate = 4294967295, port = 5001, trans = %d, "
    b"braindead = 0, timeout = 1.000000, udp = %d, vers = 6.1.2, interval = 0.000000, reverse = 0, format = 2048, "
    b"traceroute = 0, irate = 0, thirdparty = _NULL_ , multicast = 0 , datamss = 0 , tos = 0 , nbuf_bytes = 0 , "
    b"rate_pps = 0 , nodelay = 0\n"
)
REPORT = (
    b"nuttcp-t: v6.1.2: socket\n"
    b"nuttcp-t: buflen=65536, nstream=1, port=5001 tcp -> 127.0.0.1\n"
    b"nuttcp-t: 1338.5000 MB in 1.00 real seconds = 1370471.88 KB/sec = 11226.9056 Mbps\n"
)


def _conversation(streams: int, trans: int, udp: int) -> tuple[tuple[Side, bytes], ...]:
    return (
        (Side.CLIENT, HELLO),
        (Side.SERVER, HELLO),
        (Side.CLIENT, PARAMETERS % (streams, trans, udp)),
        (Side.SERVER, b"OK v6.1.2\n"),
        (Side.SERVER, REPORT),
    )


CONVERSATIONS = (
    _conversation(streams=1, trans=0, udp=0),
    _conversation(streams=3, trans=0, udp=1),
    _conversation(streams=1, trans=1, udp=0),
)
