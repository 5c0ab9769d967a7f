"""Two ends of a PPP link in memory, with a line between them that may lose, double and damage what passes."""

import heapq
import random
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

from icsframework.protocols.ppp.actions import Action, Deliver, Down, Transmit, Up
from icsframework.protocols.ppp.auth.method import Method, SecretOf
from icsframework.protocols.ppp.ipcp import IpcpSettings
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings

__all__ = ["End", "PppPair", "provider", "seeded"]

MOST_AT_ONCE = 1000
"""Steps at one time; more is a link whose deadline never passes."""


def seeded(seed: int) -> Callable[[int], bytes]:
    """A source of random octets that gives the same ones every time."""
    return random.Random(seed).randbytes


def provider(
    demand: Sequence[Method] = (), secret_of: SecretOf | None = None, silent: bool = True
) -> LinkSettings:
    """The end of an ISP: 10.64.0.1, gives 10.64.0.2 and one name server, asks everybody for a password that ``demand`` s one."""
    return LinkSettings(
        lcp=LcpSettings(demand=tuple(demand), silent=silent),
        ipcp=IpcpSettings(
            local=IPv4Address("10.64.0.1"),
            accept_local=False,
            peer=IPv4Address("10.64.0.2"),
            ask_dns=False,
            give_dns=(IPv4Address("10.64.0.53"),),
        ),
        secret_of=secret_of,
        name="isp",
    )


class End:
    """One end: its link, and everything that it has said, with the time."""

    def __init__(self, name: str, link: PppLink) -> None:
        self.name = name
        self.link = link
        self.said: list[tuple[float, Action]] = []

    def all(self, kind: type[Action]) -> list[Action]:
        """Every action of this kind."""
        return [action for _, action in self.said if isinstance(action, kind)]

    @property
    def up(self) -> bool:
        """IPv4 passes here."""
        return self.link.ready

    @property
    def down(self) -> Down | None:
        """How it ended, if it has."""
        return next((action for _, action in self.said if isinstance(action, Down)), None)

    @property
    def received(self) -> list[bytes]:
        """The IP packets that came."""
        return [packet for _, action in self.said if isinstance(action, Deliver) for packet in action.packets]


class PppPair:
    """``left`` and ``right`` on one line of ``delay`` seconds; ``fault`` makes of each write what arrives, piece by piece."""

    def __init__(
        self,
        left: LinkSettings,
        right: LinkSettings,
        delay: float = 0.05,
        fault: Callable[[bytes], Sequence[bytes]] = lambda data: (data,),
        seed: int = 1,
    ) -> None:
        self.now = 0.0
        self.left = End("left", PppLink(left, seeded(seed)))
        self.right = End("right", PppLink(right, seeded(seed + 1)))
        self._delay, self._fault = delay, fault
        self._line: list[tuple[float, int, End, bytes]] = []
        self._count = 0

    def open(self) -> None:
        """Both ends have their line."""
        for end in (self.left, self.right):
            self.did(end, end.link.open(self.now))

    def did(self, end: End, actions: Sequence[Action]) -> None:
        """These came from a link: remember them, and put on the line what is to be sent."""
        for action in actions:
            end.said.append((self.now, action))
            if isinstance(action, Transmit):
                self.put(end, action.data)

    def put(self, end: End, data: bytes) -> None:
        """``end`` writes this to the line."""
        other = self.right if end is self.left else self.left
        for piece in self._fault(data):
            self._count += 1
            heapq.heappush(self._line, (self.now + self._delay, self._count, other, piece))

    def send(self, end: End, *packets: bytes) -> None:
        """``end`` sends IP packets."""
        data = end.link.send(packets)
        if data:
            self.put(end, data)

    def step(self) -> bool:
        """Let the next thing happen; False if nothing ever will."""
        times = [end.link.deadline() for end in (self.left, self.right)]
        times += [self._line[0][0]] if self._line else []
        due = [time for time in times if time is not None]
        if not due:
            return False
        self.now = max(self.now, min(due))
        while self._line and self._line[0][0] <= self.now:
            _, _, end, data = heapq.heappop(self._line)
            self.did(end, end.link.receive(data, self.now))
        for end in (self.left, self.right):
            self.did(end, end.link.timeout(self.now))
        return True

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass until something is true, or so long; tells whether it is."""
        end, still = self.now + seconds, 0
        while not until() and self.now < end:
            before = self.now
            if not self.step():
                break
            still = still + 1 if self.now == before else 0
            assert still < MOST_AT_ONCE, f"the links never rest at {self.now}"
        return until()

    def connect(self) -> None:
        """Open both ends and wait until both are up; AssertionError with what was said if they are not."""
        self.open()
        assert self.run(60, lambda: self.left.up and self.right.up), (self.left.said, self.right.said)

    def result(self) -> Up:
        """The last Up of the left end."""
        return next(action for _, action in reversed(self.left.said) if isinstance(action, Up))
