"""The port book as others see it: mappings, and the lines of ``ics mappings``.  Pure but for the clock it is given."""

from collections.abc import Iterator, Mapping

from icsframework.interfaces import IClock
from icsframework.mappings.book import Book
from icsframework.mappings.held import Held, Line, Offer
from icsframework.mappings.situation import NOWHERE, Situation
from icsframework.status import Instant, MappingStatus
from icsframework.values import Endpoint
from icsframework.values import Mapping as PortMapping

__all__ = ["mappings", "status"]


def mappings(book: Book, situation: Situation, now: float) -> tuple[PortMapping, ...]:
    """All mappings that are not over, by uplink, protocol and port; of a port that two want, the published one first."""
    found = [
        PortMapping(
            protocol,
            uplink,
            Endpoint(situation.address(uplink), offer.first),
            offer.to,
            None,
            offer.owner,
            None,
            offer.last - offer.first + 1,
        )
        for (uplink, protocol), offer in _offers(situation)
    ]
    found += [held.mapping(situation.address(held.uplink)) for held in _live(book, now)]
    return tuple(sorted(found, key=lambda one: (one.uplink, one.protocol, one.external.port)))


def status(
    book: Book, situation: Situation, obstacles: Mapping[Held, str], clock: IClock
) -> list[MappingStatus]:
    """The same for people; ``obstacles`` says why some are not in force."""
    wall = clock.wall() - clock.now()
    found = [
        MappingStatus(
            protocol=protocol,
            uplink=uplink,
            external_port=offer.first,
            to=str(offer.to),
            remote=offer.clients or None,
            owner=offer.owner,
            expires=None,
            count=offer.last - offer.first + 1,
            external_address=_address(situation, uplink),
            reason=_reason(situation, uplink),
        )
        for (uplink, protocol), offer in _offers(situation)
    ]
    found += [
        MappingStatus(
            protocol=held.protocol,
            uplink=held.uplink,
            external_port=held.port,
            to=str(held.to),
            remote=None if held.remote is None else str(held.remote),
            owner=held.owner,
            expires=None if held.expires is None else Instant(wall + held.expires),
            count=held.count,
            once=held.once,
            external_address=_address(situation, held.uplink),
            reason=obstacles.get(held) or _reason(situation, held.uplink),
        )
        for held in _live(book, clock.now())
    ]
    return sorted(found, key=lambda one: (one.uplink, one.protocol, one.external_port))


def _live(book: Book, now: float) -> Iterator[Held]:
    return (held for held in book if not held.is_over(now))


def _offers(situation: Situation) -> Iterator[tuple[Line, Offer]]:
    return ((line, offer) for line, offers in situation.offers.items() for offer in offers)


def _address(situation: Situation, uplink: str) -> str | None:
    address = situation.address(uplink)
    return None if address == NOWHERE else str(address)


def _reason(situation: Situation, uplink: str) -> str | None:
    return None if uplink in situation.addresses else f"uplink {uplink} has no address now"
