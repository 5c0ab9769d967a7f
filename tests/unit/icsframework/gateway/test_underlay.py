"""Ports of bridges, interfaces below VLANs, and renames."""

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.config.common import Bridge
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.errors import HostError
from icsframework.gateway.places import Places
from icsframework.gateway.roles import of_lan, of_uplink
from icsframework.gateway.underlay import Underlay
from icsframework.host.machine import PortRefused
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.host import FakeHost
from icsframework.values import InterfaceInfo

HOME = LanSection(name="home", bridge=Bridge(name="br-home", ports=("eth1", "wlan0")))
TV = UplinkSection(name="tv", plugin="ethernet", interface="eth0", vlan=7)


def card(name: str, index: int) -> InterfaceInfo:
    """An interface."""
    return InterfaceInfo(name, index, f"02:00:5e:00:53:0{index}", 1500, True, True)


class Bench:
    """An underlay on a fake host; settling is noted, and may fail."""

    def __init__(self) -> None:
        self.host, self.events = FakeHost(Clock()), FakeEvents("lans", FakeClock())
        self.settled = 0
        self.error: Exception | None = None
        self.logged: list[Any] = []
        places = Places(self.host)  # type: ignore[arg-type]
        places.use([*of_lan(HOME), *of_uplink(TV)])
        self.underlay = Underlay(places, self.events, Logger(observer=self.logged.append), self.settle)

    def settle(self) -> Deferred[Any]:
        """Count it."""
        self.settled += 1
        return succeed(None) if self.error is None else fail(self.error)

    def plug(self, name: str, index: int) -> None:
        """An interface comes."""
        self.host.set_interface(name, card(name, index))


def test_what_comes_is_settled() -> None:
    """A port and the interface below a VLAN, once the gateway has started; what goes needs nothing."""
    bench = Bench()
    bench.plug("eth1", 1)
    assert bench.settled == 0
    bench.underlay.start()
    bench.plug("wlan0", 2)
    bench.plug("eth0", 3)
    bench.plug("other", 4)
    assert bench.settled == 2
    bench.host.set_interface("wlan0", None)
    assert bench.settled == 2
    assert bench.events.ids() == ["lan.port_here", "lan.port_absent"]


def test_a_port_that_is_put_back_in_another_place_is_settled() -> None:
    """The same name with another index is another device."""
    bench = Bench()
    bench.underlay.start()
    bench.plug("eth1", 1)
    bench.plug("eth1", 5)
    assert bench.settled == 2


def test_a_settle_that_fails_is_logged() -> None:
    """And nobody is told that the port is there."""
    bench = Bench()
    bench.underlay.start()
    bench.error = HostError("no more bridges")
    bench.plug("eth1", 1)
    assert ["no more bridges" in str(event) for event in bench.logged] == [True]
    assert bench.events.ids() == []


def test_what_a_lan_lacks() -> None:
    """A bridge needs one port that is there and taken; every reason is told."""
    bench = Bench()
    assert bench.underlay.lan_lacks(HOME) == "there is no interface eth1; there is no interface wlan0"
    bench.plug("wlan0", 2)
    assert bench.underlay.lan_lacks(HOME) is None
    refused = PortRefused("wlan0 cannot be a port of br-home: Operation not supported", "wlan0")
    assert bench.underlay.refuse(refused)
    assert bench.underlay.lan_lacks(HOME) == f"there is no interface eth1; {refused}"
    assert bench.underlay.lan_lacks(LanSection(name="plain", interface="eth7")) is None
    empty = LanSection(name="home", bridge=Bridge(name="br-home"))
    assert bench.underlay.lan_lacks(empty) == "the bridge br-home has no ports; name them in bridge: ports:"


def test_a_refusal_is_news_once_and_for_that_card() -> None:
    """Else settling would go round in a circle; another card of that name is tried again."""
    bench = Bench()
    bench.plug("wlan0", 2)
    refused = PortRefused("no", "wlan0")
    assert [bench.underlay.refuse(refused) for _ in range(2)] == [True, False]
    assert bench.underlay.refused() == {"wlan0"}
    assert not bench.underlay.refuse(PortRefused("no", "stranger"))
    bench.host.set_interface("wlan0", None)
    bench.plug("wlan0", 9)
    assert bench.underlay.refused() == frozenset()
    assert bench.events.ids() == ["lan.port_refused", "lan.port_absent"]


def test_what_an_uplink_lacks() -> None:
    """The interface below its VLAN."""
    bench = Bench()
    assert bench.underlay.uplink_lacks(TV) == "there is no interface eth0 (for VLAN 7)"
    bench.plug("eth0", 3)
    assert bench.underlay.uplink_lacks(TV) is None
    assert (
        bench.underlay.uplink_lacks(UplinkSection(name="cable", plugin="ethernet", interface="eth9")) is None
    )


def test_a_rename_is_told_with_what_to_do() -> None:
    """Once; and when the name is again what the file says, that nothing is to be done."""
    bench = Bench()
    bench.plug("eth0", 3)
    bench.host.rename_interface("eth0", "wan0")
    bench.host.rename_interface("wan0", "eth0")
    advice = [fields["advice"] for fields in bench.events.said("interface.renamed")]
    assert advice == [
        "the file says eth0: correct it before the next start, or write match: {mac: ...}",
        "nothing is to be done",
    ]
