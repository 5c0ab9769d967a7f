"""What a PC does in a network: get an address by DHCP, resolve a name, fetch a page - with the usual programs.

The DHCP clients are the real ones of the distribution.  Only the script they
call to configure the interface is the lab's: it sets address, default route and
resolv.conf of the lab host and writes down what it was told.
"""

import json
import signal
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Self

from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine, Process
from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

__all__ = ["CLIENTS", "DhcpClient", "Fetched", "Lease", "available_client", "fetch", "resolve"]

CLIENTS = ("udhcpc", "dhclient", "dhcpcd")
"""The DHCP clients the lab can drive, in order of preference (the fastest first)."""

# Called by udhcpc with the event in $1 and by dhclient and dhcpcd with it in $reason.
# @RECORD@ is a directory: a file for each event, so that nobody ever reads half of one.
SCRIPT = r"""#!/bin/sh
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
event=${reason:-$1}
address=${new_ip_address:-$ip}
mask=${new_subnet_mask:-$subnet}
routers=${new_routers:-$router}
servers=${new_domain_name_servers:-$dns}
suffix=${new_domain_name:-$domain}
device=$interface
case $event in
BOUND|REBOOT|RENEW|REBIND|bound|renew)
    [ "$old_ip_address" ] && [ "$old_ip_address" != "$address" ] && ip -4 addr flush dev "$device"
    ip addr replace "$address/$mask" dev "$device"
    for r in $routers; do ip route replace default via "$r" dev "$device"; break; done
    { [ "$suffix" ] && echo "search $suffix"; for s in $servers; do echo "nameserver $s"; done; } >/etc/resolv.conf
    ;;
PREINIT|deconfig) ip link set dev "$device" up; ip -4 addr flush dev "$device" ;;
EXPIRE|FAIL|RELEASE|STOP|NAK) ip -4 addr flush dev "$device" ;;
esac
record=@RECORD@
cat >"$record/.part" <<END
event=$event
address=$address
mask=$mask
routers=$routers
servers=$servers
suffix=$suffix
lease=${new_dhcp_lease_time:-$lease}
server=${new_dhcp_server_identifier:-$serverid}
END
n=$(ls "$record" | wc -l)
mv "$record/.part" "$record/$n.event"
exit 0
"""

BOUND = {"BOUND", "REBOOT", "bound"}
RENEWED = {"RENEW", "REBIND", "renew"}
LOST = {"EXPIRE", "FAIL", "RELEASE", "STOP", "NAK", "leasefail", "deconfig", "nak"}


@dataclass(frozen=True, slots=True)
class Lease:
    """What a DHCP client was given."""

    client: str
    address: IPv4Interface
    router: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    domain: str
    seconds: int
    server: IPv4Address | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to an HTTP request."""

    status: int
    body: bytes
    seconds: float


def available_client() -> str:
    """The first DHCP client that is installed.  Raises LabError naming the packages if none is."""
    for client in CLIENTS:
        if find_program(client) or (client == "udhcpc" and find_program("busybox")):
            return client
    raise LabError("the lab needs a DHCP client for its PCs; on Debian: apt install udhcpc")


class DhcpClient:
    """A DHCP client running on one interface of a host."""

    def __init__(self, host: Machine, program: str = "", interface: str = "eth0") -> None:
        """``program``: udhcpc, dhclient or dhcpcd; empty for whichever is installed."""
        self.host = host
        self.program = program or available_client()
        self.interface = interface
        if self.program not in CLIENTS:
            raise LabError(f"{self.program} is no DHCP client the lab knows; it knows {', '.join(CLIENTS)}")
        self._directory = host.directory / f"{self.program}-{interface}"
        self._process: Process | None = None
        self._said = 0

    def start(self, *arguments: str) -> Self:
        """Start the client in the foreground with ``arguments`` added to its command line."""
        record = self._directory / "events"
        record.mkdir(parents=True, exist_ok=True)
        for old in record.iterdir():
            old.unlink()
        script = self._directory / "script"
        script.write_text(SCRIPT.replace("@RECORD@", str(record)), encoding="ascii")
        script.chmod(0o755)
        self._said = len(self.log())
        self._process = self.host.spawn([*self._command(script), *arguments], self._directory / "log")
        return self

    def _command(self, script: Path) -> list[str]:
        name, device = self.host.name, self.interface
        if self.program == "udhcpc":
            program = ["udhcpc"] if find_program("udhcpc") else ["busybox", "udhcpc"]
            hello = ["-x", f"hostname:{name}", "-t", "5", "-T", "1", "-A", "1"]
            return [*program, "-f", "-i", device, "-s", str(script), *hello]
        if self.program == "dhclient":
            return self._dhclient(script)
        return ["dhcpcd", "-B", "-4", "-A", "-c", str(script), "-h", name, device]

    def _dhclient(self, script: Path) -> list[str]:
        """Under AppArmor dhclient reads and runs only what stands at the distribution's places, so ours is put there."""
        place = find_program("dhclient-script")
        if place is None:
            raise LabError(
                "dhclient is installed without its script dhclient-script; on Debian: apt install isc-dhcp-client"
            )
        config = self._directory / "dhclient.conf"
        config.write_text(
            f'send host-name "{self.host.name}";\n'
            "request subnet-mask, routers, domain-name, domain-name-servers, host-name, dhcp-lease-time;\n"
            "timeout 10; retry 2; initial-interval 1;\n",
            encoding="ascii",
        )
        self.host.run(["mount", "--bind", script, place], check=True)
        self.host.run(["mount", "--bind", config, "/etc/dhcp/dhclient.conf"], check=True)
        return ["dhclient", "-4", "-d", "-v", self.interface]

    def events(self) -> list[dict[str, str]]:
        """Every call of the script so far: event, address, mask, routers, servers, suffix, lease, server."""
        files = sorted((self._directory / "events").glob("*.event"), key=lambda path: int(path.stem))
        return [dict(line.partition("=")[::2] for line in path.read_text().splitlines()) for path in files]

    def log(self) -> str:
        """What the client printed, over all its starts."""
        log = self._directory / "log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def wait(
        self, names: set[str] = BOUND | RENEWED, after: int = 0, timeout: float = 15.0
    ) -> dict[str, str]:
        """Wait for an event of the given names beyond the first ``after`` events.  Raises LabError with the client's log."""

        def look() -> dict[str, str] | None:
            found = [event for event in self.events()[after:] if event["event"] in names]
            if not found and self._process is not None and self._process.poll() is not None:
                raise LabError(f"{self.host.name}: {self.program} gave up\n{self.log()}")
            return found[0] if found else None

        try:
            event = wait_for(
                look, timeout, f"{self.program} on {self.host.name} to report {' or '.join(sorted(names))}"
            )
        except LabError as error:
            raise LabError(f"{error}\n{self.log()}") from None
        assert event is not None
        return event

    def lease(self, timeout: float = 15.0) -> Lease:
        """Wait until the client has its address, and tell what it was given."""
        lease = _lease(self.program, self.wait(timeout=timeout))
        if self.program == "dhclient":
            # Its script runs before the lease is in its file; only then may a test pull the plug.
            wait_for(lambda: "bound to " in self.log()[self._said :], timeout, "dhclient to write its lease")
        return lease

    def renew(self, timeout: float = 15.0) -> Lease:
        """Ask for the lease again now (udhcpc only; dhclient renews when it is started again)."""
        assert self._process is not None
        before = len(self.events())
        self._process.send_signal(signal.SIGUSR1)
        return _lease(self.program, self.wait(after=before, timeout=timeout))

    def release(self) -> None:
        """Give the address back to the server (DHCPRELEASE) and end."""
        if self.program == "udhcpc":
            assert self._process is not None
            before = len(self.events())
            self._process.send_signal(signal.SIGUSR2)
            self.wait(LOST, before)
        elif self.program == "dhclient":
            self.host.run(["dhclient", "-4", "-r", self.interface], check=True)
        else:
            self.host.run(["dhcpcd", "-4", "-k", self.interface], check=True)
        self.stop()

    def stop(self) -> None:
        """End the client as a power cut would: without a word, the interface stays configured."""
        if self._process is not None:
            self.host.stop(self._process, 0.0, signal.SIGKILL)
            self._process = None
        while helpers := [n for n, words in self.host.processes().items() if words[0].startswith("dhcpcd: ")]:
            # dhcpcd is half a dozen processes, each of which takes its time to see that the first has gone.
            self.host.run(["/bin/sh", "-c", f"kill -9 {' '.join(map(str, helpers))} 2>/dev/null || :"])


def _lease(program: str, event: dict[str, str]) -> Lease:
    routers, servers = event["routers"].split(), event["servers"].split()
    return Lease(
        program,
        IPv4Interface(f"{event['address']}/{event['mask']}"),
        IPv4Address(routers[0]) if routers else None,
        tuple(map(IPv4Address, servers)),
        event["suffix"],
        int(event["lease"] or 0),
        IPv4Address(event["server"]) if event["server"] else None,
    )


def resolve(host: Machine, name: str, version: int = 4, timeout: float = 10.0) -> tuple[str, ...]:
    """The addresses of a name as any program of the host gets them; empty if there are none."""
    database = "ahostsv4" if version == 4 else "ahostsv6"
    lines = host.run(["getent", database, name], timeout=timeout).stdout.splitlines()
    return tuple(dict.fromkeys(line.split()[0] for line in lines if "STREAM" in line))


# Runs in the host. -c code, so it is one string; stdout is one line of JSON, then the body.
FETCH = """
import json, sys, time, urllib.error, urllib.request
start = time.monotonic()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(sys.argv[1], timeout=float(sys.argv[2]))
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
body = answer.read()
print(json.dumps([answer.status, time.monotonic() - start, body.decode("latin-1")]))
"""


def fetch(host: Machine, url: str, timeout: float = 10.0) -> Fetched:
    """Get ``url``, without any proxy.  Raises LabError with the reason when there is no HTTP answer."""
    done = host.python(FETCH, url, str(timeout), timeout=timeout + 5.0)
    if done.returncode:
        raise LabError(f"{host.name}: {done.stderr.strip()}")
    status, seconds, body = json.loads(done.stdout)
    return Fetched(status, body.encode("latin-1"), seconds)
