"""The port book: one owner of a port, limits, time, and refusals that name who has it."""

from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from icsframework.errors import MappingError
from icsframework.mappings.book import GRACE, SLACK, Book
from icsframework.mappings.held import ADDED, Held, Limits, Offer, Wish
from icsframework.mappings.ports import FIRST, RESERVED_FIRST, RESERVED_LAST
from icsframework.values import Endpoint

PC, OTHER = ip_address("192.168.0.10"), ip_address("192.168.0.11")
SERVER, SERVER2 = ip_address("192.0.2.80"), ip_address("192.0.2.81")
NOW = 1000.0


def lowest(count: int) -> int:
    """A die that always shows the lowest number."""
    return 0


def wish(inside: int = 40000, owner: str = "helper.ftp", host=PC, **more) -> Wish:
    """Somebody wants this inside port to be reached, for a minute."""
    told = {"uplink": "cable", "protocol": "tcp", "remote": SERVER, "once": True, "lifetime": 60.0} | more
    return Wish(owner, to=Endpoint(host, inside), **told)


def refusal(book: Book, asked: Wish, now: float = NOW) -> str:
    """Why a wish is not granted; the book is then as it was."""
    before = list(book)
    with pytest.raises(MappingError) as caught:
        book.open(asked, now)
    assert list(book) == before
    return str(caught.value)


def test_a_wish_becomes_a_held_port() -> None:
    """The inside port outside, with the time from now on."""
    book = Book(lowest)
    held = book.open(wish(), NOW).held
    assert held == Held(
        "cable", "tcp", 40000, Endpoint(PC, 40000), SERVER, "helper.ftp", NOW + 60, 60.0, 1, True
    )
    assert list(book) == [held]
    assert book.find("cable", "tcp", 40000) == held
    assert held in book
    assert book.of_owner("helper.ftp") == (held,)
    assert book.ports_of("helper.ftp") == 1


def test_a_port_has_one_owner() -> None:
    """The second one who wants it gets another, of the same uplink and protocol."""
    book = Book(lowest)
    book.open(wish(), NOW)
    assert book.open(wish(host=OTHER), NOW).held.port == FIRST


@pytest.mark.parametrize("elsewhere", [{"uplink": "dsl"}, {"protocol": "udp"}])
def test_each_uplink_and_protocol_has_its_own_book(elsewhere: dict) -> None:
    """A port that is taken in one is free in the other."""
    book = Book(lowest)
    book.open(wish(), NOW)
    assert book.open(wish(host=OTHER, **elsewhere), NOW).held.port == 40000


def test_asking_again_gives_more_time() -> None:
    """The same owner with the same inside end keeps the port; what it had before is told."""
    book = Book(lowest)
    first = book.open(wish(), NOW).held
    again = book.open(wish(lifetime=90.0), NOW + 30)
    assert again.instead_of == first
    assert (again.held.port, again.held.expires) == (40000, NOW + 120)
    assert list(book) == [again.held]
    assert book.ports_of("helper.ftp") == 1


@pytest.mark.parametrize(
    "other",
    [{"owner": "helper.sip"}, {"remote": SERVER2}, {"remote": None}, {"once": False}, {"count": 2}],
    ids=str,
)
def test_what_is_not_the_same_gets_a_port_of_its_own(other: dict) -> None:
    """Another owner, another remote, another kind: nobody takes over what somebody was promised."""
    book = Book(lowest)
    first = book.open(wish(), NOW).held
    second = book.open(wish(**other), NOW)
    assert second.instead_of is None
    assert second.held.port == FIRST
    assert first in book


def test_consecutive_ports_are_held_together() -> None:
    """All of them are taken, and all of them are free again."""
    book = Book(lowest)
    held = book.open(wish(5004, count=2, parity=True), NOW).held
    assert [book.find("cable", "tcp", port) for port in range(5003, 5007)] == [None, held, held, None]
    assert book.open(wish(5005, host=OTHER), NOW).held.port == FIRST
    assert book.release(held)
    assert book.find("cable", "tcp", 5005) is None


def test_parity_is_kept() -> None:
    """An odd port becomes an odd one (RFC 4787 REQ-4)."""
    book = Book(lowest)
    book.open(wish(5005), NOW)
    assert book.open(wish(5005, host=OTHER, parity=True), NOW).held.port == FIRST + 1
    assert book.open(wish(5005, host=OTHER, remote=None, parity=True), NOW).held.port == FIRST + 3


def test_a_named_port_is_given_exactly_or_refused() -> None:
    """Below 1024 too, and whatever is asked inside; the refusal names the owner and where it leads."""
    book = Book(lowest)
    web = wish(80, ADDED, once=False, remote=None, lifetime=None, port=80)
    assert book.open(web, NOW).held.port == 80
    assert book.open(wish(80, ADDED, port=55000), NOW).held.port == 55000
    book.open(wish(8080), NOW)
    assert refusal(book, wish(80, ADDED, OTHER, port=8080)) == (
        "tcp port 8080 on cable belongs to helper.ftp (it leads to 192.168.0.10:8080); choose another port"
    )
    assert "tcp port 80 on cable was added already" in refusal(book, wish(22, ADDED, port=79, count=4))


def test_a_preferred_port_is_looked_at_first() -> None:
    """What another uplink gave is the best choice here; if it is taken, any other will do."""
    book = Book(lowest)
    assert book.open(wish(22, ADDED, prefer=7022), NOW).held.port == 7022
    assert book.open(wish(23, ADDED, prefer=7022), NOW).held.port == FIRST


def test_a_published_port_is_nobody_elses() -> None:
    """It is not chosen, and who names it is told whose it is."""
    book = Book(lowest)
    book.publish({("cable", "tcp"): (Offer("games", 1024, 2000, Endpoint(PC, 1024)),)})
    assert book.open(wish(1500), NOW).held.port == 2001
    assert book.open(wish(1500, protocol="udp"), NOW).held.port == 1500
    assert refusal(book, wish(9, port=1500)) == (
        "tcp port 1500 on cable belongs to publish.games (it leads to 192.168.0.10:1024); choose another port"
    )
    assert "tcp port 1024 on cable belongs" in refusal(book, wish(9, port=1020, count=10))


def test_what_is_published_over_a_held_port_is_not_renewed() -> None:
    """Whoever asks again gets another port; the old one stays in the book until somebody decides."""
    book = Book(lowest)
    old = book.open(wish(), NOW).held
    book.publish({("cable", "tcp"): (Offer("web", 40000, 40000, Endpoint(OTHER, 80)),)})
    assert book.offer("cable", "tcp", 40000, 40000) is not None
    assert book.open(wish(), NOW).held.port == FIRST
    assert old in book


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (wish(0), "ports go from 1 to 65535"),
        (wish(65535, count=2), "ports go from 1 to 65535"),
        (wish(count=0), "0 ports in one piece are asked for; 1 to 8 can be had"),
        (wish(count=9), "9 ports in one piece are asked for; 1 to 8 can be had"),
        (wish(port=0), "ports go from 1 to 65535"),
        (wish(port=65530, count=8), "ports go from 1 to 65535"),
        (wish(host=ip_address("fd00::1")), "IPv6 is not translated"),
        (wish(remote=ip_address("2001:db8::1")), "IPv6 is not translated"),
    ],
)
def test_what_cannot_be_is_refused(asked: Wish, why: str) -> None:
    """In a sentence."""
    assert why in refusal(Book(lowest, Limits(count=8)), asked)


def test_limits_of_owner_host_and_book() -> None:
    """Each is reached exactly, counts ports, and what is given back counts no more."""
    book = Book(lowest, Limits(ports=6, owner=4, host=3))
    held = book.open(wish(2000, count=2), NOW).held
    book.open(wish(3000), NOW)
    assert refusal(book, wish(4000)) == "192.168.0.10 has 3 external ports of at most 3"
    book.open(wish(4000, host=OTHER), NOW)
    assert refusal(book, wish(5000, host=OTHER)) == "helper.ftp has 4 external ports of at most 4"
    book.open(wish(5000, "helper.sip", OTHER, count=2), NOW)
    third = ip_address("192.168.0.12")
    assert refusal(book, wish(6000, "helper.sip", third)) == (
        "the whole book has 6 external ports of at most 6"
    )
    assert book.open(wish(3000, lifetime=99.0), NOW).held.expires == NOW + 99
    book.release(held)
    book.open(wish(6000, "helper.sip", third, count=2), NOW)


def test_the_whole_book_can_be_full() -> None:
    """Then it says so; nothing is taken from anybody."""
    book = Book(lowest, Limits(65536, 65536, 65536, 65536))
    book.publish({("cable", "tcp"): (Offer("all", 1, 65535, Endpoint(PC, 1)),)})
    assert refusal(book, wish()) == "no external tcp port is free on cable"
    assert refusal(book, wish(count=3)) == "no 3 external tcp ports in a row are free on cable"


def test_what_is_over_is_nobodys_after_a_grace() -> None:
    """The port is not given to another in between."""
    book = Book(lowest)
    held = book.open(wish(), NOW).held
    assert book.next_expiry() == NOW + 60 + GRACE
    assert book.expire(NOW + 60) == ()
    assert book.open(wish(host=OTHER), NOW + 60).held.port == FIRST
    assert book.expire(NOW + 60 + GRACE) == (held,)
    assert book.open(wish(host=OTHER, remote=None), NOW + 62).held.port == 40000


def test_what_was_renewed_is_over_later() -> None:
    """The old time means nothing any more, and what has none never ends."""
    book = Book(lowest)
    book.open(wish(), NOW)
    held = book.open(wish(), NOW + 50).held
    for_ever = book.open(wish(80, ADDED, lifetime=None, port=80), NOW).held
    assert book.expire(NOW + 100) == ()
    assert book.expire(NOW + 200) == (held,)
    assert list(book) == [for_ever]
    assert for_ever.expires is None
    assert book.next_expiry() is None


def test_the_queue_of_times_does_not_grow_with_what_is_gone() -> None:
    """A million short sessions of long-lived wishes leave nothing behind."""
    book = Book(lowest)
    for number in range(1000):
        book.release(book.open(wish(lifetime=86400.0), NOW + number).held)
    assert len(book._queue) <= SLACK + 2


def test_what_is_not_there_cannot_be_released() -> None:
    """Nor can what it was before it was renewed."""
    book = Book(lowest)
    first = book.open(wish(), NOW).held
    renewed = book.open(wish(), NOW + 1).held
    assert not book.release(first)
    assert renewed in book
    assert book.release(renewed)
    assert not book.release(renewed)


def test_an_earlier_process_is_believed() -> None:
    """What it gave away is taken in, over any limit, if nobody has the port."""
    book = Book(lowest, Limits(ports=0))
    held = Held("cable", "tcp", 5000, Endpoint(PC, 5000), None, "helper.ftp", NOW + 5, 5.0, 2)
    assert book.put(held)
    assert not book.put(Held("cable", "tcp", 5001, Endpoint(OTHER, 1), None, "helper.sip", NOW + 5))
    book.publish({("cable", "udp"): (Offer("web", 80, 80, Endpoint(OTHER, 80)),)})
    assert not book.put(Held("cable", "udp", 80, Endpoint(OTHER, 1), None, "helper.sip", NOW + 5))
    assert list(book) == [held]
    assert book.expire(NOW + 7) == (held,)


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 4), st.booleans())))
def test_the_same_wishes_with_the_same_dice_give_the_same_ports(seed: int, wishes: list) -> None:
    """Nothing but what is asked and the injected chance decides."""

    def run() -> list:
        book, dice = Book(Random(seed).randrange), []
        for number, (port, count, parity) in enumerate(wishes):
            asked = wish(min(port, 65530), host=[PC, OTHER][number % 2], count=count, parity=parity)
            dice.append(book.open(asked, NOW + number).held)
        return dice

    assert run() == run()


class Life(RuleBasedStateMachine):
    """Helpers and an operator open, renew, publish and release; time goes on."""

    LIMITS = Limits(ports=60, owner=40, host=30, count=4)

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(Random(4).randrange, self.LIMITS)
        self.now = NOW
        self.held: list[Held] = []

    @rule(
        owner=st.sampled_from(["helper.a", "helper.b", ADDED]),
        uplink=st.sampled_from(["cable", "dsl"]),
        host=st.sampled_from([PC, OTHER]),
        port=st.sampled_from([80, 1023, 1024, 1025, 1026, 49999, 50000, 59999, 60000, 65532]),
        remote=st.sampled_from([None, SERVER]),
        count=st.integers(1, 5),
        parity=st.booleans(),
        lifetime=st.sampled_from([1.0, 5.0, None]),
        named=st.sampled_from([None, None, None, 80, 1024, 50000]),
    )
    def open(self, owner, uplink, host, port, remote, count, parity, lifetime, named) -> None:
        """Whatever is granted is as asked, and takes nothing from anybody."""
        asked = Wish(
            owner, uplink, "tcp", Endpoint(host, port), remote, count, parity, False, lifetime, named
        )
        before = set(self.book)
        try:
            opened = self.book.open(asked, self.now)
        except MappingError as error:
            assert str(error)
            assert set(self.book) == before
            return
        held = opened.held
        assert (held.to, held.count, held.owner, held.remote) == (asked.to, count, owner, remote)
        assert held.expires == (None if lifetime is None else self.now + lifetime)
        if named is not None:
            assert held.port == named
        elif opened.instead_of is None:
            assert held.port >= FIRST
            assert held.last < RESERVED_FIRST or held.port > RESERVED_LAST
            assert not parity or (held.port - port) % 2 == 0
        assert set(self.book) == (before - {opened.instead_of}) | {held}
        self.held.append(held)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data) -> None:
        """Once, and only what is there."""
        held = data.draw(st.sampled_from(self.held))
        there = held in set(self.book)
        assert self.book.release(held) == there
        assert held not in self.book

    @rule(first=st.integers(1000, 1100), width=st.integers(0, 5), there=st.booleans())
    def publish(self, first, width, there) -> None:
        """The configuration changes; what is held stays until it is released."""
        offer = Offer("web", first, first + width, Endpoint(PC, 80))
        before = set(self.book)
        self.book.publish({("cable", "tcp"): (offer,)} if there else {})
        assert set(self.book) == before

    @rule(seconds=st.floats(0.1, 4.0))
    def wait(self, seconds) -> None:
        """What is over goes, and nothing else; the next moment to look is never too late."""
        due = self.book.next_expiry()
        before = set(self.book)
        self.now += seconds
        gone = set(self.book.expire(self.now))
        over = {held for held in before if held.expires is not None and held.expires + GRACE <= self.now}
        assert gone == over
        assert not gone or (due is not None and due <= self.now)

    @invariant()
    def one_owner(self) -> None:
        """No port of an uplink is in two mappings."""
        every = [
            (held.uplink, held.protocol, port)
            for held in self.book
            for port in range(held.port, held.last + 1)
        ]
        assert len(every) == len(set(every))

    @invariant()
    def limits(self) -> None:
        """Neither all together, nor an owner, nor a host has more than it may; what is counted is what is there."""
        every = list(self.book)
        assert sum(held.count for held in every) <= self.LIMITS.ports
        for owner in ("helper.a", "helper.b", ADDED):
            own = [held for held in every if held.owner == owner]
            assert set(self.book.of_owner(owner)) == set(own)
            assert self.book.ports_of(owner) == sum(held.count for held in own) <= self.LIMITS.owner
        for host in (PC, OTHER):
            assert sum(held.count for held in every if held.to.address == host) <= self.LIMITS.host


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
