"""Bytes of each interface."""

from icsframework.host.traffic import Traffic, parse, read_traffic

NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  104   2    0    0    0     0          0         0      105       2    0    0    0     0       0          0
eth0.7: 1234   5    0    0    0     0          0         0     5678       9    0    0    0     0       0          0
 a:b: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
 broken: x
"""


def test_received_and_sent_by_interface() -> None:
    """Both columns, also for names with dots and colons; other lines are passed over."""
    assert parse(NET_DEV) == {"lo": Traffic(104, 105), "eth0.7": Traffic(1234, 5678), "a:b": Traffic(1, 9)}


def test_this_machine_has_a_loopback() -> None:
    """The kernel's file is read in its real form."""
    assert "lo" in read_traffic()
