"""One call that is through: the PPP link on the modem's line, the tunnel, and the queue between them."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet

from ics_plugins.uplinks.dialup.modem import Modem
from ics_plugins.uplinks.dialup.peer import agreed
from ics_plugins.uplinks.dialup.priority import is_urgent
from ics_plugins.uplinks.dialup.queue import LineQueue
from ics_plugins.uplinks.dialup.tunnel import BATCH, Tunnel
from icsframework.errors import IcsError
from icsframework.interfaces import IGateway
from icsframework.protocols.ppp.actions import (
    Deliver,
    Down,
    Result,
    Stage,
    Text,
    Transmit,
    Up,
)
from icsframework.protocols.ppp.link import PppLink

HOLD = 0.2
"""Seconds for which packets may wait in the kernel's queue of the tunnel, where nothing overtakes: a fast line has room
again by then, and a burst costs no packet.  A line that has not is slow: from then on what finds no place is dropped."""


class Call:
    """``up(result, ifindex)`` is called at each agreement when the tunnel is there, ``ended(down)`` once; nothing after that."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        modem: Modem,
        link: PppLink,
        interface: str,
        speed: int | None,
        up: Callable[[Result, int], None],
        ended: Callable[[Down], None],
        stage: Callable[[str], None],
    ) -> None:
        self.link = link
        self.result: Result | None = None
        self.speed = speed
        """What CONNECT said, in bit/s."""
        self.tunnel: Tunnel | None = None
        self.text = ""
        """The last readable thing that was no PPP."""
        line = modem.speed if speed is None else min(speed, modem.speed)
        self.queue = LineQueue(line / 10.0, is_urgent)
        self._read_before, self._written_before = modem.port.read, modem.port.written
        self._gateway = gateway
        self._reactor = reactor
        self._modem = modem
        self._interface = interface
        self._up = up
        self._ended: Callable[[Down], None] | None = ended
        self._stage = stage
        self._opening: Deferred[Any] | None = None
        self._slow = False
        self._hold: IDelayedCall | None = None

    def start(self, rest: bytes) -> None:
        """Negotiate; ``rest`` is what the peer has sent already."""
        link, modem = self.link, self._modem
        modem.port.nominal = modem.port.rate = self.queue.rate
        modem.speak(link, self._perform, self.carrier_lost)
        modem.act(link.open)
        if rest:
            modem.act(lambda now: link.receive(rest, now))

    def close(self, reason: str) -> None:
        """End it in an orderly way; ``ended`` follows."""
        self._modem.act(lambda now: self.link.close(reason, now))

    def carrier_lost(self, reason: str = "the modem lost the carrier (DCD)") -> None:
        """The line is gone; ``ended`` follows at once."""
        self._modem.act(lambda now: self.link.lost(reason, now))

    def drop(self) -> None:
        """It is over, without a word to anybody."""
        self._ended = None
        self._leave()

    def details(self) -> dict[str, Any]:
        """What ``ics status`` shows of it."""
        link, port, result = self.link, self._modem.port, self.result
        found: dict[str, Any] = {
            "line_rx_bytes": port.read - self._read_before,
            "line_tx_bytes": port.written - self._written_before,
            "frames": link.counters.frames,
            "bad_frames": link.counters.bad,
            "queued_bytes": self.queue.octets,
            "dropped": self.queue.dropped,
            "vj_compressed": link.figures.compressed,
            "vj_lost": link.figures.vj_lost,
        }
        if self.speed is not None:
            found["speed"] = self.speed
        if link.rtt is not None:
            found["rtt_ms"] = round(link.rtt * 1000)
        if self.text:
            found["text"] = self.text
        found |= {name: count for name, count in self._troubles().items() if count}
        return found | agreed(result) if result is not None else found

    def _troubles(self) -> dict[str, int]:
        """What should not happen and does on bad lines or with odd peers; shown where there was some."""
        link, counters = self.link, self.link.counters
        return {
            "bad_fcs": counters.bad_fcs,
            "aborted": counters.aborted,
            "oversize": counters.oversize,
            "runts": counters.runts,
            "noise_bytes": counters.noise,
            "unwelcome": link.unwelcome,
            "too_large_for_the_peer": link.figures.oversize,
            "not_agreed_on": link.figures.unsendable,
            "control_bytes_without_place": self._modem.port.overflow,
            "refused_by_the_kernel": self.tunnel.refused if self.tunnel is not None else 0,
            "defects": self._modem.defects,
        }

    # --- actions of the link

    def _perform(self, action: Any) -> None:
        match action:
            case Transmit(data):
                self._modem.port.write(data)
            case Deliver(packets):
                if self.tunnel is not None:
                    self.tunnel.write(packets)
            case Up(result):
                self._agreed(result)
            case Stage(name):
                if self.result is None:
                    self._stage(name)
            case Text(text):
                self.text = text
            case Down():
                self._over(action)

    def _agreed(self, result: Result) -> None:
        self.result = result
        self._gateway.log.debug("ppp: {result}", result=result)
        if self._opening is None:
            self._opening = self._open_tunnel()
        elif self.tunnel is not None:
            self._opening.addCallback(self._tell)

    @inlineCallbacks
    def _open_tunnel(self) -> Any:
        host, result = self._gateway.host, self.result
        assert result is not None
        try:
            device = yield host.open_tun(self._interface, result.mtu, True)
            if self._ended is None:
                device.close()
                return None
            self.tunnel = Tunnel(self._reactor, device, self._from_kernel, self._room, self._gateway.log)
            info = yield host.interface(self._interface)
        except IcsError as error:
            self.close(str(error))
            return None
        self._modem.port.source = self._to_line
        self._tell(info.ifindex)
        return info.ifindex

    def _tell(self, index: int | None) -> int | None:
        if self._ended is not None and self.result is not None and index is not None:
            self._up(self.result, index)
        return index

    def _over(self, down: Down) -> None:
        ended, self._ended = self._ended, None
        self._leave()
        if ended is not None:
            ended(down)

    def _leave(self) -> None:
        self._cancel_hold()
        if self.tunnel is not None:
            self.tunnel.close()
        self._modem.silence("the call is over")

    # --- packets

    def _from_kernel(self, packets: list[bytes]) -> None:
        now, queue = self._gateway.clock.now(), self.queue
        for packet in packets:
            queue.put(packet, now)
        if queue.full and not self._slow and self._hold is None and self.tunnel is not None:
            self.tunnel.pause()
            self._hold = self._gateway.clock.call_later(HOLD, self._still_full)
        self._modem.port.kick()

    def _room(self) -> int:
        """Packets that may be read at once."""
        queue = self.queue
        return BATCH if self._slow else max(1, (queue.limit - queue.octets) // self.link.settings.mtu)

    def _still_full(self) -> None:
        self._hold = None
        self._slow = True
        if self.tunnel is not None:
            self.tunnel.resume()

    def _cancel_hold(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None

    def _to_line(self, octets: int) -> bytes:
        queue = self.queue
        queue.rate = self._modem.port.rate
        wire = b""
        while not wire and len(queue):  # what cannot be sent leaves nothing
            wire = self.link.send(queue.take(octets, self._gateway.clock.now()))
        if self._hold is not None and self.tunnel is not None and 2 * queue.octets <= queue.limit:
            self._cancel_hold()
            self.tunnel.resume()
        elif not len(queue):
            self._slow = False  # until the next burst shows that it is
        return wire
