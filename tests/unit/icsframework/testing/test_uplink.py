"""The scripted uplink keeps the contract that it stands for."""

from typing import Any

from zope.interface.verify import verifyObject

from icsframework.interfaces import IUplink, IUplinkFactory
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.uplink import ScriptedUplink, ScriptedUplinkConfig, ScriptedUplinkFactory
from icsframework.values import Applied, Cause, Down, Link, UplinkSettings

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


def test_it_provides_its_contracts() -> None:
    """Factory and product, as a registry would verify them."""
    factory = ScriptedUplinkFactory()
    verifyObject(IUplinkFactory, factory)
    made = factory.create(
        UplinkSettings("cable", "eth0", ScriptedUplinkConfig()),
        FakeGateway("uplink.cable"),
        lambda state: None,
    )
    verifyObject(IUplink, made)
    assert factory.made == {"cable": made}
    assert factory.prepare(ScriptedUplinkConfig(), None).is_ready  # type: ignore[arg-type]


def test_it_notes_what_it_is_asked_and_reports_what_it_is_told() -> None:
    """A whole life: start, a failing connect, a waiting one, disconnect, stop."""
    seen: list[Any] = []
    uplink = ScriptedUplink(seen.append)
    uplink.startService()
    uplink.connect_error = ValueError("no")
    failed: list[Any] = []
    uplink.connect(Cause("always")).addErrback(lambda failure: failed.append(failure.type))
    uplink.connect_error = None
    assert not uplink.connect(Cause("command")).called
    uplink.disconnect("enough")
    uplink.stopService()
    outcome: list[Any] = []
    uplink.reconfigure(None).addCallback(outcome.append)
    uplink.adopt(LINK).addCallback(outcome.append)
    assert (uplink.calls, seen, failed, outcome, uplink.running) == (
        ["always", "command", "-enough", "adopt eth0"],
        [Down("enough")],
        [ValueError],
        [Applied(), None],
        False,
    )
