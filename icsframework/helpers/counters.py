"""What a stream shell counts, and what ``ics status`` shows of it."""

from collections.abc import Mapping

from icsframework.frozen import dataclass
from icsframework.values import Side

__all__ = ["Counters", "Figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Control connections and their ports now; what was refused so far; other counters by name."""

    sessions: int
    expectations: int
    refused: int
    details: Mapping[str, int]


class Counters:
    """Numbers since the start of the shell."""

    __slots__ = (
        "awaited",
        "bytes_to_client",
        "bytes_to_server",
        "denied",
        "direct",
        "failed",
        "opened",
        "refused",
        "relayed",
        "stepped_aside",
        "total",
        "unreachable",
    )

    def __init__(self) -> None:
        self.total = 0
        """Connections that were redirected to us."""
        self.awaited = 0
        """Connections that came while no link was up, and asked for one."""
        self.direct = 0
        """Connections to the listener itself, which were closed."""
        self.refused = 0
        """Connections that a limit, a missing uplink, or a link that was not to be had forbade."""
        self.relayed = 0
        """Connections beyond a limit that were relayed without a session (fail: open)."""
        self.unreachable = 0
        """Connections whose server could not be reached."""
        self.stepped_aside = 0
        """Sessions that let the rest pass untouched."""
        self.failed = 0
        """Sessions that raised or answered nonsense."""
        self.opened = 0
        """External ports that sessions got."""
        self.denied = 0
        """External ports that sessions asked for and did not get."""
        self.bytes_to_client = 0
        self.bytes_to_server = 0

    def carried(self, to: Side, size: int) -> None:
        """So many bytes go to this side."""
        if to is Side.CLIENT:
            self.bytes_to_client += size
        else:
            self.bytes_to_server += size

    def figures(self, sessions: int, expectations: int) -> Figures:
        """Together with what is open now."""
        hidden = ("refused", "direct", "denied")
        details = {name: getattr(self, name) for name in self.__slots__ if name not in hidden}
        details |= {"direct": self.direct, "denied": self.denied}
        return Figures(sessions, expectations, self.refused + self.direct + self.denied, details)
