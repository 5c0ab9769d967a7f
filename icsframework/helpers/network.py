"""What the stream shell needs of the machine; icsframework.host.stream provides it, tests fake it."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocol, IProtocolFactory, ITransport
from zope.interface import Interface

from icsframework.values import Address, Endpoint

__all__ = ["IStreamNetwork"]


class IStreamNetwork(Interface):
    """TCP as the packet filter brings it."""

    def listen(factory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N805 - of an interface
        """Deferred of a listener on a port that the kernel chooses, on every IPv4 address; fails with a HostError."""

    def make_room(owner: str, connections: int) -> None:  # noqa: N805 - of an interface
        """``owner`` may have so many connections, with two legs each, at a time: there shall be descriptors for them."""

    def destination(transport: ITransport) -> Endpoint | None:  # noqa: N805 - of an interface
        """Where the client of this accepted connection wanted to go; None if it was not redirected."""

    def waits(transport: ITransport) -> bool:  # noqa: N805 - of an interface
        """Whether the client of this accepted connection, which was not read yet, still waits.

        Not one that has reset it, nor one that has closed its side and said nothing.
        """

    def way_to(address: Address) -> Address | None:  # noqa: N805 - of an interface
        """The address of ours that a new flow to ``address`` would leave from, None if there is no way.

        That of the hold device while no link is up and one may be dialled.
        """

    def connect(
        leg: IProtocol,  # noqa: N805 - of an interface
        to: Endpoint,
        source: Endpoint,
        mark: int = 0,
        transparent: bool = False,
        timeout: float = 30.0,
    ) -> Deferred[None]:
        """Connect ``leg``; the Deferred fires when it is, failing with ConnectFailed or another HostError.

        The first SYN carries ``mark`` (SO_MARK) and comes from ``source``, or from another port of that address where
        this one is not free.  ``transparent``: the address need not be ours.  Cancelling gives up.
        """

    def tune(transport: ITransport, near: bool) -> None:  # noqa: N805 - of an interface
        """For control channels: small segments at once, a peer that has vanished is noticed (``near``: on a LAN), and urgent data is no different."""
