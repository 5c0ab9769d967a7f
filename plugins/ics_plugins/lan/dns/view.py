"""One LAN as the proxy sees it: its names, its finished answers and what is refused there.  Pure."""

from ics_plugins.lan.dns.actions import Waiter
from ics_plugins.lan.dns.cache import Answer, RawCache, RawEntry
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.local import LanNames, LocalNames
from ics_plugins.lan.dns.special import PRIVATE_SUFFIXES, below_any, is_private, zones
from icsframework.protocols.dns.build import truncated
from icsframework.protocols.dns.message import Query
from icsframework.protocols.dns.name import name_from_text
from icsframework.values import Lan

__all__ = ["LanView"]


class LanView:
    """What a LAN and its configuration make of questions and answers."""

    def __init__(self, lan: Lan, config: DnsConfig, shared: LocalNames) -> None:
        self.config = config
        self.names = LanNames(shared, lan, config)
        self.raw = RawCache(config.cache_size)
        self.servers = config.upstream
        self.server_key = tuple(str(server) for server in config.upstream)
        allowed = zones(*config.rebind_allow, *config.forward)
        self._may_be_private = allowed | PRIVATE_SUFFIXES | {name_from_text(config.domain).lower()}

    def refuses(self, query: Query, answer: Answer) -> bool:
        """True for a private address from the Internet for a public name: it would open the LAN to a web page."""
        return (
            self.config.rebind_protection
            and any(is_private(address) for address in answer.addresses)
            and not below_any(query.qname, self._may_be_private)
        )

    def finish(self, waiter: Waiter, answer: Answer, now: float) -> bytes:
        """The message for a waiter, remembered as it is if it can be."""
        message, query = answer.message(waiter.query), waiter.query
        if waiter.asker.connection:
            return answer.age(message, now)
        short = truncated(message, query, query.udp_limit)
        if short is not message:
            return short
        if answer.lifetime and not query.has_options:
            self.raw.put(waiter.raw[2:], RawEntry(message, query.qname, answer, now))
        return answer.age(message, now)
