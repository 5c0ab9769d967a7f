"""Book and kernel kept in step: planes that come into force, a flushed table, and what an earlier process left."""

from ipaddress import ip_address, ip_interface

import pytest

from icsframework.dataplane.plane import LanSide, UplinkSide
from icsframework.dataplane.ruleset import Element
from icsframework.errors import NftError
from icsframework.mappings.kernel import RETRY
from icsframework.values import Endpoint, Open

PC, SERVER = ip_address("192.168.0.10"), ip_address("192.0.2.80")
EXPECTED = (0x10000, SERVER, "tcp", 40000)


def test_an_address_that_goes_takes_the_ports_of_helpers_with_it(running) -> None:
    """Nobody can reach them any more; those of another uplink stay."""
    running.service.in_force(running.plane(up=("cable", "dsl")))
    running.open()
    running.open(40001, uplink="dsl")
    running.service.in_force(running.plane(up=("dsl",)))
    assert running.owners == ["dsl tcp 40001 helper.ftp"]
    assert running.lets_in() == ["expect_from 0x20000 tcp 40001"]


def test_an_address_that_changes_is_followed(running) -> None:
    """The keys do not know it."""
    running.open(once=False)
    before, transactions = running.elements.keys("open_from"), running.elements.transactions
    running.service.in_force(running.plane(address="203.0.113.77/24"))
    assert running.elements.keys("open_from") == before
    assert running.elements.transactions == transactions
    (mapping,) = running.service.all()
    assert str(mapping.external) == "203.0.113.77:40000"


def test_what_was_added_waits_for_its_uplink(running) -> None:
    """It is in force again when the address is back, and says meanwhile why it does not work."""
    running.add()
    running.service.in_force(running.plane(up=()))
    (row,) = running.service.status()
    assert (row.external_address, row.reason) == (None, "uplink cable has no address now")
    running.service.in_force(running.plane())
    (row,) = running.service.status()
    assert (row.external_address, row.reason) == ("203.0.113.5", None)
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    assert "mapping.suspended" not in running.events.ids()


def test_an_uplink_that_is_configured_no_more(running) -> None:
    """Its elements go; what was added is kept for the day when there is such an uplink again, under whatever mark."""
    running.add()
    running.open()
    cable = running.plane().uplinks[0]
    running.service.in_force(running.plane(uplinks=running.plane().uplinks[1:]))
    assert running.lets_in() == []
    assert running.owners == ["cable tcp 8080 added"]
    (row,) = running.service.status()
    assert row.reason == "there is no such uplink"
    assert running.events.said("mapping.suspended") == [
        {"mapping": "tcp port 8080 on cable", "to": "192.168.0.10:80", "reason": "there is no such uplink"}
    ]
    again = UplinkSide("cable", 3, "eth0", cable.link)
    running.service.in_force(running.plane(uplinks=(again,)))
    assert running.lets_in() == ["open_any 0x30000 tcp 8080"]
    assert len(running.events.said("mapping.resumed")) == 1


def test_another_index_is_another_key(running) -> None:
    """Nothing stays under the old one, which may mean another uplink now."""
    running.open()
    running.add()
    cable = running.plane().uplinks[0]
    running.service.in_force(running.plane(uplinks=(UplinkSide("cable", 4, "eth0", cable.link),)))
    assert running.lets_in() == ["expect_from 0x40000 tcp 40000", "open_any 0x40000 tcp 8080"]
    assert {key[0] for key in running.elements.keys("booked")} == {0x40000}


def test_a_published_service_takes_its_port(running) -> None:
    """From a helper for good, from what was added until it is published no more."""
    running.add()
    running.open(8081, once=False)
    running.service.in_force(running.plane(running.web(8080, 8081)))
    assert running.lets_in() == []
    assert running.owners == [
        "cable tcp 8080 publish.web",
        "cable tcp 8080 added",
        "dsl tcp 8080 publish.web",
    ]
    rows = [row for row in running.service.status() if row.owner == "added"]
    assert rows[0].reason == "the configuration has this port for publish.web"
    running.service.in_force(running.plane(running.web(8080, 8081), address="203.0.113.9/24"))
    assert len(running.events.said("mapping.suspended")) == 1
    running.service.in_force(running.plane())
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    assert running.owners == ["cable tcp 8080 added"]
    assert len(running.events.said("mapping.resumed")) == 1


def test_a_lan_that_moves_leaves_mappings_behind(running) -> None:
    """Where the host was is not behind us any more: nobody is let in to it."""
    running.add()
    running.open()
    moved = LanSide("home", "eth1", ip_interface("192.168.7.1/24"))
    running.service.in_force(running.plane(lans=(moved,)))
    assert running.lets_in() == []
    (row,) = running.service.status()
    assert (row.owner, row.reason) == ("added", "192.168.0.10 is no host of a LAN")
    running.service.in_force(running.plane())
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]


def test_the_same_plane_again_costs_nothing(running) -> None:
    """Settling happens for many reasons."""
    running.open()
    reads: list[int] = []
    read = running.elements.read
    running.elements.read = lambda: (reads.append(1), read())[1]
    running.service.in_force(running.plane())
    assert reads == []


def test_a_flushed_table_gets_its_elements_back(running) -> None:
    """With the time that is left; those that were used stay used only as long as the kernel knows it."""
    running.open()
    running.add()
    running.clock.clock.advance(20)
    running.elements.wipe()
    running.events.emit("dataplane.restored", what="was removed", by="")
    assert running.lets_in() == ["expect_from 0x10000 tcp 40000", "open_any 0x10000 tcp 8080"]
    assert running.elements.left("expect_from", EXPECTED) == 40.0


def test_what_is_over_is_not_opened_again(running) -> None:
    """Not even for a moment, while its port is kept free."""
    running.open(lifetime=10.0)
    running.clock.clock.advance(10.5)
    running.elements.wipe()
    running.events.emit("dataplane.restored", what="was removed", by="")
    assert running.elements.keys("booked") == {}
    assert running.elements.transactions == 1


def test_a_used_expectation_is_not_opened_again(running) -> None:
    """By a reload that has nothing to do with it."""
    running.open()
    running.elements.use("expect_from", EXPECTED)
    running.service.in_force(running.plane(up=("cable", "dsl")))
    assert running.lets_in() == []
    assert running.owners == ["cable tcp 40000 helper.ftp"]


def test_a_comparison_that_fails_is_made_again(running) -> None:
    """It is told once each time, and succeeds when the kernel can."""
    running.open()
    running.elements.wipe()
    running.elements.fail = NftError("nft did not end within 15 s and was stopped.")
    running.events.emit("dataplane.restored", what="was removed", by="")
    assert running.events.said("mapping.failed") == [
        {"reason": "nft did not end within 15 s and was stopped."}
    ]
    running.elements.fail = None
    running.clock.clock.advance(RETRY)
    assert running.lets_in() == ["expect_from 0x10000 tcp 40000"]


def test_what_cannot_be_closed_is_closed_later(running) -> None:
    """The helper does not hear of it, the operator does."""
    mapping = running.open()
    running.elements.fail = NftError("nft refused the rules; the old rules are still in force.")
    running.outcome(running.service.release(mapping))
    assert running.events.ids() == ["mapping.failed"]
    running.elements.fail = None
    running.clock.clock.advance(RETRY)
    assert running.lets_in() == []


def test_several_planes_at_once_are_one_comparison(running) -> None:
    """The last one counts."""
    running.elements.held = True
    running.service.open("helper.ftp", "cable", Open("token", "tcp", Endpoint(PC, 40000), SERVER))
    for up in ((), ("dsl",), ("cable", "dsl"), ()):
        running.service.in_force(running.plane(up=up))
    running.elements.held = False
    running.elements.flush()
    assert running.owners == []
    assert running.lets_in() == []


# --- after kill -9 ---------------------------------------------------------------------


def test_ports_that_helpers_had_opened_stay_theirs(running) -> None:
    """With the time that is left, so that nobody is given the same port; the kernel is not touched."""
    running.open(lifetime=60.0)
    running.open(40001, remote=None, once=False, lifetime=60.0)
    running.clock.clock.advance(10)
    transactions = running.elements.transactions
    running.kill()
    assert running.elements.transactions == transactions
    assert running.owners == ["cable tcp 40000 helper.ftp", "cable tcp 40001 helper.ftp"]
    assert [mapping.expires for mapping in running.service.all()] == [60.0, 60.0]
    assert [mapping.once for mapping in running.service.all()] == [True, False]
    assert running.open(host="192.168.0.11").external.port not in (40000, 40001)
    running.clock.clock.advance(52)
    assert "cable tcp 40000 helper.ftp" not in running.owners


def test_they_go_with_their_owner(running) -> None:
    """A helper that is stopped leaves nothing, not even of an earlier life."""
    running.open()
    running.kill()
    running.outcome(running.service.release_owner("helper.ftp"))
    assert running.lets_in() == []


def test_the_journal_is_right_for_what_was_added(running) -> None:
    """What only the kernel has goes, what only the journal has comes back."""
    running.add()
    running.add(port=8081, to="192.168.0.11:81")
    records = running.store.files
    assert records is not None
    running.outcome(running.service.stop())
    running.elements.wipe()
    running.elements.change([("open_any", element(9090))], ())
    running.kill()
    assert running.lets_in() == ["open_any 0x10000 tcp 8080", "open_any 0x10000 tcp 8081"]
    assert running.owners == ["cable tcp 8080 added", "cable tcp 8081 added"]


def element(port: int, owner: str = "added", left: float | None = None):
    """What lets anybody in by this port."""
    return Element((0x10000, "tcp", port), (PC, 80), left, comment=f"owner={owner}")


@pytest.mark.parametrize(
    ("owner", "left"),
    [("", 60.0), ("helper.ftp", None), ("added", 60.0)],
    ids=["unknown", "for ever", "added"],
)
def test_what_nobody_answers_for_is_closed(bench, owner: str, left: float | None) -> None:
    """An element without owner, one of a helper without end, one that the journal does not know."""
    bench.elements.change([("open_any", element(9090, owner, left))], ())
    bench.run()
    assert bench.lets_in() == []


def test_what_leads_to_nobody_of_ours_is_closed(bench) -> None:
    """The LAN has another subnet in the new configuration, or the uplink has no address."""
    bench.elements.change([("open_any", element(9090, "helper.x", 60.0))], ())
    bench.run(bench.plane(lans=(LanSide("home", "eth1", ip_interface("192.168.7.1/24")),)))
    assert bench.lets_in() == []
    bench.elements.change([("open_any", element(9090, "helper.x", 60.0))], ())
    bench.kill(bench.plane(up=()))
    assert bench.lets_in() == []


def test_a_port_that_is_published_now_is_not_taken_up(bench) -> None:
    """The new configuration has it."""
    bench.elements.change([("open_any", element(8080, "helper.x", 60.0))], ())
    bench.run(bench.plane(bench.web(8080)))
    assert bench.lets_in() == []
    assert "cable tcp 8080 publish.web" in bench.owners


def test_adoption_happens_once(running) -> None:
    """What turns up in the kernel later is nobody's."""
    running.elements.change([("open_any", element(9090, "helper.x", 60.0))], ())
    running.service.in_force(running.plane(up=("cable", "dsl")))
    assert running.lets_in() == []


def test_a_plane_that_comes_before_the_journal_waits_for_it(bench) -> None:
    """Else what was added would look like nobody's."""
    bench.run()
    bench.add()
    for call in bench.clock.clock.getDelayedCalls():
        call.cancel()
    bench.begin()
    bench.service.in_force(bench.plane())
    assert bench.lets_in() == ["open_any 0x10000 tcp 8080"]
    transactions = bench.elements.transactions
    bench.outcome(bench.service.start(bench.store))
    assert bench.elements.transactions == transactions
    assert bench.owners == ["cable tcp 8080 added"]
