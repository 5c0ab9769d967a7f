"""What an interface's state means."""

from dataclasses import replace

import pytest

from ics_plugins.uplinks.ethernet.cable import another_device, grace, trouble
from icsframework.values import InterfaceInfo

ETH0 = InterfaceInfo("eth0", 2, "02:00:5e:00:53:01", 1500, up=True, carrier=True)


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (ETH0, None),
        (None, "there is no interface eth0; plug it in, or correct interface: (ip link lists them)"),
        (replace(ETH0, carrier=False), "eth0 has no carrier; is the cable plugged in?"),
        (replace(ETH0, up=False, carrier=False), "eth0 is switched off; ip link set eth0 up switches it on"),
    ],
)
def test_trouble(info, reason):
    """Each has a sentence that names the device and what to do."""
    assert trouble("eth0", info) == reason


def test_another_device():
    """Another index or hardware address; not what else may change."""
    assert another_device(ETH0, replace(ETH0, ifindex=3))
    assert another_device(ETH0, replace(ETH0, mac="02:00:5e:00:53:02"))
    assert not another_device(ETH0, replace(ETH0, mtu=1400, carrier=False))
    assert not another_device(None, ETH0)
    assert not another_device(ETH0, None)


def test_grace():
    """A link that changes the device's MTU has to wait for the device to negotiate."""
    assert (grace(1500, 1500), grace(1400, 1500)) == (1, 5)
