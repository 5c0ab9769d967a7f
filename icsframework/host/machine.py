"""The kernel's network configuration, declared as an interface.

``links.py`` is the real one, ``icsframework.testing.machine`` a fake that can
fail on request; the same tests run on both.  Internal to the core: plugins
never see it.
"""

from twisted.internet.defer import Deferred
from zope.interface import Interface

from icsframework.errors import HostError
from icsframework.host.changes import Change
from icsframework.host.state import MachineState, Scope
from icsframework.values import InterfaceInfo

__all__ = ["IMachine", "ITable", "Overtaken", "PortRefused", "SysctlMissing"]


class Overtaken(HostError):
    """Another program changed the same thing at the same moment; the change is tried again."""


class PortRefused(HostError):
    """This interface cannot be a port of a bridge."""

    def __init__(self, message: str, interface: str) -> None:
        super().__init__(message)
        self.interface = interface


class SysctlMissing(HostError):
    """This kernel, or this interface, does not have the setting."""


class IMachine(Interface):
    """Synchronous: called from one worker thread only, which may block on it.

    Raises InterfaceMissing, NoPrivilege, Overtaken, PortRefused or another HostError that names the interface, route
    or sysctl.
    """

    def interfaces() -> list[InterfaceInfo]:
        """Every interface of this network namespace, with its addresses, by index."""

    def observe(scope: Scope) -> MachineState:
        """What is there within ``scope``.

        Left out: the packet filter, what the kernel makes by itself (the local table,
        routes of addresses, link-local and autoconfigured IPv6 addresses), and routes and
        rules of others that a Route or RoutingRule cannot express.  What does not exist is simply not in the result.
        """

    def apply(change: Change) -> None:
        """Make one change (not SetTable).  What is to be removed and is gone already counts as done."""

    def close() -> None:
        """Give back descriptors; a later call opens them again."""


class ITable(Interface):
    """Who loads the packet filter: a value it understands goes in, in one transaction."""

    def publish(table: object | None) -> Deferred[object]:
        """Replace what is loaded by ``table``, or remove it (None).  Fails with a HostError; then the old one is in force."""
