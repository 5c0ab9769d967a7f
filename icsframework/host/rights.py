"""Which capabilities this process has."""

from pathlib import Path

from icsframework.errors import NoPrivilege

__all__ = ["NEEDED", "effective", "lacking", "require"]

NEEDED = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""What a gateway needs, with the bit numbers of capabilities(7)."""

STATUS = Path("/proc/thread-self/status")


def effective(status: Path = STATUS) -> int:
    """The effective capabilities as a bit mask."""
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def lacking(capabilities: int) -> list[str]:
    """The names of the needed capabilities that are not in the mask."""
    return [name for name, bit in NEEDED.items() if not capabilities >> bit & 1]


def require(status: Path = STATUS) -> None:
    """Raise NoPrivilege, which names what is lacking, unless all is there."""
    names = lacking(effective(status))
    if names:
        raise NoPrivilege(
            f"ics lacks {', '.join(names)}; run it as root or under the shipped systemd unit. Nothing was changed."
        )
