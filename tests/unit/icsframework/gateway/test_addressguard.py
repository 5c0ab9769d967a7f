"""The addresses of our LAN interfaces: ours stay, others' are named."""

from ipaddress import ip_interface

from icsframework.gateway.beside import LOOK_EVERY
from icsframework.gateway.contest import FREE, LONGEST_GAP
from icsframework.host.managers import Facts, Process
from icsframework.host.state import AddressOn


def test_an_address_of_others_is_named_and_its_maker_looked_for(bench):
    """As long as it is there; what was there before the start is not complained of."""
    bench.appear(ip_interface("10.20.30.40/24"))
    bench.start()
    assert bench.beside.warnings() == ()
    bench.facts = Facts({"eth1": 3}, (Process(812, "dhclient", ("dhclient", "eth1")),))
    bench.appear(ip_interface("10.20.30.40/24"), ip_interface("10.0.0.5/8"), ip_interface("fe80::1/64"))
    bench.advance(0.5)
    by_address = [text for text in bench.beside.warnings() if "10." in text]
    assert by_address == [
        "eth1 (LAN home) got the address 10.0.0.5/8 from another program; "
        "ip address del 10.0.0.5/8 dev eth1 takes it away"
    ]
    assert any("dhclient" in text for text in bench.beside.warnings())
    bench.appear()
    bench.advance(0.5)
    assert not any("10." in text for text in bench.beside.warnings())


def test_our_address_is_given_again(bench):
    """Told once each time; a fight over it has pauses, too."""
    bench.start()
    for times in range(1, FREE + 3):
        bench.machine.addresses.clear()
        bench.appear()
        bench.advance(0.5)
        assert len(bench.told("lan.address.restored")) == min(times, FREE)
    assert bench.told("lan.address.restored")[0] == {
        "lan": "home",
        "interface": "eth1",
        "address": bench.OURS,
    }
    bench.advance(LONGEST_GAP)
    assert bench.machine.addresses == {AddressOn("eth1", bench.OURS)}


def test_an_interface_that_is_absent_is_no_loss(bench):
    """Hotplug is another part's business."""
    bench.start()
    bench.host.set_interface("eth1", None)
    bench.advance(LOOK_EVERY)
    assert bench.events.all == []
