"""How the connections of a shell go on: by which uplink, from which address, to whom."""

from collections.abc import Callable
from typing import Literal

from icsframework.dataplane.plane import DataPlane
from icsframework.helpers.network import IStreamNetwork
from icsframework.helpers.pairs import Pairs
from icsframework.helpers.way import Course, source_address, uplink_of, uplink_towards
from icsframework.values import Address, Endpoint, Flow

__all__ = ["Courses"]


class Courses:
    """With the data plane that is in force; ``published`` is that of stream.StreamParts."""

    def __init__(
        self,
        direction: Literal["outbound", "inbound"],
        network: IStreamNetwork,
        pairs: Pairs,
        published: Callable[[str, int], Endpoint | None],
    ) -> None:
        self.plane: DataPlane | None = None
        self._direction = direction
        self._network = network
        self._pairs = pairs
        self._published = published

    def way(self, client: Endpoint, wanted: Endpoint) -> Address | None:
        """The address of ours that a connection has outside: that of others of the two hosts, else that of the route."""
        if self._direction == "inbound":
            return wanted.address
        shared = self._pairs.address(client.address, wanted.address)
        if shared is not None and self.plane is not None and uplink_of(self.plane, shared) is not None:
            return shared
        return self._network.way_to(wanted.address)

    def course(self, client: Endpoint, wanted: Endpoint, local: Address | None) -> Course | None:
        """How a connection of ``client`` to ``wanted`` goes on from ``local``; None if it cannot."""
        if self.plane is None:
            return None
        if self._direction == "inbound":
            return self._inward(self.plane, client, wanted)
        uplink = uplink_towards(self.plane, local)
        address = source_address(uplink, wanted.address.version, local) if uplink else None
        if uplink is None or address is None:
            return None
        source = Endpoint(address, client.port)
        flow = Flow("tcp", client, wanted, source, uplink.name)
        return Course(flow, wanted, source, self.plane.marks.uplink_mark(uplink.index))

    def _inward(self, plane: DataPlane, client: Endpoint, wanted: Endpoint) -> Course | None:
        uplink = uplink_of(plane, wanted.address)
        inside = self._published(uplink.name, wanted.port) if uplink else None
        if uplink is None or inside is None:
            return None
        flow = Flow("tcp", client, inside, wanted, uplink.name, "inbound")
        return Course(flow, inside, client, transparent=True)
