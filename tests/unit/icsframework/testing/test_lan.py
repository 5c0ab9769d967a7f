"""The scripted LAN service keeps the contract that it stands for."""

from ipaddress import IPv4Interface
from typing import Any

from zope.interface.verify import verifyObject

from icsframework.errors import PortTaken
from icsframework.interfaces import ILanService, ILanServiceFactory
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.lan import ScriptedConfig, ScriptedLanFactory
from icsframework.values import Applied, Lan

HOME = Lan("home", "eth1", 3, "02::1", IPv4Interface("192.168.0.1/24"))


def test_it_provides_its_contracts_and_notes_its_calls() -> None:
    """Factory and product are verified; a whole life is noted in order."""
    factory = ScriptedLanFactory()
    verifyObject(ILanServiceFactory, factory)
    service = factory.create(FakeGateway("scripted"))
    verifyObject(ILanService, service)
    service.startService()
    service.serve(HOME, ScriptedConfig(colour="red"))
    outcome: list[Any] = []
    service.reconfigure(None).addCallback(outcome.append)
    service.withdraw(HOME)
    service.stopService()
    assert factory.calls == ["start", "serve home 192.168.0.1/24 red", "withdraw home", "stop"]
    assert outcome == [Applied()]
    assert factory.prepare(ScriptedConfig(), None).is_ready  # type: ignore[arg-type]


def test_it_fails_on_request() -> None:
    """``serve_error`` is what serve fails with."""
    factory = ScriptedLanFactory()
    factory.serve_error = PortTaken("port 53 is taken")
    errors: list[Any] = []
    factory.create(FakeGateway("scripted")).serve(HOME, ScriptedConfig()).addErrback(
        lambda failure: errors.append(failure.value)
    )
    assert errors == [factory.serve_error]
