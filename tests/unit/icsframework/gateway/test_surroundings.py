"""The real senses, on an nft that starts no program."""

import pytest
from twisted.internet.defer import maybeDeferred, succeed
from twisted.internet.task import Clock

from icsframework.dataplane.filters import Filters
from icsframework.errors import HostError
from icsframework.gateway.surroundings import surroundings
from icsframework.testing.gateway import Readers

LISTED, TABLE = Filters({("ip", "filter"): {}}), Filters({("inet", "ics"): {}})


class Nft:
    """Answers at once."""

    def everything(self):
        return succeed(LISTED)

    def look(self, family, name):
        assert (family, name) == ("inet", "ics")
        return succeed(TABLE)


class Reactor(Clock, Readers):
    """Time and readers by hand."""

    def __init__(self):
        Clock.__init__(self)
        Readers.__init__(self)


def result(deferred):
    """What it came to."""
    found = []
    deferred.addCallback(found.append)
    return found[0]


def test_what_is_seen():
    """Our table; all tables and the legacy one; the facts about managers and the default routes, read in the thread."""
    blocking = []

    def in_thread(function):
        blocking.append(function.__name__)
        return maybeDeferred(function)

    around = surroundings(Reactor(), Nft(), in_thread)
    assert result(around.table()) is TABLE
    listed, legacy = result(around.filters())
    assert listed is LISTED
    assert isinstance(legacy, Filters)
    assert result(around.facts()).indices["lo"] > 0
    assert isinstance(result(around.routes()), tuple)
    assert blocking == ["read_legacy", "read_facts", "read_default_routes"]


def test_changes_are_watched_until_it_is_enough():
    """A netlink socket, if this machine lets us have one."""
    reactor = Reactor()
    around = surroundings(reactor, Nft(), maybeDeferred)
    try:
        unwatch = around.watch_rules(lambda by: None, lambda: None)
    except HostError as error:
        pytest.skip(str(error))
    assert len(reactor.readers) == 1
    unwatch()
    assert reactor.readers == []
