"""The MAC addresses of bridges."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from icsframework.gateway.bridges import BridgeAddresses, own_address
from icsframework.testing.store import MemoryStore

BRIDGED = (
    "lans: [{name: home, bridge: {name: br-home, ports: [eth1]}}]\n"
    "uplinks: [{name: cable, plugin: ethernet, interface: eth0}]\n"
)


@given(st.binary(min_size=6, max_size=6))
def test_every_address_is_local_and_unicast(random: bytes) -> None:
    """IEEE 802: the second bit of the first byte is set, the first is not."""
    first = int(own_address(random).partition(":")[0], 16)
    assert first & 0x03 == 0x02
    assert len(own_address(random)) == 17


def test_an_address_is_drawn_once(configure: Any) -> None:
    """The next start has the same; another bridge gets another one; without a bridge nothing is opened."""
    store = MemoryStore()
    draws = iter([b"\1\2\3\4\5\6", b"\7\7\7\7\7\7"])
    first = BridgeAddresses(lambda n: next(draws))
    first.choose(store, configure())
    assert store.open_journals == []
    first.choose(store, configure(BRIDGED))
    assert first.known == {"br-home": "02:02:03:04:05:06"}
    store.power_loss()
    second = BridgeAddresses(lambda n: next(draws))
    second.choose(store, configure(BRIDGED))
    second.choose(store, configure(BRIDGED.replace("br-home", "br-attic")))
    assert second.known == {"br-home": "02:02:03:04:05:06", "br-attic": "06:07:07:07:07:07"}
