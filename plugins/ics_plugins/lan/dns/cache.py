"""What is remembered of answers.  Pure; times are seconds of IClock.now.

Two levels.  ``AnswerCache`` knows an answer by its question, in lower case, and
the flags that change it.  ``RawCache``, one for each LAN, knows the finished
datagram by the raw query behind its id: one dictionary look-up, no parsing, the
client's spelling comes back as it was asked.  Its TTLs are rewritten once a
second, at the first hit in it.

Both are two-generation dictionaries: when the young one is full it becomes the
old one and the old one is forgotten; a hit in the old one moves the entry.  So
inserting costs the same in a full cache as in an empty one, and a hit writes
nothing.
"""

from struct import Struct
from typing import Generic, TypeVar

from icsframework.protocols.dns.build import Ede, assemble, extended_error, truncated
from icsframework.protocols.dns.message import HEADER_SIZE, Query, Rcode, Response
from icsframework.values import Address

__all__ = ["Answer", "AnswerCache", "Generations", "Key", "RawCache", "RawEntry", "key_of"]

MAX_LIFETIME = 86400
"""Seconds an answer is kept whatever its TTL says (RFC 1035 allows 68 years; RFC 8767 section 4 suggests days)."""
MAX_NEGATIVE = 3600
"""Seconds a negative answer is kept (RFC 2308 section 5 suggests one to three hours)."""
FAILURE_LIFETIME = 5
"""Seconds a server's failure is repeated without asking again (RFC 2308 section 7 allows up to 300)."""
STALE_TTL = 30
"""Seconds told to clients for an outdated answer (RFC 8767 section 4)."""
RETELL = 30
"""Seconds after which a client that hits a raw entry is told to ``names.resolved`` again."""

Key = tuple[bytes, int, tuple[str, ...]]
"""Question in lower case; flags and DO; the servers asked instead of the uplink's."""

_TTL = Struct("!I")
V = TypeVar("V")
K = TypeVar("K")


def key_of(query: Query, servers: tuple[str, ...]) -> Key:
    """What two questions must have in common to share an answer.

    All header flags count, since a server may heed any of them (RFC 5625
    section 4.1); whether there was an OPT record does not: it is made anew.
    """
    return query.folded, query.flags << 1 | (query.edns is not None and query.edns.do), servers


class Answer:
    """One answer of a server, without question and OPT record, so that it fits every client who asks the same."""

    __slots__ = (
        "_counts", "_flags", "_options", "_records", "_ttls", "addresses", "epoch", "lifetime", "negative",
        "rcode", "reported", "retry_at", "stored",
    )  # fmt: skip

    def __init__(self, data: bytes, response: Response, options: bytes, now: float, epoch: int) -> None:
        self.rcode = response.rcode
        self.addresses = response.addresses
        self.negative = response.is_negative
        self.stored = int(now)
        self.epoch = epoch
        self.reported = False
        self.retry_at = 0.0
        self.lifetime = self._lifetime(response)
        self._flags = response.flags
        self._counts = response.counts
        self._records = data[HEADER_SIZE + len(response.question) : response.end]
        self._ttls = response.ttls
        self._options = options

    @staticmethod
    def _lifetime(response: Response) -> int:
        if response.truncated:
            return 0
        if response.rcode == Rcode.SERVFAIL:
            return FAILURE_LIFETIME
        return min(response.ttl, MAX_NEGATIVE if response.is_negative else MAX_LIFETIME)

    def is_fresh(self, now: float) -> bool:
        """False when its time has passed."""
        return int(now) - self.stored < self.lifetime

    def ttl(self, now: float) -> int:
        """Seconds it has left; STALE_TTL when that has passed."""
        left = self.lifetime - (int(now) - self.stored)
        return left if left > 0 else STALE_TTL

    def message(self, query: Query) -> bytes:
        """The response to ``query`` with the TTLs as they came from the server."""
        return assemble(query, self._flags, self.rcode, self._counts, self._records, self._options)

    def age(self, message: bytes, now: float) -> bytes:
        """``message`` (of this answer) with its TTLs as they are now."""
        age = int(now) - self.stored
        if not age or not self._ttls:
            return message
        return self._patch(message, age, 0)

    def outdated(self, query: Query, udp: bool) -> bytes:
        """The response when no server answers and this is the best there is (RFC 8767)."""
        options = self._options + extended_error(Ede.STALE)
        message = assemble(query, self._flags, self.rcode, self._counts, self._records, options)
        message = self._patch(message, 0, STALE_TTL)
        return truncated(message, query, query.udp_limit) if udp else message

    def _patch(self, message: bytes, age: int, fixed: int) -> bytes:
        patched = bytearray(message)
        for offset, ttl in self._ttls:
            _TTL.pack_into(patched, offset, fixed or max(ttl - age, 0))
        return bytes(patched)


class Generations(Generic[K, V]):
    """A dictionary of at most ``limit`` entries that forgets what was not used for longest, roughly."""

    def __init__(self, limit: int) -> None:
        self._half = (limit + 1) // 2
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        """The value of ``key``, or None."""
        value = self._young.get(key)
        if value is None and (value := self._old.pop(key, None)) is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        if not self._half:
            return
        if len(self._young) >= self._half and key not in self._young:
            self._young, self._old = {}, self._young
        self._old.pop(key, None)
        self._young[key] = value

    def remove(self, key: K) -> None:
        """Forget ``key``, if it is there."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}

    def resize(self, limit: int) -> None:
        """Have room for ``limit`` from now on; what is there is forgotten if it is too much."""
        self._half = (limit + 1) // 2
        if len(self._young) > self._half or len(self._old) > self._half:
            self.clear()


class AnswerCache(Generations[Key, Answer]):
    """Answers by question."""

    def fresh(self, key: Key, now: float, epoch: int) -> Answer | None:
        """An answer that may be given now.  What other servers said not to exist (``epoch``) does not count."""
        answer = self.get(key)
        if answer is None or not answer.is_fresh(now) or (answer.negative and answer.epoch != epoch):
            return None
        return answer

    def outdated(self, key: Key, now: float, longest: float) -> Answer | None:
        """An answer that ended not more than ``longest`` seconds ago and says something."""
        answer = self.get(key)
        if answer is None or answer.negative or not answer.lifetime:
            return None
        return answer if now - answer.stored - answer.lifetime <= longest else None


class RawEntry:
    """A finished datagram behind its id.  ``body`` is right for the second ``second``."""

    __slots__ = ("_answer", "_template", "_until", "body", "qname", "second", "told", "told_at")

    def __init__(self, message: bytes, qname: bytes, answer: Answer, now: float) -> None:
        self._answer = answer
        self._template = message
        self._until = answer.stored + answer.lifetime
        self.qname = qname
        self.told: set[str] = set()
        self.told_at = now
        self.second = -1
        self.body = b""

    def refresh(self, second: int) -> bool:
        """Make ``body`` right for this second; False if the answer's time has passed."""
        if second >= self._until:
            return False
        self.body = self._answer.age(self._template, second)[2:]
        self.second = second
        if second - self.told_at >= RETELL:
            self.told.clear()
            self.told_at = second
        return True

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses in the answer."""
        return self._answer.addresses

    @property
    def ttl(self) -> int:
        """Seconds the answer is good for after ``second``."""
        return self._answer.ttl(self.second)


class RawCache(Generations[bytes, RawEntry]):
    """Finished datagrams by the raw query behind its id: the whole cost of an answer that is known."""

    def hit(self, raw: bytes, second: int) -> RawEntry | None:
        """The entry to send, right for this second, or None."""
        entry = self._young.get(raw)
        if entry is None:
            entry = self.get(raw)
            if entry is None:
                return None
        if entry.second != second and not entry.refresh(second):
            self.remove(raw)
            return None
        return entry
