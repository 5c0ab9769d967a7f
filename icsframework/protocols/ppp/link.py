"""One PPP link, either end of it: octets of a line and IP packets in, actions out (RFC 1661 section 3).

    Dead -> Establish (LCP) -> Authenticate -> Network (IPCP, IPV6CP) -> Terminate -> Dead

A ``PppLink`` is one call.  Every method takes the time, in seconds of whatever
clock, and returns what to do, in order; ``deadline`` says when ``timeout`` is due.
Nothing a peer sends raises anything.

To save a round trip on slow lines, IPCP's first request is sent together with the
password or the response to a challenge: a peer that is satisfied has both at
once, another discards it (RFC 1661 section 3.4) and gets it again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from icsframework.errors import WireError
from icsframework.protocols.ppp.actions import (
    Action,
    Cause,
    Deliver,
    Down,
    Ipv6Up,
    NoCarrier,
    Result,
    Stage,
    Text,
    Transmit,
    Up,
)
from icsframework.protocols.ppp.auth.gate import Gate, GateOutput
from icsframework.protocols.ppp.auth.method import Refused, Unproven
from icsframework.protocols.ppp.automaton import State
from icsframework.protocols.ppp.datapath import Datapath, DatapathCounters
from icsframework.protocols.ppp.hdlc import ALL_CONTROLS, MAX_FRAME, Counters, Decoder, Encoder, Noise
from icsframework.protocols.ppp.ipcp import Ipcp
from icsframework.protocols.ppp.ipv6cp import Ipv6cp
from icsframework.protocols.ppp.lcp import LOOPED, Lcp
from icsframework.protocols.ppp.negotiation import Outcome, Output
from icsframework.protocols.ppp.packet import ADDRESS_CONTROL, Protocol, readable, split_frame
from icsframework.protocols.ppp.settings import LinkSettings, Phase
from icsframework.protocols.ppp.texts import TextWatch, is_text, says_no_carrier
from icsframework.protocols.ppp.vj import VjError

__all__ = ["LinkSettings", "Phase", "PppLink"]

FAREWELL = "disconnected"
"""What the peer learns when we hang up."""
RESTARTS = 20
"""Times that a peer may take an open link back to its beginning, until it is left."""
REJECTS = 5
"""Protocol-Rejects for one protocol: a peer that goes on all the same is not answered any more."""
REJECTED_PROTOCOLS = 32
"""Different protocols that are rejected on one link."""


class PppLink:
    """See the module's docstring.  ``random(n)`` gives n random octets; those of a real link must not be guessable."""

    def __init__(self, settings: LinkSettings, random: Callable[[int], bytes]) -> None:
        lcp = settings.lcp
        if lcp.demand and settings.secret_of is None:
            raise ValueError("a peer that must authenticate itself needs somebody who knows its password")
        if settings.credentials is None:
            lcp = replace(lcp, accept=())
        self.phase = Phase.DEAD
        self._over = False
        self.settings = settings
        self.figures = DatapathCounters()
        self.unwelcome = 0
        """Frames that were well formed, but not for now: of a phase to come, malformed inside, or of no use."""
        self._random = random
        self._decoder = Decoder(max(MAX_FRAME, lcp.mru + 8))
        self._plain = Encoder()
        self._lcp = Lcp(lcp, settings.limits, random)
        self._gate: Gate | None = None
        self._ipcp: Ipcp | None = None
        self._ipv6cp: Ipv6cp | None = None
        self._path = Datapath(self._lcp.peer, settings.mtu, self.figures)
        self._why: Down | None = None
        self._restarts = 0
        self._patience: float | None = None  # when IPv4 must pass
        self._rejects: dict[int, int] = {}
        self._texts = TextWatch()
        self._wire: list[bytes] = []
        self._packets: list[bytes] = []
        self._actions: list[Action] = []

    # --- what a driver calls

    @property
    def counters(self) -> Counters:
        """What came from the line, good and bad."""
        return self._decoder.counters

    @property
    def rtt(self) -> float | None:
        """Seconds that the last echo took; None if there was none."""
        return self._lcp.liveness.rtt

    @property
    def ready(self) -> bool:
        """IPv4 passes."""
        return self._path.ipv4

    def open(self, now: float) -> list[Action]:
        """The line is there: negotiate."""
        self.phase = Phase.ESTABLISH
        if not self._lcp.settings.silent:
            self._patience = now + self.settings.patience
        self._act(Stage("negotiating"))
        self._lcp_outputs(self._lcp.start(now, self._lcp.settings.silent), now)
        return self._done()

    def receive(self, data: bytes, now: float) -> list[Action]:
        """Octets from the line, as they come."""
        if self.phase is Phase.DEAD:
            return []
        good = self._decoder.counters.frames
        for item in self._decoder.feed(data):
            if isinstance(item, Noise):
                self._noise(item)
            else:
                self._frame(item, now)
            if self._over:  # the rest is of no use
                return self._done()
        if self._decoder.counters.frames != good:
            self._lcp.liveness.heard(now)
        self._texts.look(self._decoder.waiting, now)
        return self._done()

    def send(self, packets: Iterable[bytes]) -> bytes:
        """The wire octets of these IP packets, to be written in this order; what cannot be sent is counted and left out."""
        return self._path.send(packets)

    def close(self, reason: str, now: float) -> list[Action]:
        """End the link in an orderly way; Down follows, at the latest after some seconds."""
        if self.phase is not Phase.DEAD:
            self._fail(Cause.ASKED, reason, now)
        return self._done()

    def lost(self, reason: str, now: float) -> list[Action]:
        """The line is gone."""
        self._down(Down(Cause.LINE, reason))
        return self._done()

    def deadline(self) -> float | None:
        """When ``timeout`` must be called; None for never."""
        times = [self._texts.deadline, self._patience]
        times += [part.deadline for part in (self._lcp, self._gate, self._ipv6cp) if part is not None]
        if self._ipcp is not None and self.phase is Phase.NETWORK:  # before, nobody answers it
            times.append(self._ipcp.deadline)
        return min((time for time in times if time is not None), default=None)

    def timeout(self, now: float) -> list[Action]:
        """The time has come; it does no harm if it has not."""
        if self.phase is Phase.DEAD:
            return []
        text = self._texts.timeout(now)
        if text:
            self._text(text)
        if self._patience is not None and now >= self._patience:
            self._patience = None
            seconds = self.settings.patience
            self._fail(Cause.DISAGREED, f"the two ends did not come to an agreement in {seconds:.0f} s", now)
        self._lcp_outputs(self._lcp.timeout(now), now)
        if self._gate is not None:
            self._gate_outputs(self._gate.timeout(now), now)
        if self._ipcp is not None and self.phase is Phase.NETWORK:
            self._ipcp_outputs(self._ipcp.timeout(now), now)
        if self._ipv6cp is not None:
            self._ipv6cp_outputs(self._ipv6cp.timeout(now))
        return self._done()

    # --- from the line

    def _noise(self, noise: Noise) -> None:
        self._path.lost()
        if is_text(noise.data):
            self._text(noise.data)

    def _text(self, data: bytes) -> None:
        if says_no_carrier(data):
            self._act(NoCarrier())
            self._down(Down(Cause.LINE, "the modem lost the carrier (NO CARRIER)"))
        else:
            self._act(Text(readable(data)))

    def _frame(self, frame: bytes, now: float) -> None:
        try:
            protocol, information = split_frame(frame)
            if protocol < 0x100:
                self._packet(protocol, information, now)
            else:
                self._control(protocol, information, now)
        except VjError:
            self.figures.vj_lost += 1
        except WireError:
            self.unwelcome += 1

    def _packet(self, protocol: int, packet: bytes, now: float) -> None:
        path = self._path
        if (protocol == Protocol.IP and path.ipv4) or (protocol == Protocol.IPV6 and path.ipv6):
            self._packets.append(packet)
        elif protocol == Protocol.VJ_COMPRESSED and path.decompressor is not None:
            self._packets.append(path.decompressor.compressed(packet))
            self.figures.restored += 1
        elif protocol == Protocol.VJ_UNCOMPRESSED and path.decompressor is not None:
            self._packets.append(path.decompressor.uncompressed(packet))
        elif protocol in (Protocol.IP, Protocol.VJ_COMPRESSED, Protocol.VJ_UNCOMPRESSED):
            self.unwelcome += 1  # IPCP is not open (RFC 1332 section 2)
        else:
            self._unknown(protocol, packet)

    def _control(self, protocol: int, information: bytes, now: float) -> None:
        if protocol == Protocol.LCP:
            if self._patience is None and self.phase is Phase.ESTABLISH:
                self._patience = now + self.settings.patience  # a silent end has heard somebody
            self._lcp_outputs(self._lcp.receive(information, now), now)
        elif self._gate is not None and protocol in (Protocol.PAP, Protocol.CHAP):
            self._gate_outputs(self._gate.receive(protocol, information, now), now)
        elif self.phase is not Phase.NETWORK or protocol in (Protocol.PAP, Protocol.CHAP):
            self.unwelcome += 1  # nothing but LCP before it is open, nothing else before authentication
        elif protocol == Protocol.IPCP and self._ipcp is not None:
            self._ipcp_outputs(self._ipcp.receive(information, now), now)
        elif protocol == Protocol.IPV6CP and self._ipv6cp is not None:
            self._ipv6cp_outputs(self._ipv6cp.receive(information, now))
        else:
            self._unknown(protocol, information)

    def _unknown(self, protocol: int, information: bytes) -> None:
        """A protocol that is not ours: CCP and ECP, or IPv6 where nobody wants it (RFC 1661 section 5.7)."""
        self.unwelcome += 1
        seen = self._rejects.get(protocol, 0)
        if (
            self.phase is not Phase.NETWORK
            or seen >= REJECTS
            or (not seen and len(self._rejects) >= REJECTED_PROTOCOLS)
        ):
            return
        self._rejects[protocol] = seen + 1
        self._send_lcp(self._lcp.reject_protocol(protocol, information))

    # --- what the layers say

    def _lcp_outputs(self, outputs: Sequence[Output], now: float) -> None:
        over = False
        for output in outputs:
            if isinstance(output, bytes):
                self._send_lcp(output)
            elif output is Outcome.UP:
                self._lcp_up(now)
            elif output is Outcome.DOWN:
                over = self._lcp_down(now) or over
            else:
                over = True
        lcp = self._lcp
        if lcp.looped:
            self._down(Down(Cause.LOOPED, LOOPED))
        elif over or lcp.lost or (self.phase is Phase.TERMINATE and lcp.automaton.state is State.CLOSED):
            self._down(Down(lcp.cause, lcp.reason))
        rejected, lcp.rejected_protocol = lcp.rejected_protocol, None
        if rejected is not None:
            self._rejected(rejected, now)

    def _lcp_up(self, now: float) -> None:
        lcp, settings = self._lcp, self.settings
        self._decoder.expect(lcp.agreed.accm)
        self._path = Datapath(lcp.peer, settings.mtu, self.figures)
        lcp.liveness.start(now)
        self._gate = Gate(
            lcp.peer.authentication,
            lcp.agreed.authentication,
            settings.credentials,
            settings.secret_of,
            self._random,
            settings.name,
            settings.rechallenge,
        )
        if self._gate.passed:
            self._network(now)
            return
        self.phase = Phase.AUTHENTICATE
        self._lcp.hint = "while authenticating"
        self._act(Stage("authenticating"))
        self._gate_outputs(self._gate.start(now), now)

    def _lcp_down(self, now: float) -> bool:
        """LCP is not open any more; True if that is the end."""
        self._lcp.liveness.stop()
        self._decoder.expect(ALL_CONTROLS)
        self._gate = self._ipcp = self._ipv6cp = None
        self._path = Datapath(self._lcp.peer, self.settings.mtu, self.figures)
        if self.phase is Phase.TERMINATE or self._lcp.automaton.state is State.STOPPING:
            return self.phase is not Phase.TERMINATE
        if self._too_restless(now):
            return True
        self.phase = Phase.ESTABLISH
        self._lcp.hint = ""
        self._act(Stage("negotiating"))
        return False

    def _too_restless(self, now: float) -> bool:
        """An open layer starts over; True if that has happened too often."""
        self._patience = now + self.settings.patience
        self._restarts += 1
        if self._restarts > RESTARTS:
            self._lcp.because(Cause.DISAGREED, "the peer starts over again and again")
        return self._restarts > RESTARTS

    def _rejected(self, protocol: int, now: float) -> None:
        """The peer does not know a protocol of ours."""
        if protocol == Protocol.IPCP and self._ipcp is not None and self.phase is Phase.NETWORK:
            self._ipcp_outputs(self._ipcp.refused(now), now)
        elif protocol == Protocol.IPV6CP and self._ipv6cp is not None:
            self._ipv6cp_outputs(self._ipv6cp.refused(now))
        elif protocol in (Protocol.VJ_COMPRESSED, Protocol.VJ_UNCOMPRESSED):
            self._path.compressor = None

    def _gate_outputs(self, outputs: Sequence[GateOutput], now: float) -> None:
        for output in outputs:
            if isinstance(output, Refused | Unproven):
                cause = Cause.REFUSED if isinstance(output, Refused) else Cause.UNPROVEN
                self._fail(cause, output.reason, now)
                return
            self._send(*output)
        gate = self._gate
        if gate is None or self.phase is not Phase.AUTHENTICATE:
            return
        if gate.passed:
            self._network(now)
        elif outputs and gate.only_we and self._ipcp is None and self.settings.early_ipcp:
            self._start_ipcp(now)  # with the password or the response, see the module's docstring

    def _network(self, now: float) -> None:
        self.phase = Phase.NETWORK
        self._lcp.hint = self._lcp.unmet or "before IP was up"
        self._act(Stage("configuring"))
        if self._ipcp is None:
            self._start_ipcp(now)
        else:
            self._ipcp_outputs(self._ipcp.repeat(now), now)
        if self.settings.ipv6:
            self._ipv6cp = Ipv6cp(self.settings.limits, self._random)
            self._ipv6cp_outputs(self._ipv6cp.start(now))

    def _start_ipcp(self, now: float) -> None:
        self._ipcp = Ipcp(self.settings.ipcp, self.settings.limits, self._random)
        self._ipcp_outputs(self._ipcp.start(now), now)

    def _ipcp_outputs(self, outputs: Sequence[Output], now: float) -> None:
        ipcp = self._ipcp
        if ipcp is None:
            return
        for output in outputs:
            if isinstance(output, bytes):
                self._send(ipcp.protocol, output)
            elif output is Outcome.UP:
                self._path.open_ipv4(ipcp.send_vj, ipcp.receive_vj)
                self._patience = None
                self._lcp.hint = ""
                if not ipcp.reason:
                    self._act(Up(self._result(ipcp)))
            else:
                self._path.close_ipv4()
                if not ipcp.reason and not self._too_restless(now):
                    self._act(Stage("configuring"))
        if self._restarts > RESTARTS:
            self._fail(self._lcp.cause, self._lcp.reason, now)
        if ipcp.reason:
            self._fail(ipcp.cause, ipcp.reason, now)

    def _result(self, ipcp: Ipcp) -> Result:
        lcp, gate = self._lcp, self._gate
        ours = lcp.peer.authentication
        return Result(
            local=ipcp.local,
            peer=ipcp.peer,
            dns=ipcp.dns,
            mtu=self._path.mtu,
            mru=lcp.agreed.mru,
            authentication="" if ours is None else ours.title,
            peer_name="" if gate is None else gate.peer_name,
            message="" if gate is None else gate.message,
            vj_send=0 if ipcp.send_vj is None else ipcp.send_vj.slots,
            vj_receive=0 if ipcp.receive_vj is None else ipcp.receive_vj.slots,
        )

    def _ipv6cp_outputs(self, outputs: Sequence[Output]) -> None:
        ipv6cp = self._ipv6cp
        if ipv6cp is None:
            return
        for output in outputs:
            if isinstance(output, bytes):
                self._send(ipv6cp.protocol, output)
                continue
            self._path.ipv6 = output is Outcome.UP
            if output is Outcome.UP:
                self._act(Ipv6Up(ipv6cp.local, ipv6cp.peer))

    # --- the end

    def _fail(self, cause: Cause, reason: str, now: float) -> None:
        """End it, for the first reason that there was."""
        if self._why is not None or self.phase is Phase.DEAD:
            return
        self._why = Down(cause, reason)
        self.phase = Phase.TERMINATE
        # Why we hang up (who said so, which limit is reached) is none of the peer's business.
        self._lcp_outputs(self._lcp.close(now, FAREWELL if cause is Cause.ASKED else reason), now)

    def _down(self, down: Down) -> None:
        if self.phase is Phase.DEAD:
            return
        self.phase = Phase.DEAD
        self._over = True
        self._gate = self._ipcp = self._ipv6cp = None
        self._texts.deadline = self._patience = None
        self._path = Datapath(self._lcp.peer, self.settings.mtu, self.figures)
        self._lcp.automaton.deadline = None
        self._lcp.liveness.stop()
        self._act(self._why or down)

    # --- actions

    def _send_lcp(self, packet: bytes) -> None:
        """LCP is always sent as if nothing were agreed (RFC 1662 section 7.1)."""
        if packet:
            self._wire.append(self._plain.encode((ADDRESS_CONTROL + b"\xc0\x21" + packet,)))

    def _send(self, protocol: int, packet: bytes) -> None:
        self._wire.append(self._path.control(protocol, packet))

    def _act(self, action: Action) -> None:
        self._settle()
        self._actions.append(action)

    def _settle(self) -> None:
        """Put what has been gathered before the next action."""
        if self._packets:
            self._actions.append(Deliver(tuple(self._packets)))
            self._packets.clear()
        if self._wire:
            self._actions.append(Transmit(b"".join(self._wire)))
            self._wire.clear()

    def _done(self) -> list[Action]:
        self._settle()
        actions, self._actions = self._actions, []
        return actions
