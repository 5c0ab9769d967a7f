"""Asking servers until one answers.  Pure.

An exchange goes to the best server; without an answer in time, or with one that
another may do better, to the next.  A truncated answer is fetched by TCP.
Without a link the exchange is held, and a link is asked for: for each client and
name that waits, so that each is judged by itself (wishes.py).  Only questions of
clients ask for one; a copy for a server that failed goes out when a link is there
anyway.

What becomes of an exchange is told to ``outcomes``: it is finished, it failed,
or it takes so long that an outdated answer would be kinder.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from ics_plugins.lan.dns.actions import (
    Abandon,
    Action,
    Counters,
    Dial,
    Forward,
    ForwardTcp,
    Happened,
    Waiter,
)
from ics_plugins.lan.dns.exchange import Exchange, WaitingRoom
from ics_plugins.lan.dns.held import Held
from ics_plugins.lan.dns.servers import Server, Servers
from ics_plugins.lan.dns.tries import Tries, Try
from ics_plugins.lan.dns.wishes import Wishes
from icsframework.errors import WireError
from icsframework.protocols.dns.build import Ede, query_message
from icsframework.protocols.dns.message import Flag, Rcode, Response, parse_response
from icsframework.values import Endpoint

__all__ = ["TCP_TIMEOUT", "Forwarder", "Outcomes"]

TIMEOUTS = (1.0, 1.0, 2.0, 3.0)
"""Seconds each try gets; together less than the 10 s after which a stub resolver gives up."""
TCP_TIMEOUT = 5.0
"""Seconds for a try by TCP: a handshake more than by UDP, on a line that may be slow."""
STALE_PATIENCE = 1.8
"""Seconds until an outdated answer is given while servers are still asked (RFC 8767 section 5)."""
PATIENCE = 20.0
"""Seconds after which nobody waits for a held question by UDP any more: a stub resolver has repeated it (after 5 to 10) or given up."""
TRY_NEXT = frozenset({Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR})
"""What another server may do better."""


class Outcomes(Protocol):
    """Who wants to know what becomes of exchanges."""

    def servers_for(self, exchange: Exchange) -> Sequence[Endpoint] | None:
        """The servers configured for this exchange; None or empty for those of the uplink."""

    def finished(self, exchange: Exchange, data: bytes, response: Response, now: float) -> list[Action]:
        """A server has answered."""

    def failed(self, exchange: Exchange, code: int, reason: str, now: float) -> list[Action]:
        """Nobody answers; ``code`` is an extended error."""

    def refused(
        self, exchange: Exchange, waiters: Sequence[Waiter], code: int, reason: str, now: float
    ) -> list[Action]:
        """These of its waiters cannot be helped; others may."""

    def slow(self, exchange: Exchange, now: float) -> list[Action]:
        """It takes longer than anybody likes to wait."""


class Forwarder:
    """All exchanges with servers, over the active uplink."""

    def __init__(
        self, room: WaitingRoom, outcomes: Outcomes, counters: Counters, random: Callable[[int], int]
    ) -> None:
        self.servers = Servers()
        self.uplink_servers: tuple[Endpoint, ...] = ()
        self.is_up = False
        self._room = room
        self._outcomes = outcomes
        self._counters = counters
        self._tries = Tries(random)
        self._held = Held()
        self._wishes = Wishes(lambda wish: bool(self._held.waiters(wish)))

    # --- questions to servers

    def start(self, exchange: Exchange, now: float) -> list[Action]:
        """Ask for it, or for a link."""
        if not self.is_up:
            return self._hold(exchange, now)
        exchange.servers = self._outcomes.servers_for(exchange) or self.uplink_servers
        if not exchange.servers:
            return self._fail(exchange, Ede.NETWORK_ERROR, "the uplink has named no DNS server", now)
        actions = self._try(exchange, now)
        probed = self.servers.due(exchange.servers, now)
        if probed is not None and not exchange.tcp and probed.endpoint not in exchange.tried:
            actions += self._send(exchange, probed, now, probe=True)
        return actions

    def _hold(self, exchange: Exchange, now: float) -> list[Action]:
        self._held.add(exchange, now)
        return [a for waiter in tuple(exchange.waiters) for a in self._want(exchange, waiter, now)]

    def joined(self, exchange: Exchange, waiter: Waiter, now: float) -> list[Action]:
        """One more waits for this exchange: without a link, is one to be dialled for this client, too?"""
        return self._want(exchange, waiter, now) if exchange in self._held else []

    def _want(self, exchange: Exchange, waiter: Waiter, now: float) -> list[Action]:
        wish = self._held.wish(exchange, waiter)
        reason = self._wishes.refusal(wish, now)
        if reason is not None:
            return self._send_away(exchange, [waiter], Ede.PROHIBITED, reason, now)
        return self._asked(self._wishes.want(wish))

    def _asked(self, wishes: Sequence[Dial]) -> list[Action]:
        self._counters.dials += len(wishes)
        return list(wishes)

    def _send_away(
        self, exchange: Exchange, waiters: Sequence[Waiter], code: int, reason: str, now: float
    ) -> list[Action]:
        self._counters.prohibited += len(waiters) if code == Ede.PROHIBITED else 0
        actions = self._outcomes.refused(exchange, waiters, code, reason, now)
        if not exchange.waiters:
            self._held.discard(exchange)
            self._room.close(exchange)
        return actions

    def _try(self, exchange: Exchange, now: float) -> list[Action]:
        server = self.servers.choose(exchange.servers, exchange.tried)
        exchange.tried.append(server.endpoint)
        return self._send_tcp(exchange, server, now) if exchange.tcp else self._send(exchange, server, now)

    def _send(self, exchange: Exchange, server: Server, now: float, probe: bool = False) -> list[Action]:
        until = now + TIMEOUTS[min(exchange.timeouts, len(TIMEOUTS) - 1)]
        key = self._tries.add_udp(Try(exchange, server, probe), until)
        if key is None:
            return [] if probe else self._fail(exchange, Ede.NOT_READY, "no id is free", now)
        self._counters.forwarded += 1
        return [Forward(server.endpoint, key[0], _message(exchange, key[2]))]

    def _send_tcp(self, exchange: Exchange, server: Server, now: float) -> list[Action]:
        token, ident = self._tries.add_tcp(Try(exchange, server, tcp=True), now + TCP_TIMEOUT)
        self._counters.forwarded += 1
        return [ForwardTcp(server.endpoint, token, _message(exchange, ident))]

    # --- answers of servers

    def answered(self, slot: int, source: tuple[str, int], data: bytes, now: float) -> list[Action]:
        """A datagram came from ``source`` to socket ``slot``."""
        key = (slot, source, int.from_bytes(data[:2]))
        attempt = self._tries.get(key)
        response = _accept(attempt.exchange, data) if attempt is not None else None
        if attempt is None or response is None:
            self._counters.unexpected += 1
            return []
        self._tries.remove(key)
        actions = _alive(attempt.server)
        exchange = attempt.exchange
        if exchange.done:
            return actions
        if response.truncated and exchange.key is not None:
            exchange.fallback = data, response
            return actions + self._send_tcp(exchange, attempt.server, now)
        return actions + self._decide(exchange, data, response, now)

    def answered_tcp(self, token: int, data: bytes | None, now: float) -> list[Action]:
        """What came of a ForwardTcp: a message, or None for a connection that failed."""
        attempt = self._tries.take_tcp(token)
        if attempt is None:
            return []
        response = _accept(attempt.exchange, data) if data is not None else None
        if response is None or data is None:
            return self._missed(attempt, now)
        actions = _alive(attempt.server)
        return (
            actions
            if attempt.exchange.done
            else actions + self._decide(attempt.exchange, data, response, now)
        )

    def _decide(self, exchange: Exchange, data: bytes, response: Response, now: float) -> list[Action]:
        if response.rcode not in TRY_NEXT:
            return self._outcomes.finished(exchange, data, response, now)
        if response.question:
            exchange.fallback = data, response
        if exchange.has_untried_server:
            return self._try(exchange, now)
        return self._exhausted(exchange, "no server could answer", now)

    def _exhausted(self, exchange: Exchange, reason: str, now: float) -> list[Action]:
        """All servers are through: the best of what they said, or nothing."""
        if exchange.fallback is not None:
            return self._outcomes.finished(exchange, *exchange.fallback, now)
        return self._fail(exchange, Ede.NO_REACHABLE_AUTHORITY, reason, now)

    def _fail(self, exchange: Exchange, code: int, reason: str, now: float) -> list[Action]:
        self._held.discard(exchange)
        return self._outcomes.failed(exchange, code, reason, now)

    # --- time

    def deadline(self) -> float | None:
        """When to call ``timeout``, or None while nothing waits."""
        times = [self._tries.deadline(), self._held.deadline()]
        return min((time for time in times if time is not None), default=None)

    def timeout(self, now: float) -> list[Action]:
        """Some time may have come."""
        actions: list[Action] = []
        for key, attempt in self._tries.expired(now):
            if attempt.tcp:
                actions.append(Abandon(key[2]))
            actions += self._missed(attempt, now)
        for exchange in self._held.expired(now):
            actions += self._fail(exchange, Ede.NETWORK_ERROR, "no link came up in time", now)
        return actions

    def _missed(self, attempt: Try, now: float) -> list[Action]:
        exchange, server = attempt.exchange, attempt.server
        actions: list[Action] = []
        # A server that answers by UDP is not broken because its port 53/tcp is.
        if not attempt.tcp and server.missed(now):
            actions.append(Happened("dns.upstream.failed", {"server": str(server.endpoint)}))
        if exchange.done or attempt.probe:
            return actions
        exchange.timeouts += 1
        if exchange.timeouts >= len(TIMEOUTS):
            return actions + self._exhausted(exchange, "no server answers", now)
        if now - exchange.started >= STALE_PATIENCE:
            actions += self._outcomes.slow(exchange, now)
        return actions + self._try(exchange, now)

    # --- the link

    def uplink_up(self, servers: Sequence[Endpoint], now: float) -> list[Action]:
        """There is a link (or another one) with these servers; whatever is on its way is asked anew."""
        self.is_up, self.uplink_servers = True, tuple(servers)
        self._wishes.fulfilled()
        held = self._held.all()
        for exchange in held:
            self._held.discard(exchange)
            self._room.leave_before(exchange, now - PATIENCE)
        return self._restart([*held, *self._tries.withdraw()], now)

    def uplink_down(self, now: float) -> list[Action]:
        """There is no link; what is on its way is held until there is one."""
        if not self.is_up:
            return []
        self.is_up = False
        return self._restart(self._tries.withdraw(), now)

    def _restart(self, exchanges: Sequence[Exchange], now: float) -> list[Action]:
        actions: list[Action] = []
        for exchange in exchanges:
            if exchange.waiters:
                exchange.begin_anew()
                actions += self.start(exchange, now)
            else:
                self._room.close(exchange)
        return actions

    # --- what comes of a Dial

    def dial_granted(self, wish: Dial) -> list[Action]:
        """There is a link; ``uplink_up`` follows, or came before."""
        return self._asked(self._wishes.over(wish))

    def dial_refused(self, wish: Dial, reason: str, now: float) -> list[Action]:
        """A rule or a limit forbids to dial for this client and name; others wait on."""
        if not self.is_up:
            self._wishes.refuse(wish, reason, now)
        return self._dial_over(wish, Ede.PROHIBITED, reason, now)

    def dial_failed(self, wish: Dial, reason: str, now: float) -> list[Action]:
        """It was tried in vain, or cannot be tried now."""
        return self._dial_over(wish, Ede.NETWORK_ERROR, reason, now)

    def _dial_over(self, wish: Dial, code: int, reason: str, now: float) -> list[Action]:
        actions = [
            action
            for exchange, waiters in self._held.waiters(wish)
            for action in self._send_away(exchange, waiters, code, reason, now)
        ]
        return actions + self._asked(self._wishes.over(wish))

    def unusable(self, reason: str, now: float) -> list[Action]:
        """There is a link, and servers cannot be asked over it."""
        return [
            action
            for exchange in self._held.all()
            for action in self._fail(exchange, Ede.NETWORK_ERROR, reason, now)
        ]


def _message(exchange: Exchange, ident: int) -> bytes:
    """The query; one that is passed on as it is gets a new id and nothing else."""
    if exchange.key is not None:
        return query_message(ident, exchange.query)
    return ident.to_bytes(2) + exchange.raw[2:]


def _accept(exchange: Exchange, data: bytes) -> Response | None:
    """The response, if it belongs to the question asked."""
    try:
        response = parse_response(data)
    except WireError:
        return None
    query = exchange.query
    asked = response.question[:-4].lower() + response.question[-4:] == query.folded
    # Some servers answer what they do not understand with a bare header.
    bare = not response.question and response.rcode in TRY_NEXT
    return response if (asked or bare) and (response.flags ^ query.flags) & Flag.OPCODE == 0 else None


def _alive(server: Server) -> list[Action]:
    return [Happened("dns.upstream.recovered", {"server": str(server.endpoint)})] if server.answered() else []
