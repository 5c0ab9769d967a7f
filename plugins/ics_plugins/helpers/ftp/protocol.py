"""One FTP control connection (RFC 959) through the gateway.  Pure: bytes and the time in, actions out.

Both directions are cut into lines.  A line is passed on as it came, except

* PORT and EPRT of a client behind us: a port is opened that leads to it, and the line names that one;
* 227 and 229 of a published server behind us, in answer to PASV and EPSV: the same the other way round;
* commands that name somebody else's address (bounce, RFC 2577), and those that cannot be helped: we answer them.

While an Open is unanswered the lines behind it wait; so do those behind AUTH
(RFC 4217, 2228), after whose consent the rest is encrypted and passes untouched.
A port lives until the reply that ends its transfer, the next PORT, or LIFETIME.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ics_plugins.helpers.ftp.answers import (
    BOUNCE,
    EXPIRED,
    LONG_FORM,
    NO_PASSIVE_PORT,
    NO_PORT,
    OTHER_FAMILY,
    SYNTAX,
    Counters,
)
from ics_plugins.helpers.ftp.commands import (
    ANNOUNCING,
    TLS_HANDSHAKE,
    Command,
    FtpSyntaxError,
    UnknownFamily,
    format_eprt,
    format_port,
    is_http,
    parse_command,
    parse_eprt,
    parse_port,
)
from ics_plugins.helpers.ftp.dialogue import Dialogue, Kind, Pending, TooManyCommands
from ics_plugins.helpers.ftp.lines import Lines, LineTooLong
from ics_plugins.helpers.ftp.outbox import Outbox
from ics_plugins.helpers.ftp.ports import LIFETIME, Expectation, Ports
from ics_plugins.helpers.ftp.replies import Reply, ReplyReader, parse_227, parse_229, with_endpoint, with_port
from icsframework.values import (
    Action,
    End,
    Endpoint,
    Flow,
    Mapping,
    Refused,
    Side,
    StepAside,
)

__all__ = ["LOWEST_DATA_PORT", "MAX_HELD", "FtpSession"]

LOWEST_DATA_PORT = 1024
"""Lower ones are services, and no data connection goes there (RFC 2577 section 3)."""
MAX_HELD = 262144
"""Bytes that wait behind an Open or AUTH; the shell stops reading long before, a client that waits sends none."""

MAX_EMPTY = 4096
"""Empty lines of a client, which no server answers: more than any person types."""
EMPTY = (b"\r\n", b"\n")

TRANSFERS = frozenset({b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD"})
"""Commands that use the data connection (RFC 959 section 4.1.3, RFC 3659)."""
OVER = frozenset({225, 226, 250, 425, 426})
"""Replies to a transfer after which its port is of no use, though no preliminary one came.

Refused before it began (550: no such file) it may be tried again by the same port: PORT holds until the next (RFC 959 section 3.2).
"""
PASSIVE = {b"PASV": Kind.PASV, b"EPSV": Kind.EPSV}
LONG = frozenset({b"LPRT", b"LPSV"})
"""RFC 1639: experimental, replaced by RFC 2428; clients fall back to that or to PORT."""


class FtpSession:
    """Provides ISession.  ``lifetime`` in seconds: how long a port waits for its transfer."""

    def __init__(self, flow: Flow, counters: Counters | None = None, lifetime: float = LIFETIME) -> None:
        self._flow, self._counters = flow, counters or Counters()
        self._outbound = flow.direction == "outbound"
        self._lines = {side: Lines() for side in Side}
        self._replies, self._dialogue = ReplyReader(), Dialogue()
        self._out = Outbox()
        self._ports = Ports(self._out, flow.peer.address, lifetime)
        self._ended: set[Side] = set()
        self._over = self._heard = False
        self._empty = 0

    # --- ISession

    def received(self, side: Side, data: bytes, now: float) -> Sequence[Action]:
        """See ISession."""
        if not self._over:
            self._lines[side].feed(data)
            self._within_bounds(self._proceed, side)
        return self._out.take()

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> Sequence[Action]:
        """See ISession."""
        side = self._ports.whose(token)
        if side is not None and not self._over:
            self._within_bounds(self._ports.answered, side, result, now)
            self._within_bounds(self._proceed, side)
        return self._out.take()

    def closed(self, side: Side, now: float) -> Sequence[Action]:
        """See ISession."""
        self._ended.add(side)
        self._within_bounds(self._proceed, side)
        return self._out.take()

    def timeout(self, now: float) -> Sequence[Action]:
        """See ISession: ports that nobody used."""
        self._ports.expire(now, in_use=self._dialogue.waits_for(Kind.TRANSFER))
        return self._out.take()

    def deadline(self) -> float | None:
        """See ISession."""
        return None if self._over else self._ports.deadline()

    # --- the two streams

    def _within_bounds(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do it; whoever oversteps a bound ends the session."""
        try:
            work(*arguments)
        except LineTooLong as error:
            self._counters.too_long += 1
            self._end(str(error))
        except TooManyCommands as error:
            self._counters.too_many += 1
            self._end(str(error))
        for side, lines in self._lines.items():
            if len(lines) > MAX_HELD:
                self._end(f"the {side.value} sent more than {MAX_HELD} bytes while it had to wait")

    def _proceed(self, side: Side) -> None:
        """Deal with the lines of this side, as far as they need not wait."""
        lines, handle = self._lines[side], self._command if side is Side.CLIENT else self._reply
        if side is Side.CLIENT and not self._heard and lines.starts_with(TLS_HANDSHAKE):
            self._counters.encrypted += 1
            self._step_aside()
        while not self._over and not self._waits(side):
            line = lines.next(side.value)
            if line is None:
                self._end_of(side)
                return
            handle(line)

    def _waits(self, side: Side) -> bool:
        """For the answer to an Open, or to AUTH: what is sent behind that may be ciphertext, unless nothing follows."""
        if self._ports.is_asked(side):
            return True
        return side is Side.CLIENT and side not in self._ended and self._dialogue.waits_for(Kind.AUTH)

    def _end_of(self, side: Side) -> None:
        """What a side that has closed left behind is no line, and goes as it is; half an announcement does not."""
        if side in self._ended and len(self._lines[side]):
            rest = self._lines[side].rest()
            if side is Side.SERVER or parse_command(rest).verb not in ANNOUNCING:
                self._out.send(side.other, rest)

    def _end(self, reason: str) -> None:
        self._over = True
        self._out.add(End(reason))
        for lines in self._lines.values():
            lines.rest()

    def _step_aside(self) -> None:
        """Nothing more to read here: what was held goes out, what is open goes."""
        self._ports.close_all()
        for side in Side:
            self._out.send(side.other, self._lines[side].rest())
        self._over = True
        self._out.add(StepAside())

    # --- what the client says

    def _command(self, line: bytes) -> None:
        if line in EMPTY:
            self._pass_empty(line)
            return
        if not self._heard and is_http(line):
            self._counters.not_ftp += 1
            self._out.send(Side.SERVER, line)
            self._step_aside()
            return
        self._heard = True
        command = parse_command(line)
        if command.hidden:
            self._bounced(command)
        elif command.verb in (b"PORT", b"EPRT"):
            self._announced(command)
        elif command.verb in LONG and (command.verb in ANNOUNCING or not self._outbound):
            self._answer(LONG_FORM)
        elif command.verb in TRANSFERS and self._ports.is_stale:
            self._counters.expired += 1
            self._answer(EXPIRED)
        else:
            self._pass(command, line)

    def _pass(self, command: Command, line: bytes) -> None:
        """A command that the server may have as it is."""
        kind = Kind.OTHER
        if command.verb in TRANSFERS:
            kind = Kind.TRANSFER
        elif command.verb == b"AUTH":
            kind = Kind.AUTH
        elif command.verb in PASSIVE and command.argument.upper() != b"ALL":
            kind = PASSIVE[command.verb]
            self._begin_anew()
        self._out.send(Side.SERVER, line)
        self._dialogue.sent(Pending(kind))

    def _pass_empty(self, line: bytes) -> None:
        """No command: whether there is an answer nobody knows, so none is waited for."""
        self._empty += 1
        if self._empty > MAX_EMPTY:
            raise TooManyCommands(f"the client sent {MAX_EMPTY} empty lines")
        self._out.send(Side.SERVER, line)

    def _begin_anew(self) -> None:
        """The client asks for another data connection; the former port goes, unless commands are still under way."""
        self._ports.is_stale = False
        if not len(self._dialogue):
            self._ports.done()

    def _announced(self, command: Command) -> None:
        """PORT or EPRT: the client waits at an address for the server to connect (RFC 959 section 4.1.2)."""
        own, port_form = self._flow.client.address, command.verb == b"PORT"
        try:
            endpoint = (parse_port if port_form else parse_eprt)(command.argument)
        except UnknownFamily:
            self._answer(OTHER_FAMILY[own.version])
        except FtpSyntaxError:
            self._counters.unreadable += 1
            self._answer(SYNTAX)
        else:
            write = format_port if port_form else format_eprt
            if not port_form and endpoint.address.version != own.version:
                self._answer(OTHER_FAMILY[own.version])
            elif endpoint.address != own or endpoint.port < LOWEST_DATA_PORT:
                self._bounced(command)
            elif self._outbound:
                self._begin_anew()
                granted = partial(self._announce, command, write)
                self._ports.ask(Side.CLIENT, endpoint, granted, partial(self._no_port, None, NO_PORT))
            else:
                self._begin_anew()
                self._out.send(Side.SERVER, command.with_argument(write(endpoint)))
                self._dialogue.sent(Pending(Kind.PORT))

    def _announce(
        self,
        command: Command,
        write: Callable[[Endpoint], bytes],
        expectation: Expectation,
        external: Endpoint,
    ) -> None:
        self._out.send(Side.SERVER, command.with_argument(write(external)))
        self._dialogue.sent(Pending(Kind.PORT, expectation))

    def _bounced(self, command: Command) -> None:
        self._counters.bounces += 1
        said = command.argument[:80].decode("ascii", "backslashreplace")
        self._counters.last_bounce = f"{self._flow.client}: {command.verb.decode('latin-1')[:8]} {said}"
        self._answer(BOUNCE)

    def _answer(self, text: bytes) -> None:
        """Answer the client in place of the server, when it is our turn."""
        self._dialogue.sent(Pending(Kind.OURS, text=text))
        self._answer_due()

    def _answer_due(self) -> None:
        if not self._replies.is_inside:
            self._out.send(Side.CLIENT, self._dialogue.due())

    def _no_port(self, pending: Pending | None, text: bytes) -> None:
        """Say so in place of the server, or of what the server said."""
        self._counters.no_port += 1
        if pending is None:
            self._answer(text)
        else:
            self._settle(pending, text)

    # --- what the server says

    def _reply(self, line: bytes) -> None:
        reply = self._replies.read(line)
        if reply is not None and reply.is_preliminary:
            self._dialogue.begins()
        pending = None if reply is None or reply.is_preliminary else self._dialogue.find(reply)
        if reply is None or pending is None:
            self._out.send(Side.CLIENT, line)
            self._answer_due()
        elif not self._outbound and reply.code in (227, 229) and self._listening(pending, reply, line):
            return
        else:
            self._settle(pending, line)
            self._meant(pending, reply)

    def _listening(self, pending: Pending, reply: Reply, line: bytes) -> bool:
        """A published server waits for its client: at a port of its own, whatever address it names."""
        if pending.kind is not (Kind.PASV if reply.code == 227 else Kind.EPSV):
            return False
        try:
            port = parse_227(line).port if reply.code == 227 else parse_229(line)
        except FtpSyntaxError:
            self._counters.unreadable += 1
            self._settle(pending, NO_PASSIVE_PORT)
            return True
        rewrite = with_endpoint if reply.code == 227 else with_port
        to = Endpoint(self._flow.server.address, port)
        granted = partial(self._invite, pending, line, rewrite)
        self._ports.ask(Side.SERVER, to, granted, partial(self._no_port, pending, NO_PASSIVE_PORT))
        return True

    def _invite(
        self,
        pending: Pending,
        line: bytes,
        rewrite: Callable[[bytes, Endpoint], bytes],
        expectation: Expectation,
        external: Endpoint,
    ) -> None:
        self._ports.agree(expectation)
        self._settle(pending, rewrite(line, external))

    def _settle(self, pending: Pending, line: bytes) -> None:
        """The reply to ``pending``, and then our own that waited for it."""
        self._dialogue.answered(pending)
        self._out.send(Side.CLIENT, line)
        self._answer_due()

    def _meant(self, pending: Pending, reply: Reply) -> None:
        """What follows from the reply."""
        if pending.kind in (Kind.PORT, Kind.PASV, Kind.EPSV):
            if reply.is_positive:
                self._ports.agree(pending.expectation)
            elif pending.expectation is not None:
                self._ports.close(pending.expectation)
        elif pending.kind is Kind.TRANSFER and (pending.began or reply.code in OVER):
            self._ports.done()
        elif pending.kind is Kind.AUTH:
            self._authenticated(reply)

    def _authenticated(self, reply: Reply) -> None:
        """RFC 4217 section 4.1: after 234 (or 334, RFC 2228) the rest is not for us; after a refusal all is as before."""
        if reply.code in (234, 334):
            self._counters.encrypted += 1
            self._step_aside()
        else:
            self._proceed(Side.CLIENT)
