"""The games helper: a trigger for each profile."""

from ics_plugins.helpers.games import factory, shipped
from ics_plugins.helpers.games.config import GamesConfig
from ics_plugins.helpers.games.triggers import triggers
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Applied, PortSpan, PortTrigger

IDENT = PortTrigger(
    "ident",
    (PortSpan("tcp", 6660, 6669), PortSpan("tcp", 6697, 6697), PortSpan("tcp", 7000, 7000)),
    (PortSpan("tcp", 113, 113),),
    120.0,
)


def test_it_asks_for_a_trigger_a_profile():
    """By default for all that are shipped."""
    helper = factory.create(GamesConfig(), FakeGateway("games"))
    assert list(helper.attachments()) == list(triggers(map(shipped.load, shipped.names())))
    assert IDENT in helper.attachments()


def test_it_takes_other_profiles_while_running():
    """A reload with other profiles is new attachments, no restart; status tells which are in force."""
    gateway = FakeGateway("games")
    helper = factory.create(GamesConfig(), gateway)
    helper.startService()
    done = []
    helper.reconfigure(GamesConfig(profiles=("ident",))).addCallback(done.append)
    assert done == [Applied()]
    assert list(helper.attachments()) == [IDENT]
    assert gateway.status.read() == {
        "profiles": {
            "ident": {
                "outbound": ["TCP 6660-6669", "TCP 6697", "TCP 7000"],
                "inbound": ["TCP 113"],
                "lifetime": 120.0,
            }
        }
    }
