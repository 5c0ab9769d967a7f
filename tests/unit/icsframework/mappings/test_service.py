"""The mapping service as helpers use it: from a wish to the kernel and back."""

from ipaddress import ip_address

import pytest
from twisted.internet.defer import Deferred

from icsframework.dataplane.flows import MarkFilter
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.ruleset import Element
from icsframework.errors import HostError, MappingError, NftError
from icsframework.mappings.held import MAX_LIFETIME
from icsframework.values import Endpoint, Mapping, Open

PC = ip_address("192.168.0.10")
OUTSIDE, SERVER = ip_address("203.0.113.5"), ip_address("192.0.2.80")


def test_a_helper_gets_a_port_that_leads_inside(running) -> None:
    """The kernel has it when the answer comes, and the answer says what to write into the message."""
    mapping = running.open(lifetime=30.0)
    assert mapping == Mapping(
        "tcp", "cable", Endpoint(OUTSIDE, 40000), Endpoint(PC, 40000), SERVER, "helper.ftp", 30.0, 1, True
    )
    assert running.elements.keys("expect_from") == {(0x10000, SERVER, "tcp", 40000): (PC, 40000)}
    assert running.elements.transactions == 1
    assert running.service.find("cable", "tcp", 40000) == mapping
    assert running.service.find("cable", "udp", 40000) is None
    assert running.owners == ["cable tcp 40000 helper.ftp"]


@pytest.mark.parametrize(
    ("once", "remote", "where"),
    [
        (True, SERVER, "expect_from"),
        (True, None, "expect_any"),
        (False, SERVER, "open_from"),
        (False, None, "open_any"),
    ],
)
def test_each_kind_has_its_map(running, once: bool, remote, where: str) -> None:
    """Used up or not, for one remote host or for anybody."""
    running.open(once=once, remote=remote)
    assert running.lets_in() == [f"{where} 0x10000 tcp 40000"]


def test_asking_again_gives_more_time(running) -> None:
    """In the book and in the kernel, in one transaction, with the same port."""
    running.open(lifetime=60.0)
    running.clock.clock.advance(50)
    assert running.open(lifetime=60.0).expires == 110.0
    assert running.elements.left("expect_from", (0x10000, SERVER, "tcp", 40000)) == 60.0
    assert running.elements.transactions == 2
    running.clock.clock.advance(30)
    assert running.owners == ["cable tcp 40000 helper.ftp"]


def test_what_is_released_is_closed(running) -> None:
    """Connections that run through it go on; releasing it again is no error."""
    mapping = running.open()
    assert running.outcome(running.service.release(mapping)) is None
    assert running.lets_in() == running.owners == []
    assert running.elements.keys("booked") == running.elements.keys("own_port") == {}
    assert running.ended == []
    assert running.outcome(running.service.release(mapping)) is None


def test_what_was_renewed_is_not_released_with_the_old_answer(running) -> None:
    """Two tokens of a session got the same port: the one that goes does not close the other's."""
    first = running.open()
    running.clock.clock.advance(1)
    second = running.open()
    running.outcome(running.service.release(first))
    assert running.lets_in() == ["expect_from 0x10000 tcp 40000"]
    running.outcome(running.service.release(second))
    assert running.lets_in() == []


def test_flows_end_with_it_if_that_is_asked_for(running) -> None:
    """The kernel is asked to forget those of this uplink that go through it, also if its time is over."""
    mapping = running.open()
    running.outcome(running.service.release(mapping, "end"))
    running.outcome(running.service.release(mapping, "end"))
    assert [chosen for chosen, _ in running.ended] == [MarkFilter(0x10000, Marks().uplink_mask)] * 2


def test_flows_that_cannot_be_ended_do_not_keep_the_port_open(running) -> None:
    """It is logged, and the port is closed all the same."""
    mapping = running.open()
    running.end_fails = HostError("The kernel's connection tracking did not answer.")
    running.outcome(running.service.release(mapping, "end"))
    assert running.lets_in() == []


def test_how_flows_end_is_one_of_two_words(running) -> None:
    """A slip of the pen is not taken for one of them."""
    with pytest.raises(ValueError, match="flows must be keep or end"):
        running.service.release(running.open(), "kill")


def test_an_owner_that_stops_leaves_nothing(running) -> None:
    """And takes nothing of others with it."""
    running.open()
    running.open(40001)
    running.open(40002, owner="helper.sip")
    running.outcome(running.service.release_owner("helper.ftp"))
    assert running.owners == ["cable tcp 40002 helper.sip"]
    assert running.lets_in() == ["expect_from 0x10000 tcp 40002"]
    running.outcome(running.service.release_owner("helper.ftp"))


def test_time_ends_a_mapping(running) -> None:
    """In the kernel at its time, in the book a moment later; then the port is free."""
    running.open(lifetime=10.0)
    running.open(40001, lifetime=20.0)
    running.clock.clock.advance(10.5)
    assert running.lets_in() == ["expect_from 0x10000 tcp 40001"]
    assert running.owners == ["cable tcp 40001 helper.ftp"]
    assert running.open(host="192.168.0.11").external.port != 40000
    running.clock.clock.advance(1)
    assert running.open(host="192.168.0.12").external.port == 40000


def test_the_port_is_free_although_the_kernel_is_late(running) -> None:
    """Its clock stands while the machine sleeps: what it still has is deleted first."""
    running.open(lifetime=10.0)
    name, key = "booked", (0x10000, "tcp", 40000)
    running.clock.clock.advance(10.5)
    running.elements.change([(name, late_element(key))], ())
    running.clock.clock.advance(1)
    assert running.elements.keys("booked") == {}


def late_element(key):
    """An element that the kernel did not forget in time."""
    return Element(key, (), 3600.0, comment="owner=helper.ftp")


def test_the_timer_follows_the_earliest_end(running) -> None:
    """One timer, however many mappings."""
    running.open(lifetime=100.0)
    running.open(40001, lifetime=5.0)
    running.open(40002, lifetime=50.0)
    assert len(running.clock.clock.getDelayedCalls()) == 1
    running.clock.clock.advance(6)
    assert len(running.owners) == 2
    assert len(running.clock.clock.getDelayedCalls()) == 1
    running.clock.clock.advance(95)
    assert running.owners == []
    assert running.clock.clock.getDelayedCalls() == []


def test_a_helper_has_a_port_for_a_day_at_most(running) -> None:
    """Whatever it asks for."""
    assert running.open(lifetime=1e9).expires == MAX_LIFETIME


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"uplink": "modem"}, "there is no uplink modem here"),
        ({"uplink": "dsl"}, "uplink dsl has no address now"),
        ({"host": "192.0.2.80"}, "192.0.2.80:40000 is no host of a LAN"),
        ({"host": "192.168.0.1"}, "is the gateway itself"),
        ({"host": "fd00::1"}, "is no host of a LAN"),
        ({"lifetime": 0.0}, "asks for a mapping of 0.0 seconds"),
        ({"lifetime": float("nan")}, "asks for a mapping of nan seconds"),
        ({"count": 1000}, "1000 ports in one piece are asked for"),
        ({"port": 65535, "count": 2}, "ports go from 1 to 65535"),
        ({"owner": "added"}, "stands for ics mappings add"),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_refused_in_a_sentence(running, asked: dict, why: str) -> None:
    """Nothing of it reaches the kernel."""
    with pytest.raises(MappingError) as caught:
        running.open(**asked)
    assert why in str(caught.value)
    assert running.elements.transactions == 0
    assert running.owners == []


def test_what_the_kernel_refuses_is_given_back(running) -> None:
    """The port is free for the next one, and the sentence says why."""
    running.elements.fail = NftError("nft refused the rules; the old rules are still in force.")
    with pytest.raises(MappingError, match=r"no port is opened for 192\.168\.0\.10:40000: nft refused"):
        running.open()
    assert running.owners == []
    running.elements.fail = None
    assert running.open(host="192.168.0.11").external.port == 40000


def test_a_renewal_that_the_kernel_refuses_leaves_the_old_time(running) -> None:
    """Nobody loses what was promised."""
    old = running.open()
    running.clock.clock.advance(5)
    running.elements.fail = NftError("nft refused the rules; the old rules are still in force.")
    with pytest.raises(MappingError):
        running.open()
    assert running.service.all() == (old,)
    running.elements.fail = None
    running.clock.clock.advance(57)
    assert running.owners == []


def test_one_after_the_other(running) -> None:
    """The second wish waits for the kernel's answer to the first, and then knows of it."""
    running.elements.held = True
    answers: list[Mapping] = []
    for host in ("192.168.0.10", "192.168.0.11"):
        request = Open("token", "tcp", Endpoint(ip_address(host), 40000), None)
        running.service.open("helper.ftp", "cable", request).addCallback(answers.append)
    assert answers == []
    running.elements.flush()
    assert [mapping.external.port for mapping in answers] == [40000]
    running.elements.flush()
    assert len({mapping.external.port for mapping in answers}) == 2


def test_a_wish_that_is_taken_back_leaves_no_hole(running) -> None:
    """Its port stays the owner's until it is released with the rest."""
    running.elements.held = True
    request = Open("token", "tcp", Endpoint(PC, 40000), None)
    asked: Deferred[Mapping] = running.service.open("helper.ftp", "cable", request)
    asked.addErrback(lambda failure: None)
    asked.cancel()
    running.elements.held = False
    running.elements.flush()
    assert running.lets_in() == ["expect_any 0x10000 tcp 40000"]
    running.outcome(running.service.release_owner("helper.ftp"))
    assert running.lets_in() == []


def test_before_a_data_plane_is_in_force_nothing_is_opened(bench) -> None:
    """There is no uplink yet."""
    bench.outcome(bench.service.start(bench.store))
    with pytest.raises(MappingError, match="there is no uplink cable here"):
        bench.open()


def test_a_service_that_stops_leaves_the_kernel_alone(running) -> None:
    """What helpers release afterwards stays for the next process; nothing is opened or added."""
    mapping = running.open()
    running.outcome(running.service.stop())
    running.outcome(running.service.release(mapping))
    running.outcome(running.service.release_owner("helper.ftp"))
    assert running.lets_in() == ["expect_from 0x10000 tcp 40000"]
    for ask in (running.open, running.add, running.remove):
        with pytest.raises(MappingError, match="the gateway is stopping"):
            ask()
    assert running.clock.clock.getDelayedCalls() == []


def test_settled_waits_for_all_that_was_asked(running) -> None:
    """So a test, or a stop, needs no pause."""
    running.elements.held = True
    done: list[None] = []
    running.service.release_owner("nobody")
    running.service.open("helper.ftp", "cable", Open("token", "tcp", Endpoint(PC, 40000), None))
    running.service.settled().addCallback(done.append)
    assert done == []
    running.elements.flush()
    assert done == [None]
