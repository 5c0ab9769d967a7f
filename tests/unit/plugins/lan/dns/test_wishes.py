"""Wishes for a link: each asked for once, bounded, and not again right after a refusal."""

from ipaddress import IPv4Address

import pytest

from ics_plugins.lan.dns.actions import Dial
from ics_plugins.lan.dns.wishes import (
    MAX_ASKED,
    MAX_ASKED_CLIENT,
    MAX_QUEUED,
    MAX_REFUSED,
    REFUSAL_MEMORY,
    Wishes,
)


def wish(number, client=10):
    return Dial(IPv4Address(0xC0A80000 + client), f"n{number}.example.net")


class Bench(Wishes):
    """Wishes; nobody waits any more for those in ``gone``."""

    def __init__(self):
        self.gone = set()
        super().__init__(lambda one: one not in self.gone)


@pytest.fixture
def wishes():
    return Bench()


def test_each_is_asked_for_once(wishes):
    """While it is under way it is not asked for again; afterwards it may be."""
    assert wishes.want(wish(1)) == [wish(1)]
    assert wishes.want(wish(1)) == []
    assert wishes.want(wish(2)) == [wish(2)]
    assert wishes.over(wish(1)) == []
    assert wishes.want(wish(1)) == [wish(1)]


def test_a_client_has_its_share(wishes):
    """Of what is under way; its others wait for their turn, those of another client do not."""
    asked = [one for n in range(MAX_ASKED_CLIENT + 2) for one in wishes.want(wish(n))]
    assert asked == [wish(n) for n in range(MAX_ASKED_CLIENT)]
    assert wishes.want(wish(MAX_ASKED_CLIENT)) == []
    assert wishes.want(wish(0, client=11)) == [wish(0, client=11)]
    assert wishes.over(wish(3)) == [wish(MAX_ASKED_CLIENT)]
    assert wishes.over(wish(4)) == [wish(MAX_ASKED_CLIENT + 1)]
    assert wishes.over(wish(5)) == []


def test_all_clients_are_bounded(wishes):
    """And when one is over, whoever waits is next."""
    clients = MAX_ASKED // MAX_ASKED_CLIENT
    for client in range(clients):
        for number in range(MAX_ASKED_CLIENT):
            assert wishes.want(wish(number, client))
    assert [wishes.want(wish(number, client=99)) for number in range(2)] == [[], []]
    assert wishes.over(wish(0, client=0)) == [wish(0, client=99)]
    assert wishes.over(wish(1, client=0)) == [wish(1, client=99)]


def test_what_nobody_waits_for_is_not_asked_for(wishes):
    """It was forgotten while it waited for its turn: no link is dialled for it."""
    for number in range(MAX_ASKED_CLIENT + 2):
        wishes.want(wish(number))
    wishes.gone.add(wish(MAX_ASKED_CLIENT))
    assert wishes.over(wish(0)) == [wish(MAX_ASKED_CLIENT + 1)]


def test_the_queue_is_bounded(wishes):
    """What is beyond is asked for when it is wanted again."""
    for number in range(MAX_ASKED_CLIENT + MAX_QUEUED + 1):
        wishes.want(wish(number))
    last = MAX_ASKED_CLIENT + MAX_QUEUED
    given = [one for n in range(last) for one in wishes.over(wish(n))]
    assert (len(given), wish(last) in given) == (MAX_QUEUED, False)
    assert wishes.want(wish(last)) == [wish(last)]


def test_a_refusal_is_remembered_for_a_while(wishes):
    """For this client and name, and no other."""
    wishes.refuse(wish(1), "hours", 100.0)
    assert wishes.refusal(wish(1), 100.0 + REFUSAL_MEMORY - 0.1) == "hours"
    assert wishes.refusal(wish(1), 100.0 + REFUSAL_MEMORY) is None
    assert [wishes.refusal(one, 100.0) for one in (wish(2), wish(1, client=11))] == [None, None]


def test_the_memory_of_refusals_is_bounded(wishes):
    """The oldest go first."""
    for number in range(MAX_REFUSED + 1):
        wishes.refuse(wish(number), "hours", 0.0)
    assert (wishes.refusal(wish(0), 0.0), wishes.refusal(wish(1), 0.0)) == (None, "hours")


def test_a_link_fulfils_them(wishes):
    """Nothing waits for its turn any more, and no refusal is repeated when it is gone again."""
    for number in range(MAX_ASKED_CLIENT + 1):
        wishes.want(wish(number))
    wishes.refuse(wish(99), "hours", 0.0)
    wishes.fulfilled()
    assert wishes.over(wish(0)) == []
    assert wishes.refusal(wish(99), 0.0) is None
