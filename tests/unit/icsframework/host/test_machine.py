"""Errors of the machine that carry more than words; what it promises is tested in tests/contract/test_machine.py."""

from icsframework.errors import HostError
from icsframework.host.machine import PortRefused


def test_a_refused_port_says_which():
    """So that whoever reads it can leave that interface alone."""
    error = PortRefused("wlan0 cannot be a port of br-home", "wlan0")
    assert isinstance(error, HostError)
    assert (str(error), error.interface) == ("wlan0 cannot be a port of br-home", "wlan0")
