"""The DNS proxy (RFC 5625).  Pure: questions, answers and the time go in, actions come out.

A question is answered from what is known here (local.py), from what is
remembered (cache.py), or it becomes an *exchange*: equal questions join it, one
query goes to a server and, when there is no answer in time, to the next.
Without a link the exchange is held and the Internet is asked for.  When nobody
answers, an outdated answer is better than none (RFC 8767), else SERVFAIL with
the reason (RFC 8914).

A question that is more than question and flags (TSIG, unknown EDNS options,
other opcodes) is passed on octet by octet, never joined and never remembered
(RFC 5625 section 4).

An answer counts only if it comes from the server asked, to the socket asked
from, with the id and the question asked (RFC 5452 section 9.1); socket and id
are chosen by ``random``.  Everything a client can make grow has a bound below.

What is left out here: DNSSEC validation, and EDNS towards servers when the
client has none.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count

from ics_plugins.lan.dns.actions import (
    Abandon,
    Action,
    Answer,
    Asker,
    Counters,
    Dial,
    Forward,
    ForwardTcp,
    Happened,
    Resolved,
    Waiter,
)
from ics_plugins.lan.dns.cache import Answer as CachedAnswer
from ics_plugins.lan.dns.cache import AnswerCache, Key, key_of
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.local import LocalNames
from ics_plugins.lan.dns.servers import Server, Servers
from ics_plugins.lan.dns.view import LanView
from icsframework.errors import WireError
from icsframework.protocols.dns.build import Ede, formerr, query_message, reply, truncated
from icsframework.protocols.dns.message import (
    EdnsOption,
    Opcode,
    Rcode,
    Response,
    parse_query,
    parse_response,
)
from icsframework.protocols.dns.name import name_to_text
from icsframework.values import Address, Endpoint, Lan, NameRecord

__all__ = ["SLOTS", "DnsProxy"]

SLOTS = 32
"""Sockets towards servers: 5 more bits an attacker must guess, for 10 % of the speed (RFC 5452 section 9.2)."""
TIMEOUTS = (1.0, 1.0, 2.0, 3.0)
"""Seconds each try gets; together less than the 10 s after which a stub resolver gives up."""
TCP_TIMEOUT = 5.0
"""Seconds for a try by TCP: a handshake more than by UDP, on a line that may be slow."""
STALE_PATIENCE = 1.8
"""Seconds until an outdated answer is given while servers are still asked (RFC 8767 section 5)."""
RECHECK = 30.0
"""Seconds an outdated answer is given at once after all servers failed (RFC 8767 section 5)."""
HOLD = 60.0
"""Seconds a question waits for a link; dialling a modem takes up to 45."""
PATIENCE = 20.0
"""Seconds after which nobody waits for a held question any more, so it gets no answer when the link comes."""
RETRANSMISSION = 1.0
"""Seconds; an equal question of the same client after this replaces the one before, whatever its port."""
MAX_WAITING = 4096
"""Questions waiting in total: 1 MB or so, and a burst of a whole school."""
MAX_WAITING_CLIENT = 256
"""Questions waiting for one client: a browser's session restored, not a flood."""
MAX_DRAWS = 16
"""Random ids drawn until one is free; with MAX_WAITING of 2 million taken, the second is one in practice."""
TRY_NEXT = frozenset({Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR})
"""What another server may do better."""
BADVERS = 16
"""RFC 6891 section 6.1.3."""
MAX_TCP = 65535
"""Octets of a message by TCP (RFC 1035 section 4.2.2)."""
MAX_EXPLANATION = 128
"""Octets of one extended error of a server that are passed on."""

TryKey = tuple[int, tuple[str, int], int]
"""Socket, source address and id by which an answer is recognised; TCP: -1, ("", 0) and the token."""


class _Exchange:
    """A question on its way, and everybody who waits for it."""

    __slots__ = (
        "done",
        "fallback",
        "key",
        "query",
        "raw",
        "servers",
        "started",
        "tcp",
        "timeouts",
        "tried",
        "waiters",
    )

    def __init__(self, key: Key | None, waiter: Waiter, now: float) -> None:
        self.key = key
        self.query = waiter.query
        self.raw = waiter.raw
        self.tcp = bool(waiter.asker.connection)
        self.started = now
        self.waiters: list[Waiter] = []
        self.servers: Sequence[Endpoint] = ()
        self.tried: list[Endpoint] = []
        self.timeouts = 0
        self.fallback: tuple[bytes, Response] | None = None
        self.done = False


class _Try:
    """One query to one server.  A probe is a copy to a failed server; it never moves the exchange on."""

    __slots__ = ("exchange", "probe", "server", "tcp")

    def __init__(self, exchange: _Exchange, server: Server, probe: bool = False, tcp: bool = False) -> None:
        self.exchange, self.server, self.probe, self.tcp = exchange, server, probe, tcp


class DnsProxy:
    """One proxy for all LANs.  ``random(n)`` returns an unpredictable number below n."""

    def __init__(self, random: Callable[[int], int]) -> None:
        self.counters = Counters()
        self.names = LocalNames()
        self.views: dict[str, LanView] = {}
        self.servers = Servers()
        self.cache = AnswerCache(0)
        self._random = random
        self._up = False
        self._dialling = False
        self._uplink_servers: tuple[Endpoint, ...] = ()
        self._epoch = 0
        self._exchanges: set[_Exchange] = set()
        self._pending: dict[tuple[Key, bool], _Exchange] = {}
        self._held: dict[_Exchange, float] = {}
        self._tries: dict[TryKey, _Try] = {}
        self._timers: list[tuple[float, int, TryKey, _Try]] = []
        self._serial = count(1)
        self._waiting: dict[Address, int] = {}
        self._waiting_total = 0

    # --- what the LANs are

    def set_lan(self, lan: Lan, config: DnsConfig) -> None:
        """Serve this LAN, or serve it differently from now on."""
        self.views[lan.name] = LanView(lan, config, self.names)
        self._lans_changed()

    def drop_lan(self, name: str) -> None:
        """Serve it no more; who waits there gets no answer."""
        self.views.pop(name, None)
        for exchange in self._exchanges:
            for waiter in [w for w in exchange.waiters if w.asker.lan == name]:
                self._leave(exchange, waiter)
        self._lans_changed()

    def _lans_changed(self) -> None:
        self.cache.resize(max((view.config.cache_size for view in self.views.values()), default=0))
        self._forget_servers()

    def _forget_servers(self) -> None:
        configured = [server for view in self.views.values() for server in view.servers]
        self.servers.keep([*self._uplink_servers, *configured])

    def name_changed(self, record: NameRecord) -> None:
        """INames says that a host got, changed or lost its addresses."""
        self.names.update(record)

    # --- questions

    def ask(self, asker: Asker, data: bytes, now: float) -> list[Action]:
        """A question that no raw entry answers."""
        view = self.views.get(asker.lan)
        try:
            query = parse_query(data)
        except WireError:
            view = None
        if view is None:
            self.counters.dropped += 1
            return []
        self.counters.queries += 1
        if query.questions != 1:
            self.counters.refused += 1
            return [
                Answer(asker, formerr(query, Rcode.FORMERR if query.opcode == Opcode.QUERY else Rcode.NOTIMP))
            ]
        waiter = Waiter(asker, query, data, now)
        return (
            self._ask_local(view, waiter)
            or self._ask_cache(view, waiter, now)
            or self._miss(view, waiter, now)
        )

    def _ask_local(self, view: LanView, waiter: Waiter) -> list[Action]:
        query, asker = waiter.query, waiter.asker
        strange = query.opcode != Opcode.QUERY or (query.edns is not None and query.edns.version != 0)
        if strange and view.names.is_local(query):
            self.counters.refused += 1
            rcode = BADVERS if query.opcode == Opcode.QUERY else Rcode.NOTIMP
            return [Answer(asker, reply(query, rcode=rcode))]
        found = None if strange else view.names.answer(query)
        if found is None:
            return []
        self.counters.local += 1
        limit = MAX_TCP if asker.connection else query.udp_limit
        actions: list[Action] = [Answer(asker, truncated(found.message, query, limit))]
        if found.addresses:
            actions.append(Resolved(asker.client, name_to_text(query.qname), found.addresses, found.ttl))
        return actions

    def _ask_cache(self, view: LanView, waiter: Waiter, now: float) -> list[Action]:
        if not waiter.query.is_plain:
            return []
        answer = self.cache.fresh(key_of(waiter.query, view.server_key), now, self._epoch)
        if answer is not None:
            self.counters.hits += 1
            return self._give(waiter, answer, now)
        return self._recently_failed(view, waiter, now)

    def _recently_failed(self, view: LanView, waiter: Waiter, now: float) -> list[Action]:
        """Servers failed a moment ago: the outdated answer at once, without trying again (RFC 8767 section 5)."""
        answer = self.cache.outdated(key_of(waiter.query, view.server_key), now, view.config.serve_stale)
        if answer is None or not self._up or now >= answer.retry_at or view.refuses(waiter.query, answer):
            return []
        self.counters.stale += 1
        return [Answer(waiter.asker, answer.outdated(waiter.query, udp=not waiter.asker.connection))]

    def _miss(self, view: LanView, waiter: Waiter, now: float) -> list[Action]:
        self.counters.misses += 1
        client = waiter.asker.client
        key = key_of(waiter.query, view.server_key) if waiter.query.is_plain else None
        exchange = self._pending.get((key, bool(waiter.asker.connection))) if key else None
        if exchange is not None:
            self._replace(exchange, waiter, now)
        if self._waiting_total >= MAX_WAITING or self._waiting.get(client, 0) >= MAX_WAITING_CLIENT:
            return self._refuse(waiter, Ede.NOT_READY, "too many questions are waiting")
        if exchange is not None:
            self.counters.joined += 1
            self._join(exchange, waiter)
            return []
        exchange = _Exchange(key, waiter, now)
        self._exchanges.add(exchange)
        self._join(exchange, waiter)
        if key is not None:
            self._pending[key, exchange.tcp] = exchange
        return self._start(view, exchange, now)

    def _replace(self, exchange: _Exchange, new: Waiter, now: float) -> None:
        """The client repeats itself: only the newest of its equal questions is answered."""
        asker = new.asker
        for old in exchange.waiters:
            if old.asker == asker and (not asker.connection or old.query.id == new.query.id):
                break
            if (
                not asker.connection
                and old.asker.client == asker.client
                and now - old.since >= RETRANSMISSION
            ):
                break
        else:
            return
        self._leave(exchange, old)

    def _join(self, exchange: _Exchange, waiter: Waiter) -> None:
        client = waiter.asker.client
        exchange.waiters.append(waiter)
        self._waiting[client] = self._waiting.get(client, 0) + 1
        self._waiting_total += 1

    def _leave(self, exchange: _Exchange, waiter: Waiter) -> None:
        client = waiter.asker.client
        exchange.waiters.remove(waiter)
        self._waiting_total -= 1
        left = self._waiting[client] - 1
        if left:
            self._waiting[client] = left
        else:
            del self._waiting[client]

    # --- asking servers

    def _start(self, view: LanView, exchange: _Exchange, now: float) -> list[Action]:
        if not self._up:
            return self._hold(exchange, now)
        exchange.servers = view.servers or self._uplink_servers
        if not exchange.servers:
            return self._fail(exchange, "the uplink has named no DNS server", now)
        actions = self._try(exchange, now)
        probed = self.servers.due(exchange.servers, now)
        if probed is not None and not exchange.tcp and probed.endpoint not in exchange.tried:
            actions += self._send(exchange, probed, now, probe=True)
        return actions

    def _hold(self, exchange: _Exchange, now: float) -> list[Action]:
        self._held[exchange] = now + HOLD
        if self._dialling or not exchange.waiters:
            return []
        self._dialling = True
        return [Dial(exchange.waiters[-1].asker.client, name_to_text(exchange.query.qname))]

    def _try(self, exchange: _Exchange, now: float) -> list[Action]:
        server = self.servers.choose(exchange.servers, exchange.tried)
        exchange.tried.append(server.endpoint)
        if exchange.tcp:
            return self._send_tcp(exchange, server, now)
        return self._send(exchange, server, now)

    def _send(self, exchange: _Exchange, server: Server, now: float, probe: bool = False) -> list[Action]:
        for _ in range(MAX_DRAWS):
            drawn = self._random(SLOTS << 16)
            slot, ident = drawn >> 16, drawn & 0xFFFF
            key = (slot, server.source, ident)
            if key not in self._tries:
                break
        else:
            return [] if probe else self._fail(exchange, "no id is free", now)
        self._wait(
            key, _Try(exchange, server, probe), now + TIMEOUTS[min(exchange.timeouts, len(TIMEOUTS) - 1)]
        )
        self.counters.forwarded += 1
        return [Forward(server.endpoint, slot, self._message(exchange, ident))]

    def _send_tcp(self, exchange: _Exchange, server: Server, now: float) -> list[Action]:
        token = next(self._serial)
        self._wait((-1, ("", 0), token), _Try(exchange, server, tcp=True), now + TCP_TIMEOUT)
        self.counters.forwarded += 1
        return [ForwardTcp(server.endpoint, token, self._message(exchange, self._random(0x10000)))]

    def _message(self, exchange: _Exchange, ident: int) -> bytes:
        if exchange.key is not None:
            return query_message(ident, exchange.query)
        return ident.to_bytes(2) + exchange.raw[2:]

    def _wait(self, key: TryKey, attempt: _Try, until: float) -> None:
        self._tries[key] = attempt
        heappush(self._timers, (until, next(self._serial), key, attempt))

    # --- answers of servers

    def answered(self, slot: int, source: tuple[str, int], data: bytes, now: float) -> list[Action]:
        """A datagram came from ``source`` to socket ``slot``."""
        key = (slot, source, int.from_bytes(data[:2]))
        attempt = self._tries.get(key)
        response = self._accept(attempt, data)
        if attempt is None or response is None:
            self.counters.unexpected += 1
            return []
        del self._tries[key]
        actions = self._server_answered(attempt.server)
        if attempt.exchange.done:
            return actions
        if response.truncated and attempt.exchange.key is not None:
            attempt.exchange.fallback = data, response
            return actions + self._send_tcp(attempt.exchange, attempt.server, now)
        return actions + self._decide(attempt.exchange, data, response, now)

    def answered_tcp(self, token: int, data: bytes | None, now: float) -> list[Action]:
        """What came of a ForwardTcp: a message, or None for a connection that failed."""
        attempt = self._tries.pop((-1, ("", 0), token), None)
        if attempt is None:
            return []
        response = self._accept(attempt, data) if data is not None else None
        if response is None or data is None:
            return self._missed(attempt, now)
        actions = self._server_answered(attempt.server)
        return (
            actions
            if attempt.exchange.done
            else actions + self._decide(attempt.exchange, data, response, now)
        )

    @staticmethod
    def _accept(attempt: _Try | None, data: bytes) -> Response | None:
        """The response, if it belongs to the question asked."""
        try:
            response = parse_response(data) if attempt else None
        except WireError:
            return None
        if attempt is None or response is None:
            return None
        query = attempt.exchange.query
        asked = response.question[:-4].lower() + response.question[-4:] == query.folded
        # Some servers answer what they do not understand with a bare header.
        bare = not response.question and response.rcode in TRY_NEXT
        return response if (asked or bare) and (response.flags ^ query.flags) & 0x7800 == 0 else None

    def _server_answered(self, server: Server) -> list[Action]:
        return (
            [Happened("dns.upstream.recovered", {"server": str(server.endpoint)})]
            if server.answered()
            else []
        )

    def _decide(self, exchange: _Exchange, data: bytes, response: Response, now: float) -> list[Action]:
        if response.rcode in TRY_NEXT:
            if response.question:
                exchange.fallback = data, response
            if set(exchange.servers) - set(exchange.tried):
                return self._try(exchange, now)
            return self._exhausted(exchange, "no server could answer", now)
        return self._finish(exchange, data, response, now)

    def _finish(self, exchange: _Exchange, data: bytes, response: Response, now: float) -> list[Action]:
        waiters = self._end(exchange)
        if exchange.key is None:
            return [Answer(w.asker, w.raw[:2] + data[2:12] + w.query.question + data[12 + len(w.query.question) :])
                    for w in waiters]  # fmt: skip
        answer = CachedAnswer(data, response, _explanation(response), now, self._epoch)
        if answer.lifetime:
            self.cache.put(exchange.key, answer)
        return [action for waiter in waiters for action in self._give(waiter, answer, now)]

    def _end(self, exchange: _Exchange) -> list[Waiter]:
        """Take the exchange out of everything; returns who waited."""
        exchange.done = True
        if exchange.key is not None:
            self._pending.pop((exchange.key, exchange.tcp), None)
        self._held.pop(exchange, None)
        self._exchanges.discard(exchange)
        waiters = list(exchange.waiters)
        for waiter in waiters:
            self._leave(exchange, waiter)
        return waiters

    def _give(self, waiter: Waiter, answer: CachedAnswer, now: float) -> list[Action]:
        view, query, asker = self.views[waiter.asker.lan], waiter.query, waiter.asker
        if answer.addresses and view.refuses(query, answer):
            return self._block(waiter, answer)
        actions: list[Action] = [Answer(asker, view.finish(waiter, answer, now))]
        if answer.addresses:
            actions.append(
                Resolved(asker.client, name_to_text(query.qname), answer.addresses, answer.ttl(now))
            )
        return actions

    def _block(self, waiter: Waiter, answer: CachedAnswer) -> list[Action]:
        self.counters.blocked += 1
        name = name_to_text(waiter.query.qname)
        message = reply(
            waiter.query, rcode=Rcode.REFUSED, ede=(Ede.BLOCKED, "private address for a public name")
        )
        actions: list[Action] = [Answer(waiter.asker, message)]
        if not answer.reported:
            answer.reported = True
            fields = {"name": name, "address": str(answer.addresses[0]), "client": str(waiter.asker.client)}
            actions.append(Happened("dns.rebind.refused", fields))
        return actions

    # --- time

    def deadline(self) -> float | None:
        """When to call ``timeout``, or None while nothing waits."""
        times = [self._timers[0][0]] if self._timers else []
        times += [next(iter(self._held.values()))] if self._held else []
        return min(times, default=None)

    def timeout(self, now: float) -> list[Action]:
        """Some time may have come."""
        actions: list[Action] = []
        while self._timers and self._timers[0][0] <= now:
            _, _, key, attempt = heappop(self._timers)
            if self._tries.get(key) is attempt:
                del self._tries[key]
                if attempt.tcp:
                    actions.append(Abandon(key[2]))
                actions += self._missed(attempt, now)
        while self._held and next(iter(self._held.values())) <= now:
            exchange = next(iter(self._held))
            actions += self._fail(exchange, "no link came up in time", now)
        return actions

    def _missed(self, attempt: _Try, now: float) -> list[Action]:
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
            actions += self._stale(exchange, now)
        return actions + self._try(exchange, now)

    def _exhausted(self, exchange: _Exchange, reason: str, now: float) -> list[Action]:
        """All servers are through: an outdated answer, else the best of what they said, else SERVFAIL."""
        stale = self._stale(exchange, now)
        old = self.cache.get(exchange.key) if exchange.key else None
        if old is not None and not old.negative:
            old.retry_at = now + RECHECK
            return stale + self._fail(exchange, reason, now, Ede.NO_REACHABLE_AUTHORITY)
        if stale or exchange.fallback is None:
            return stale + self._fail(exchange, reason, now, Ede.NO_REACHABLE_AUTHORITY)
        return self._finish(exchange, *exchange.fallback, now)

    def _stale(self, exchange: _Exchange, now: float) -> list[Action]:
        """Answer everybody who waits with what was true once, if there is such a thing."""
        if exchange.key is None:
            return []
        actions: list[Action] = []
        for waiter in list(exchange.waiters):
            view = self.views[waiter.asker.lan]
            answer = self.cache.outdated(exchange.key, now, view.config.serve_stale)
            if answer is None or view.refuses(waiter.query, answer):
                continue
            self._leave(exchange, waiter)
            self.counters.stale += 1
            actions.append(
                Answer(waiter.asker, answer.outdated(waiter.query, udp=not waiter.asker.connection))
            )
        return actions

    def _fail(
        self, exchange: _Exchange, reason: str, now: float, code: int = Ede.NETWORK_ERROR
    ) -> list[Action]:
        actions = self._stale(exchange, now)
        for waiter in self._end(exchange):
            actions += self._refuse(waiter, code, reason)
        return actions

    def _refuse(self, waiter: Waiter, code: int, reason: str) -> list[Action]:
        self.counters.servfail += 1
        return [Answer(waiter.asker, reply(waiter.query, rcode=Rcode.SERVFAIL, ede=(code, reason)))]

    # --- the link

    def uplink_up(self, servers: Sequence[Endpoint], now: float) -> list[Action]:
        """There is a link (or another one) with these servers; whatever is on its way is asked anew."""
        if tuple(servers) != self._uplink_servers:
            self._epoch += 1
            for view in self.views.values():
                view.raw.clear()
        self._up, self._dialling, self._uplink_servers = True, False, tuple(servers)
        self._forget_servers()
        held, self._held = list(self._held), {}
        for exchange in held:
            for waiter in [w for w in exchange.waiters if now - w.since > PATIENCE]:
                self._leave(exchange, waiter)
        return self._restart([*held, *self._withdraw()], now)

    def uplink_down(self, now: float) -> list[Action]:
        """There is no link; what is on its way is held until there is one."""
        if not self._up:
            return []
        self._up = False
        return self._restart(self._withdraw(), now)

    def dial_failed(self, reason: str, now: float) -> list[Action]:
        """What Dial asked for cannot be had."""
        self._dialling = False
        return [action for exchange in list(self._held) for action in self._fail(exchange, reason, now)]

    def dialled(self) -> None:
        """What Dial asked for was granted; ``uplink_up`` follows."""
        self._dialling = False

    def _withdraw(self) -> list[_Exchange]:
        """Give up every try, since its socket is gone; returns the exchanges that still want an answer."""
        tries, self._tries, self._timers = self._tries, {}, []
        return list(dict.fromkeys(t.exchange for t in tries.values() if not t.exchange.done))

    def _restart(self, exchanges: Sequence[_Exchange], now: float) -> list[Action]:
        actions: list[Action] = []
        for exchange in exchanges:
            if not exchange.waiters:
                self._end(exchange)
                continue
            exchange.tried, exchange.timeouts, exchange.fallback = [], 0, None
            actions += self._start(self.views[exchange.waiters[-1].asker.lan], exchange, now)
        return actions

    @property
    def waiting(self) -> int:
        """Questions not answered yet."""
        return self._waiting_total


def _explanation(response: Response) -> bytes:
    """The extended errors of a server, for clients with EDNS (RFC 8914 section 3)."""
    options = response.edns.options if response.edns else ()
    return b"".join(
        EdnsOption.EXTENDED_ERROR.to_bytes(2) + len(text).to_bytes(2) + text
        for code, text in options
        if code == EdnsOption.EXTENDED_ERROR and len(text) <= MAX_EXPLANATION
    )
