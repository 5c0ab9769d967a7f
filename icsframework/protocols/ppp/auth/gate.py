"""The authentication of a whole link: what the peer demands of us, and what we demand of the peer."""

from collections.abc import Callable, Iterable

from icsframework.protocols.ppp.auth.chap import ChapClient, ChapServer
from icsframework.protocols.ppp.auth.digests import digest_of
from icsframework.protocols.ppp.auth.method import (
    AuthOutput,
    Credentials,
    Method,
    Passed,
    Refused,
    SecretOf,
    Unproven,
)
from icsframework.protocols.ppp.auth.pap import PapClient, PapServer
from icsframework.protocols.ppp.packet import Packet

__all__ = ["Gate", "GateOutput"]

GateOutput = tuple[int, bytes] | Refused | Unproven
"""(protocol, packet to send), or how it failed."""


class Gate:
    """Open (``passed``) when everybody who must has proved who he is.  A packet nobody agreed on is not looked at."""

    def __init__(
        self,
        ours: Method | None,
        theirs: Method | None,
        credentials: Credentials | None,
        secret_of: SecretOf | None,
        random: Callable[[int], bytes],
        name: str = "ics",
        interval: float = 0.0,
    ) -> None:
        self.peer_name = self.message = ""
        self._client: PapClient | ChapClient | None = None
        self._server: PapServer | ChapServer | None = None
        if theirs is not None and secret_of is not None:
            self._server = (
                PapServer(secret_of)
                if theirs is Method.PAP
                else ChapServer(theirs.title, digest_of(theirs, random), name, secret_of, random, interval)
            )
        if ours is not None and credentials is not None:
            self._client = (
                PapClient(credentials)
                if ours is Method.PAP
                else ChapClient(ours.title, digest_of(ours, random), credentials, self._own_challenge)
            )
        self._waiting = {side for side in (self._client, self._server) if side is not None}

    def _own_challenge(self) -> bytes:
        return self._server.challenge if isinstance(self._server, ChapServer) else b""

    @property
    def passed(self) -> bool:
        """Nobody has anything left to prove."""
        return not self._waiting

    @property
    def only_we(self) -> bool:
        """The peer need not prove anything."""
        return self._server is None

    @property
    def deadline(self) -> float | None:
        """When ``timeout`` must be called."""
        times = [side.deadline for side in (self._client, self._server) if side and side.deadline is not None]
        return min(times, default=None)

    def start(self, now: float) -> list[GateOutput]:
        """The link is open."""
        return [
            output
            for side in (self._client, self._server)
            if side
            for output in self._taken(side, side.start(now))
        ]

    def receive(self, protocol: int, wire: bytes, now: float) -> list[GateOutput]:
        """A PAP or CHAP packet.  Raises MalformedPacket."""
        packet = Packet.from_wire(wire)
        for side in (self._client, self._server):
            if side and side.protocol == protocol and packet.code in side.codes:
                return self._taken(side, side.receive(packet, now))
        return []

    def timeout(self, now: float) -> list[GateOutput]:
        """The time has come, for either end."""
        return [
            output
            for side in (self._client, self._server)
            if side
            for output in self._taken(side, side.timeout(now))
        ]

    def _taken(
        self, side: "PapClient | ChapClient | PapServer | ChapServer", outputs: Iterable[AuthOutput]
    ) -> list[GateOutput]:
        found: list[GateOutput] = []
        for output in outputs:
            if isinstance(output, bytes):
                found.append((side.protocol, output))
            elif isinstance(output, Passed):
                self._waiting.discard(side)
                if side is self._server:
                    self.peer_name = output.peer
                else:
                    self.message = output.message
            else:
                found.append(output)
        return found
