"""Sessions that fail: each relays what it hears until a client says a word that it cannot bear."""

from zope.interface import implementer

from icsframework.interfaces import ISession
from icsframework.values import Send, Side

WORD = b"trouble"
"""What makes them fail."""


class Defect(Exception):
    """A bug of acme's."""


@implementer(ISession)
class Relay:
    """Nothing is wrong with this one."""

    def __init__(self, flow):
        self.flow = flow
        self.due = None

    def received(self, side, data, now):
        return self.troubled(now) if WORD in data else [Send(side.other, data)]

    def troubled(self, now):
        """What comes of the word."""
        return []

    def opened(self, token, result, now):
        return []

    def closed(self, side, now):
        return []

    def timeout(self, now):
        return []

    def deadline(self):
        return self.due


class Raises(Relay):
    """Raises."""

    def troubled(self, now):
        raise Defect("the session's own bug")


class Talks(Relay):
    """Answers what is no action."""

    def troubled(self, now):
        return ["Send", 5]


class Floods(Relay):
    """Answers more than anybody can carry."""

    def troubled(self, now):
        return [Send(Side.SERVER, b"x" * 1_000_000)] * 50


class Misses(Relay):
    """Has a deadline that is no time."""

    def troubled(self, now):
        self.due = "soon"
        return []


class Forgets(Relay):
    """Fails when its time has come."""

    def troubled(self, now):
        self.due = now + 0.1
        return []

    def timeout(self, now):
        raise Defect("time has come")


def no_session(flow):
    """Makes what is none."""
    return object()


def unborn(flow):
    """Makes nothing."""
    raise Defect("no session today")
