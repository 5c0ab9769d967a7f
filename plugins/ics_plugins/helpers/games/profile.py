"""What a profile says: which traffic out opens which ports in.  The same keys in our data files and under ``custom``."""

import re
from typing import Annotated

from pydantic import Field

from icsframework.fields import Duration, FieldError, OneOrMore, PortRange, Section, text_type
from icsframework.values import PortSpan, Protocol

__all__ = ["LONGEST", "SHORTEST", "Ports", "Profile", "ShippedProfile"]

MAX_RANGES = 16
"""Ranges of one protocol in one direction; the greediest game known needs five."""
MAX_TEXT = 300
"""Characters of a title, source or note."""
SHORTEST, LONGEST = 1.0, 86400.0
"""Seconds that the ports stay open without traffic: a server must have time to call; nobody plays a day in silence."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?", re.ASCII)
_DATE = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?", re.ASCII)


def parse_profile_name(value: object) -> str:
    """A name that also rules and status can show."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise FieldError(
        f"{value!r} is no name of a profile",
        "use up to 32 lower-case letters, digits, dots, dashes and _, such as my-game",
    )


def parse_date(value: object) -> str:
    """A day or a month, as ISO 8601 writes it."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise FieldError(f"{value!r} is no date", "write for example 2007-01-25 or 1993-02")


ProfileName = Annotated[
    str, text_type(parse_profile_name, summary="the name of a profile", examples=("my-game",))
]
Date = Annotated[str, text_type(parse_date, summary="a day or month", examples=("2007-01-25",))]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Ranges = Annotated[tuple[PortRange, ...], Field(max_length=MAX_RANGES), OneOrMore()]


class Ports(Section):
    """Ports by protocol."""

    tcp: Ranges = ()
    """TCP ports, each a port or a range."""
    udp: Ranges = ()
    """UDP ports, each a port or a range."""

    def spans(self) -> tuple[PortSpan, ...]:
        """In order, without overlaps; ranges that touch are one."""
        return (*_joined("tcp", self.tcp), *_joined("udp", self.udp))


def _joined(protocol: Protocol, ranges: Ranges) -> list[PortSpan]:
    spans: list[PortSpan] = []
    for first, last in sorted((one.first, one.last) for one in ranges):
        if spans and first <= spans[-1].last + 1:
            spans[-1] = PortSpan(protocol, spans[-1].first, max(spans[-1].last, last))
        else:
            spans.append(PortSpan(protocol, first, last))
    return spans


class Profile(Section):
    """One game or program."""

    name: ProfileName
    """What status and rules call it."""
    title: str = Field(default="", max_length=MAX_TEXT)
    """What people call it."""
    outbound: Ports
    """Traffic from a host of a LAN to these ports of the Internet opens..."""
    inbound: Ports
    """... these ports from the Internet to that host."""
    lifetime: Duration = 600.0
    """How long they stay open when that traffic has ended."""


class ShippedProfile(Profile):
    """One of our data files: it must say where its numbers come from."""

    title: Text
    """What people call it."""
    source: Text
    """The public document with these ports, by its title."""
    date: Date
    """When that document was published or last changed; if it does not say, when it was read."""
    note: str = Field(default="", max_length=MAX_TEXT)
    """What else there is to know."""
