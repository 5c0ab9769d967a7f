"""The DNS proxy (RFC 5625).  Pure: questions, answers and the time go in, actions come out.

A question is answered from what is known here (local.py), from what is
remembered (cache.py), or it becomes an exchange with servers (forwarder.py), which
equal questions join.  When nobody answers, an outdated answer is better than
none (RFC 8767), else SERVFAIL with the reason (RFC 8914).

A question that is more than question and flags (TSIG, unknown EDNS options,
other opcodes) is passed on octet by octet, never joined and never remembered
(RFC 5625 section 4).

What is left out here: DNSSEC validation, and EDNS towards servers when the
client has none.
"""

from collections.abc import Callable, Sequence

from ics_plugins.lan.dns.actions import Action, Answer, Asker, Counters, Happened, Resolved, Waiter
from ics_plugins.lan.dns.cache import STALE_TTL, AnswerCache, key_of
from ics_plugins.lan.dns.cache import Answer as CachedAnswer
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.exchange import Exchange, WaitingRoom
from ics_plugins.lan.dns.forwarder import Forwarder
from ics_plugins.lan.dns.local import LocalNames
from ics_plugins.lan.dns.view import LanView
from icsframework.errors import WireError
from icsframework.protocols.dns.build import Ede, formerr, reply, truncated
from icsframework.protocols.dns.message import (
    HEADER_SIZE,
    EdnsOption,
    Opcode,
    Query,
    Rcode,
    Response,
    parse_query,
)
from icsframework.protocols.dns.name import name_to_text
from icsframework.values import Endpoint, Lan, NameRecord

__all__ = ["DnsProxy"]

RECHECK = 30.0
"""Seconds an outdated answer is given at once after all servers failed (RFC 8767 section 5)."""
BADVERS = 16
"""RFC 6891 section 6.1.3."""
MAX_TCP = 65535
"""Octets of a message by TCP (RFC 1035 section 4.2.2)."""
MAX_EXPLANATION = 128
"""Octets of one extended error of a server that are passed on."""


class DnsProxy:
    """One proxy for all LANs.  ``random(n)`` returns an unpredictable number below n."""

    def __init__(self, random: Callable[[int], int]) -> None:
        self.counters = Counters()
        self.names = LocalNames()
        self.views: dict[str, LanView] = {}
        self.cache = AnswerCache(0)
        self.room = WaitingRoom()
        self.forwarder = Forwarder(self.room, self, self.counters, random)
        self._epoch = 0

    # --- what the LANs and the uplink are

    def set_lan(self, lan: Lan, config: DnsConfig) -> None:
        """Serve this LAN, or serve it differently from now on."""
        self.views[lan.name] = LanView(lan, config, self.names)
        self._settings_changed()

    def drop_lan(self, name: str) -> None:
        """Serve it no more; who waits there gets no answer."""
        self.views.pop(name, None)
        self.room.leave_lan(name)
        self._settings_changed()

    def _settings_changed(self) -> None:
        self.cache.resize(max((view.config.cache_size for view in self.views.values()), default=0))
        configured = [server for view in self.views.values() for server in view.servers]
        self.forwarder.servers.keep([*self.forwarder.uplink_servers, *configured])

    def name_changed(self, record: NameRecord) -> None:
        """INames says that a host got, changed or lost its addresses."""
        self.names.update(record)

    def uplink_up(self, servers: Sequence[Endpoint], now: float) -> list[Action]:
        """There is a link with these servers.  What others said not to exist may exist for them."""
        if tuple(servers) != self.forwarder.uplink_servers:
            self._epoch += 1
            for view in self.views.values():
                view.raw.clear()
        actions = self.forwarder.uplink_up(servers, now)
        self._settings_changed()
        return actions

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
            rcode = Rcode.FORMERR if query.opcode == Opcode.QUERY else Rcode.NOTIMP
            return [Answer(asker, formerr(query, rcode))]
        waiter = Waiter(asker, query, data, now)
        return (
            self._ask_local(view, waiter)
            or self._ask_cache(view, waiter, now)
            or self._miss(view, waiter, now)
        )

    def _ask_local(self, view: LanView, waiter: Waiter) -> list[Action]:
        query, asker = waiter.query, waiter.asker
        if query.opcode != Opcode.QUERY or (query.edns is not None and query.edns.version != 0):
            return self._ask_local_strangely(view, asker, query)
        found = view.names.answer(query)
        if found is None:
            return []
        self.counters.local += 1
        limit = MAX_TCP if asker.connection else query.udp_limit
        actions: list[Action] = [Answer(asker, truncated(found.message, query, limit))]
        if found.addresses:
            actions.append(Resolved(asker.client, name_to_text(query.qname), found.addresses, found.ttl))
        return actions

    def _ask_local_strangely(self, view: LanView, asker: Asker, query: Query) -> list[Action]:
        """An update of a name served here (RFC 6303 section 7), or an EDNS version that is not invented yet."""
        if not view.names.is_local(query):
            return []
        self.counters.refused += 1
        return [Answer(asker, reply(query, rcode=BADVERS if query.opcode == Opcode.QUERY else Rcode.NOTIMP))]

    def _ask_cache(self, view: LanView, waiter: Waiter, now: float) -> list[Action]:
        if not waiter.query.is_plain:
            return []
        key = key_of(waiter.query, view.server_key)
        answer = self.cache.fresh(key, now, self._epoch)
        if answer is not None:
            self.counters.hits += 1
            return self._give(waiter, answer, now)
        # Servers failed a moment ago: the outdated answer at once, without trying again (RFC 8767 section 5).  Without a
        # link nobody can be asked either: whether one is worth dialling is said by what the client sends to that address.
        answer = self.cache.outdated(key, now, view.config.serve_stale)
        if answer is None or (self.forwarder.is_up and now >= answer.retry_at):
            return []
        return self._give_outdated(waiter, answer)

    def _miss(self, view: LanView, waiter: Waiter, now: float) -> list[Action]:
        self.counters.misses += 1
        key = key_of(waiter.query, view.server_key) if waiter.query.is_plain else None
        exchange = self.room.find(key, bool(waiter.asker.connection))
        if exchange is not None:
            self.room.replace(exchange, waiter)
        if self.room.is_full(waiter.asker.client):
            return self._refuse(waiter, Ede.NOT_READY, "too many questions are waiting")
        if exchange is not None:
            self.counters.joined += 1
            self.room.join(exchange, waiter)
            return self.forwarder.joined(exchange, waiter, now)
        return self.forwarder.start(self.room.open(key, waiter, now), now)

    # --- what becomes of exchanges (forwarder.Outcomes)

    def servers_for(self, exchange: Exchange) -> Sequence[Endpoint] | None:
        """See Outcomes."""
        view = self.views.get(exchange.waiters[-1].asker.lan) if exchange.waiters else None
        return view.servers if view is not None else None

    def finished(self, exchange: Exchange, data: bytes, response: Response, now: float) -> list[Action]:
        """See Outcomes."""
        if response.rcode == Rcode.SERVFAIL and self._best_is_outdated(exchange, now):
            return self.failed(exchange, Ede.NO_REACHABLE_AUTHORITY, "no server could answer", now)
        waiters = self.room.close(exchange)
        if exchange.key is None:
            return [Answer(w.asker, _as_asked(w, data)) for w in waiters]
        answer = CachedAnswer(data, response, _explanation(response), now, self._epoch)
        if answer.lifetime:
            self.cache.put(exchange.key, answer)
        return [action for waiter in waiters for action in self._give(waiter, answer, now)]

    def failed(self, exchange: Exchange, code: int, reason: str, now: float) -> list[Action]:
        """See Outcomes."""
        self._best_is_outdated(exchange, now)
        actions = self.refused(exchange, tuple(exchange.waiters), code, reason, now)
        self.room.close(exchange)
        return actions

    def refused(
        self, exchange: Exchange, waiters: Sequence[Waiter], code: int, reason: str, now: float
    ) -> list[Action]:
        """See Outcomes: what was true once, if there is such a thing, else the reason."""
        actions: list[Action] = []
        for waiter in waiters:
            outdated = self._outdated(exchange, waiter, now)
            self.room.leave(exchange, waiter)
            actions += outdated or self._refuse(waiter, code, reason)
        return actions

    def _best_is_outdated(self, exchange: Exchange, now: float) -> bool:
        """True if an answer that has ended is remembered; it is given at once for a while."""
        answer = self.cache.get(exchange.key) if exchange.key is not None else None
        if answer is None or answer.negative:
            return False
        answer.retry_at = now + RECHECK
        return True

    def slow(self, exchange: Exchange, now: float) -> list[Action]:
        """See Outcomes: answer everybody who waits with what was true once, if there is such a thing."""
        actions: list[Action] = []
        for waiter in tuple(exchange.waiters):
            given = self._outdated(exchange, waiter, now)
            if given:
                self.room.leave(exchange, waiter)
                actions += given
        return actions

    def _outdated(self, exchange: Exchange, waiter: Waiter, now: float) -> list[Action]:
        if exchange.key is None:
            return []
        longest = self.views[waiter.asker.lan].config.serve_stale
        answer = self.cache.outdated(exchange.key, now, longest)
        return self._give_outdated(waiter, answer) if answer is not None else []

    # --- answers to clients

    def _give(self, waiter: Waiter, answer: CachedAnswer, now: float) -> list[Action]:
        view, query, asker = self.views[waiter.asker.lan], waiter.query, waiter.asker
        if answer.addresses and view.refuses(query, answer):
            return self._block(waiter, answer)
        return [Answer(asker, view.finish(waiter, answer, now)), *_told(waiter, answer, answer.ttl(now))]

    def _give_outdated(self, waiter: Waiter, answer: CachedAnswer) -> list[Action]:
        if self.views[waiter.asker.lan].refuses(waiter.query, answer):
            return []
        self.counters.stale += 1
        message = answer.outdated(waiter.query, udp=not waiter.asker.connection)
        return [Answer(waiter.asker, message), *_told(waiter, answer, STALE_TTL)]

    def _block(self, waiter: Waiter, answer: CachedAnswer) -> list[Action]:
        self.counters.blocked += 1
        message = reply(
            waiter.query, rcode=Rcode.REFUSED, ede=(Ede.BLOCKED, "private address for a public name")
        )
        actions: list[Action] = [Answer(waiter.asker, message)]
        if not answer.reported:
            answer.reported = True
            name, address = name_to_text(waiter.query.qname), str(answer.addresses[0])
            fields = {"name": name, "address": address, "client": str(waiter.asker.client)}
            actions.append(Happened("dns.rebind.refused", fields))
        return actions

    def _refuse(self, waiter: Waiter, code: int, reason: str) -> list[Action]:
        self.counters.servfail += 1
        return [Answer(waiter.asker, reply(waiter.query, rcode=Rcode.SERVFAIL, ede=(code, reason)))]


def _told(waiter: Waiter, answer: CachedAnswer, ttl: int) -> list[Action]:
    """The name that was asked for, not one at the end of its CNAMEs, has these addresses for this client."""
    if not answer.addresses:
        return []
    return [Resolved(waiter.asker.client, name_to_text(waiter.query.qname), answer.addresses, ttl)]


def _as_asked(waiter: Waiter, data: bytes) -> bytes:
    """A server's answer as it is, with the client's id and spelling."""
    question = waiter.query.question
    return waiter.raw[:2] + data[2:HEADER_SIZE] + question + data[HEADER_SIZE + len(question) :]


def _explanation(response: Response) -> bytes:
    """The extended errors of a server, for clients with EDNS (RFC 8914 section 3)."""
    options = response.edns.options if response.edns else ()
    return b"".join(
        EdnsOption.EXTENDED_ERROR.to_bytes(2) + len(text).to_bytes(2) + text
        for code, text in options
        if code == EdnsOption.EXTENDED_ERROR and len(text) <= MAX_EXPLANATION
    )
