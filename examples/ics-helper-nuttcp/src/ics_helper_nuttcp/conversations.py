"""What nuttcp's client and server say: played by the generic tests of helpers (icsframework.testing.sessions)."""

from icsframework.values import Side

__all__ = ["CONVERSATIONS"]

HELO = b"HELO nuttcp v6.1.2\n"
PARAMETERS = (
    b"buflen = 65536, nbuf = 2147483647, nstream = %d, rate = 0, port = %d, trans = %d, udp = %d, reverse = %d, "
    b"thirdparty = _NULL_\n"
)


def _test(*numbers: int) -> tuple[tuple[Side, bytes], ...]:
    """One test: streams, port, trans, udp, reverse."""
    return (
        (Side.CLIENT, HELO),
        (Side.SERVER, HELO),
        (Side.CLIENT, PARAMETERS % numbers),
        (Side.SERVER, b"OK v6.1.2\n"),
        (Side.SERVER, b"nuttcp-t: 1338.5000 MB in 1.00 real seconds\n"),
    )


CONVERSATIONS = (
    _test(1, 5001, 0, 0, 0),
    _test(3, 5201, 0, 1, 0),
    _test(1, 5001, 1, 0, 1),
    _test(1, 5001, 1, 0, 0),
    _test(1, 22, 0, 0, 0),
)
"""The server calls back; the same with three streams by UDP; a transmitter that is called; one that calls; a low port."""
