"""Is there another DHCP server?"""

from ics_plugins.lan.dhcp.foreign import (
    FORGET_AFTER,
    MAX_SERVERS,
    SEEK_AT_MOST_EVERY,
    SEEK_AT_START,
    SEEK_EVERY,
    SEEK_EVERY_ASIDE,
    ForeignServers,
)


def looks(foreign, until):
    """When it looked, asked at each deadline."""
    times = []
    while foreign.deadline <= until:
        now = foreign.deadline
        assert foreign.look_due(now)
        times.append(now)
    return times


def test_it_looks_at_the_start_and_then_now_and_then():
    """At once, a moment later, and every few minutes."""
    foreign = ForeignServers(0.0)
    assert looks(foreign, 2 * SEEK_EVERY) == [0.0, SEEK_AT_START, SEEK_AT_START + SEEK_EVERY]
    assert not foreign.look_due(foreign.deadline - 1)


def test_a_server_is_news_once_and_forgotten_in_the_end():
    """Seen again it stays; silent for FORGET_AFTER it is gone, and news again."""
    foreign = ForeignServers(0.0)
    assert [foreign.seen(9, 0.0), foreign.seen(9, 50.0)] == [True, False]
    assert foreign.present(50.0 + FORGET_AFTER - 1) == [9]
    assert foreign.any_present(50.0 + FORGET_AFTER - 1)
    assert not foreign.any_present(50.0 + FORGET_AFTER)
    assert foreign.present(50.0 + FORGET_AFTER) == []
    assert foreign.seen(9, 200.0)


def test_while_one_is_there_it_looks_often():
    """So that we are back soon after it has gone."""
    foreign = ForeignServers(0.0)
    looks(foreign, 10.0)
    foreign.seen(9, 10.0)
    assert looks(foreign, 100.0) == [
        10.0 + SEEK_EVERY_ASIDE,
        10.0 + 2 * SEEK_EVERY_ASIDE,
        10.0 + 3 * SEEK_EVERY_ASIDE,
    ]


def test_hints_do_not_make_a_flood():
    """A client that chose another server makes us look, at most every ten seconds."""
    foreign = ForeignServers(0.0)
    looks(foreign, 5.0)
    for tenth in range(1000):
        foreign.hint(5.0 + tenth / 10)
        foreign.look_due(5.0 + tenth / 10)
    assert foreign._looks == 2 + 10
    assert foreign.deadline >= SEEK_AT_MOST_EVERY


def test_inventing_servers_gains_nothing():
    """Only MAX_SERVERS are remembered."""
    foreign = ForeignServers(0.0)
    assert [foreign.seen(n, 0.0) for n in range(MAX_SERVERS + 3)] == [True] * MAX_SERVERS + [False] * 3
    assert len(foreign.present(0.0)) == MAX_SERVERS
