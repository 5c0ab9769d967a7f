"""External ports as one plugin sees them: its owner is known, and what it opened goes with it."""

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from icsframework.errors import MappingError
from icsframework.interfaces import IMappings
from icsframework.mappings.service import MappingService
from icsframework.values import Mapping, Open

__all__ = ["OwnedMappings"]


@implementer(IMappings)
class OwnedMappings:
    """The mapping service as one owner uses it."""

    def __init__(self, service: MappingService, owner: str) -> None:
        self._service = service
        self._owner = owner

    def open(self, uplink: str, request: Open) -> Deferred[Mapping]:
        """See IMappings."""
        return self._service.open(self._owner, uplink, request)

    def release(self, mapping: Mapping, flows: str = "keep") -> Deferred[None]:
        """See IMappings.  Somebody else's is left alone (MappingError)."""
        if mapping.owner != self._owner:
            return fail(MappingError(f"{mapping.external} belongs to {mapping.owner}, not to {self._owner}"))
        return self._service.release(mapping, flows)

    def release_all(self) -> Deferred[None]:
        """Give back all that this owner has opened; flows that run through it go on.  Deferred, which never fails."""
        return self._service.release_owner(self._owner)
