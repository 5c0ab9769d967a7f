"""A gateway behind the control API, with nothing behind it."""

from ipaddress import ip_address

from twisted.internet.defer import Deferred, fail, succeed

from icsframework.control.api import Hangup
from icsframework.errors import IcsError
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.held import ADDED
from icsframework.status import (
    GatewayStatus,
    HistoryEntry,
    Instant,
    LeaseStatus,
    MappingStatus,
    ReloadPreview,
    Status,
    UplinkStatus,
)
from icsframework.values import Cause, Endpoint, Link, Mapping


class ScriptedControl:
    """Provides control.api.Controlled; ``calls`` notes the commands, ``error`` makes them fail, ``waiting`` holds a connect.

    ``uplinks`` are those of the status.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: IcsError | None = None
        self.waiting: Deferred[Link] | None = None
        self.uplinks: tuple[UplinkStatus, ...] = ()
        self.mapping = Mapping(
            "tcp",
            "cable",
            Endpoint(ip_address("203.0.113.5"), 8080),
            Endpoint(ip_address("192.168.0.10"), 80),
            None,
            ADDED,
            None,
        )
        self.link = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)

    def status(self) -> Status:
        """An empty gateway, but for its uplinks."""
        return Status(
            GatewayStatus("1", "ready", Instant(0), 7, "/etc/ics/gateway.yaml"), self.uplinks, (), (), 0
        )

    def leases_status(self) -> list[LeaseStatus]:
        """One lease."""
        return [LeaseStatus("192.168.0.9", "02::1", "", "pc", None, "home")]

    def mappings_status(self) -> list[MappingStatus]:
        """One mapping."""
        return [
            MappingStatus(
                "tcp",
                "cable",
                8080,
                "192.168.0.10:80",
                None,
                ADDED,
                None,
                external_address="203.0.113.5",
            )
        ]

    def add_mapping(self, addition: Addition) -> Deferred[list[Mapping]]:
        """Note it."""
        self.calls.append(f"add {addition.protocol} {addition.port} {addition.to}")
        return succeed([self.mapping]) if self.error is None else fail(self.error)

    def remove_mapping(self, removal: Removal) -> Deferred[list[Mapping]]:
        """Note it."""
        self.calls.append(f"remove {removal.protocol} {removal.port}")
        return succeed([self.mapping]) if self.error is None else fail(self.error)

    def history_entries(self) -> list[HistoryEntry]:
        """One entry."""
        return [HistoryEntry(Instant(0), "cable", "up", None, "")]

    def connect(self, uplink: str | None, cause: Cause, override: bool = False) -> Deferred[Link]:
        """Note it."""
        self.calls.append(f"connect {uplink} {cause.rule}{' whatever' if override else ''}")
        if self.waiting is not None:
            return self.waiting
        return succeed(self.link) if self.error is None else fail(self.error)

    def disconnect(self, uplink: str | None, reason: str, seconds: float | None = None) -> Deferred[Hangup]:
        """Note it; by its clock it is always 1970."""
        self.calls.append(f"disconnect {uplink}{'' if seconds is None else f' {seconds:g}'} ({reason})")
        until = None if seconds is None else Instant(seconds)
        return succeed(Hangup(uplink or "cable", "always", until)) if self.error is None else fail(self.error)

    def reload(self, confirm: int | None = None) -> Deferred[str]:
        """Note it."""
        self.calls.append("reload" if confirm is None else f"reload {confirm}")
        return succeed("nothing has changed") if self.error is None else fail(self.error)

    def preview(self) -> Deferred[ReloadPreview]:
        """Note it."""
        self.calls.append("preview")
        preview = ReloadPreview("LAN home changed", ("add address 192.168.7.1/24 to eth1",), "--- in force\n")
        return succeed(preview) if self.error is None else fail(self.error)

    def keep(self) -> Deferred[str]:
        """Note it."""
        self.calls.append("keep")
        return succeed("LAN home changed") if self.error is None else fail(self.error)

    def restart(self) -> int:
        """Note it."""
        self.calls.append("restart")
        if self.error is not None:
            raise self.error
        return 7
