"""What is said on nuttcp's control channel, recorded from nuttcp 6.1.2: played by the generic tests of helpers.

See icsframework.testing.sessions.  Nothing of the gateway imports this module.
"""

from icsframework.values import Side

__all__ = ["CONVERSATIONS"]

HELO = b"HELO nuttcp v6.1.2\n"
PARAMETERS = (
    b"buflen = 65536, nbuf = 2147483647, win = 0, nstream = %d, rate = 4294967295, port = %d, trans = %d, "
    b"braindead = 0, timeout = 1.000000, udp = %d, vers = 6.1.2, interval = 0.000000, reverse = %d, format = 2048, "
    b"traceroute = 0, irate = 0, thirdparty = _NULL_ , multicast = 0 , datamss = 0 , tos = 0 , nbuf_bytes = 0 , "
    b"rate_pps = 0 , nodelay = 0\n"
)
REPORT = (
    b"nuttcp-t: v6.1.2: socket\n"
    b"nuttcp-t: buflen=65536, nstream=1, port=5001 tcp -> 127.0.0.1\n"
    b"nuttcp-t: 1338.5000 MB in 1.00 real seconds = 1370471.88 KB/sec = 11226.9056 Mbps\n"
)


def _test(*numbers: int) -> tuple[tuple[Side, bytes], ...]:
    """One test: streams, port, trans, udp, reverse."""
    return (
        (Side.CLIENT, HELO),
        (Side.SERVER, HELO),
        (Side.CLIENT, PARAMETERS % numbers),
        (Side.SERVER, b"OK v6.1.2\n"),
        (Side.SERVER, REPORT),
    )


CONVERSATIONS = (
    _test(1, 5001, 0, 0, 0),
    _test(3, 5201, 0, 1, 0),
    _test(1, 5001, 1, 0, 1),
    _test(1, 5001, 1, 0, 0),
    _test(1, 22, 0, 0, 0),
)
"""The server calls back; the same with three streams by UDP; a transmitter that is called; one that calls; a low port."""
