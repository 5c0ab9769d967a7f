"""The pptp helper: one attachment."""

from ics_plugins.helpers.pptp import factory
from ics_plugins.helpers.pptp.config import PptpConfig
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Applied, KernelHelper


def made(*ports):
    """A helper for these ports and its gateway."""
    gateway = FakeGateway("pptp")
    return factory.create(PptpConfig(ports=ports or (1723,)), gateway), gateway


def test_it_asks_for_the_helper_of_the_kernel():
    """The kernel's name, TCP, and the ports of the file."""
    assert list(made()[0].attachments()) == [KernelHelper("pptp", "tcp", (1723,))]
    assert list(made(1723, 1724)[0].attachments()) == [KernelHelper("pptp", "tcp", (1723, 1724))]


def test_it_takes_other_ports_while_running():
    """A reload with other ports is new attachments, no restart."""
    helper, gateway = made()
    helper.startService()
    done = []
    helper.reconfigure(PptpConfig(ports=(1724,))).addCallback(done.append)
    assert done == [Applied()]
    assert list(helper.attachments()) == [KernelHelper("pptp", "tcp", (1724,))]
    assert gateway.status.read() == {"ports": [1724]}
