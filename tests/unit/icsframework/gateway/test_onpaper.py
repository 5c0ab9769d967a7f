"""Doors of helpers that do not run."""

from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from zope.interface import implementer

from icsframework.config.helpers import HelperSection
from icsframework.fields import PluginConfig
from icsframework.gateway.onpaper import FIRST_LISTENER, doors_on_paper
from icsframework.interfaces import INatHelper, INatHelperFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.values import KernelHelper, PortSpan, PortTrigger, StreamProxy

PROXY = StreamProxy((21,), lambda flow: None)
GAME = PortTrigger("x", (PortSpan("tcp", 1, 1),), (PortSpan("udp", 2, 3),), 9.0)


@implementer(INatHelper)
class Helper(Service):
    """A helper that uses its gateway in every way before it says what it wants."""

    def __init__(self, gateway: Any, says: Any) -> None:
        gateway.status.details(dict)
        gateway.uplinks.watch(print)
        self._now = gateway.clock.now()
        self._says = says

    def attachments(self) -> Any:
        """What the test wants it to say."""
        if isinstance(self._says, Exception):
            raise self._says
        return self._says

    def reconfigure(self, config: object) -> None:
        """Nothing to do."""


@implementer(INatHelperFactory)
class Factory:
    """Makes them."""

    api_version = 1
    Config = PluginConfig

    def __init__(self, says: Any) -> None:
        self._says = says

    def prepare(self, config: object, system: object) -> None:
        """Never asked here."""
        raise AssertionError

    def create(self, config: object, gateway: object) -> Helper:
        """One that says what the test wants."""
        return Helper(gateway, self._says)


def doors(**says: Any) -> Any:
    """The doors of helpers that say these things."""
    registry = FixedRegistry({("nat_helper", name): Factory(what) for name, what in says.items()})
    sections = [HelperSection(plugin=name, name=name, clients=("192.168.0.10/32",)) for name in says]  # type: ignore[arg-type]
    return doors_on_paper(sections, registry)


def test_every_kind_of_attachment() -> None:
    """Listeners have numbers of their own, and each door the scope of its helper."""
    found, unknown = doors(
        ftp=(PROXY, StreamProxy((21,), lambda flow: None, "inbound", "open")),
        pptp=[KernelHelper("pptp", "tcp", (1723,))],
        games=(GAME,),
    )
    assert unknown == ()
    assert [(one.owner, one.listener, one.direction, one.fail) for one in found.redirects] == [
        ("ftp", FIRST_LISTENER, "outbound", "closed"),
        ("ftp", FIRST_LISTENER + 1, "inbound", "open"),
    ]
    assert [(one.owner, one.helper) for one in found.kernel] == [("pptp", "pptp")]
    assert [(one.owner, one.name) for one in found.triggers] == [("games", "x")]
    assert {str(one.scope.clients[0]) for one in (*found.redirects, *found.kernel)} == {"192.168.0.10/32"}


@pytest.mark.parametrize("says", [RuntimeError("not yet"), Deferred(), None, ["port 21"]])
def test_one_that_cannot_say(says: Any) -> None:
    """It is named, and the others are there."""
    found, (sentence,) = doors(odd=says, games=(GAME,))
    assert sentence.startswith("helper odd: ")
    assert "when it runs" in sentence
    assert len(found.triggers) == 1
