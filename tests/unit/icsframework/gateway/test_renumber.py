"""LANs that make way."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from icsframework.errors import HostError
from icsframework.gateway.desired import Live
from icsframework.gateway.renumber import Collision, Renumbering, collisions, networks, without
from icsframework.gateway.subnets import ChosenSubnets
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.store import MemoryStore
from icsframework.values import Family, Link

AUTO = (
    "lans:\n  - {name: home, interface: eth1, address: auto}\n"
    "  - {name: attic, interface: eth2, address: 192.168.7.1/24}\n"
    "uplinks: [{name: cable, plugin: ethernet, interface: eth0}]\n"
)
Configure = Callable[[str], Any]


def link(*addresses: str) -> Link:
    """A link with these addresses."""
    own = tuple(map(IPv4Interface, addresses))
    return Link(
        "eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, Family(own, IPv4Address("192.0.2.1"))
    )


def live(*addresses: str, chosen: str = "192.168.0.1/24") -> Live:
    """The home LAN at ``chosen``, cable up with these addresses."""
    return Live(chosen={"home": IPv4Interface(chosen)}, links={"cable": link(*addresses)})


def test_only_what_we_chose_moves(configure: Configure) -> None:
    """A LAN with a fixed address stays, whatever the uplink got; a LAN that moves is named once."""
    config = configure(AUTO)
    assert collisions(config, live("203.0.113.5/24")) == ()
    assert collisions(config, live("192.168.7.9/24")) == ()
    assert collisions(config, live("192.168.0.77/24", "192.168.0.78/32")) == (
        Collision("home", "cable", IPv4Interface("192.168.0.77/24")),
    )
    assert collisions(config, live("192.168.44.9/16"))[0].lan == "home"
    assert collisions(config, Live(links={"cable": link("192.168.0.77/24")})) == ()


def test_a_state_without_an_uplink() -> None:
    """As if it were down; and where the links are."""
    now = live("192.168.0.77/24", "10.0.0.1/8")
    assert without(now, ["cable"]).links == {}
    assert without(now, ["other"]) == now
    assert [str(net) for net in networks(now)] == ["192.168.0.0/24", "10.0.0.0/8"]


class Bench:
    """A renumbering that notes what happens in which order."""

    def __init__(self, config: Any) -> None:
        self.config, self.done = config, list[str]()
        self.events = FakeEvents("lans", FakeClock())
        self.subnets = ChosenSubnets(lambda: ())
        self.subnets.open(MemoryStore())
        self.subnets.choose(config)
        self.link = link("192.168.0.77/24")
        self.error: Exception | None = None
        self.hold: Deferred[None] | None = None
        self.renumbering = Renumbering(self.subnets, self.events, self.apply)

    def live(self) -> Live:
        """What is live."""
        return Live(chosen=self.subnets.chosen, links={"cable": self.link})

    def apply(self, live: Live) -> Deferred[Any]:
        """Put it in force."""
        self.done.append(f"home {live.chosen['home']}, up: {', '.join(live.links)}")
        if self.error is not None:
            return fail(self.error)
        return self.hold or succeed(None)

    def renumber(self, name: str) -> Deferred[None]:
        """The LANs' part."""
        self.done.append(f"serve {name}")
        return succeed(None)

    def move(self) -> Deferred[Any]:
        """Move what must."""
        moved: Deferred[Any] = self.renumbering.move(
            self,  # type: ignore[arg-type]
            self.config,
            self.live,
            collisions(self.config, self.live()),
        )
        return moved


def test_first_the_lan_then_its_services(configure: Configure) -> None:
    """The uplink is not used before; the event and the status say why."""
    bench = Bench(configure(AUTO))
    bench.move()
    assert bench.done == ["home 192.168.1.1/24, up: ", "serve home"]
    assert bench.events.ids() == ["lan.renumbered"]
    assert (
        bench.renumbering.reason("home")
        == "moved from 192.168.0.1/24, because uplink cable got 192.168.0.77/24"
    )
    assert bench.renumbering.reason("attic") is None
    assert collisions(bench.config, bench.live()) == ()


def test_others_wait_for_a_move(configure: Configure) -> None:
    """So that nothing brings the uplink up in between; a move that fails lets them go on too."""
    bench = Bench(configure(AUTO))
    assert bench.renumbering.finished() is None
    bench.hold = Deferred()
    bench.move()
    waited: list[str] = []
    waiting = bench.renumbering.finished()
    assert waiting is not None
    waiting.addCallback(lambda _: waited.append("over"))
    assert waited == []
    bench.hold.callback(None)
    assert (waited, bench.renumbering.finished()) == (["over"], None)

    bench.link, bench.error = link("192.168.1.77/24"), HostError("no")
    failures: list[str] = []
    bench.move().addErrback(lambda why: failures.append(why.getErrorMessage()))
    assert (failures, bench.renumbering.finished()) == (["no"], None)


def test_a_world_without_free_subnets(configure: Configure) -> None:
    """The error says what to do, and the LAN stays where it is."""
    bench = Bench(configure(AUTO))
    bench.link = link("10.0.0.1/8", "172.16.0.1/12", "192.168.0.1/16")
    failures: list[str] = []
    bench.move().addErrback(lambda why: failures.append(why.getErrorMessage()))
    assert "finds no private subnet that is free" in failures[0]
    assert bench.subnets.chosen == {"home": IPv4Interface("192.168.0.1/24")}
    assert bench.done == []
