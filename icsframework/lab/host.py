"""A host of the lab, with what tests and people ask of one."""

from pathlib import Path

from icsframework.lab.capture import Capture
from icsframework.lab.clients import DhcpClient, Fetched, Lease, fetch, resolve
from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.gateway import Gateway
from icsframework.lab.machine import Machine
from icsframework.lab.snapshot import Snapshot, take
from icsframework.lab.spec import HostSpec
from icsframework.lab.telephone.remote import ModemDaemon

__all__ = ["Host"]


class Host(Machine):
    """One machine of a lab."""

    def __init__(self, spec: HostSpec, directory: Path) -> None:
        super().__init__(spec.name, directory)
        self.spec = spec
        self.services: dict[str, Daemon] = {}
        """The programs the lab runs here: "isp" (DNS and web), "dnsmasq", "telephone", "ics", and its modems."""
        self._captures = 0

    @property
    def gateway(self) -> Gateway:
        """The gateway's daemon.  Raises LabError on any other host."""
        daemon = self.services.get("ics")
        if not isinstance(daemon, Gateway):
            raise LabError(f"host {self.name} runs no gateway")
        return daemon

    @property
    def modem(self) -> ModemDaemon:
        """The first modem.  Raises LabError where there is none."""
        for daemon in self.services.values():
            if isinstance(daemon, ModemDaemon):
                return daemon
        raise LabError(f"host {self.name} has no modem")

    def dhcp(self, program: str = "", interface: str = "eth0", timeout: float = 15.0) -> Lease:
        """Run a real DHCP client until it has an address, end it silently, and tell what it was given."""
        client = self.dhcp_client(program, interface)
        try:
            return client.lease(timeout)
        finally:
            client.stop()

    def dhcp_client(self, program: str = "", interface: str = "eth0") -> DhcpClient:
        """Start a real DHCP client that stays and renews."""
        return DhcpClient(self, program, interface).start()

    def resolve(self, name: str, version: int = 4, timeout: float = 10.0) -> tuple[str, ...]:
        """The addresses of a name, through the host's own resolver; empty if there are none."""
        return resolve(self, name, version, timeout)

    def fetch(self, url: str, timeout: float = 10.0) -> Fetched:
        """Get a page.  Raises LabError with the reason when no HTTP answer comes."""
        return fetch(self, url, timeout)

    def capture(self, interface: str = "eth0", expression: str = "") -> Capture:
        """Record what passes an interface, for a with statement; ``expression`` as in pcap-filter(7)."""
        self._captures += 1
        return Capture(self, interface, expression, self.directory / f"{interface}-{self._captures}.pcap")

    def snapshot(self) -> Snapshot:
        """The state of the host's network; compare with snapshot.differences."""
        return take(self.run)

    def set_link(self, interface: str, up: bool) -> None:
        """Pull or plug a cable at this end."""
        self.run(["ip", "link", "set", "dev", interface, "up" if up else "down"], check=True)
