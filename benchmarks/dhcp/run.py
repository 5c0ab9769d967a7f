"""DHCP load on ics, dnsmasq and Kea, interleaved: who gives how many addresses a second, at what cost.

    make bench-dhcp                       or  python benchmarks/dhcp/run.py [--clients N] [--rounds N] [SERVER...]

Needs root, a C compiler and two CPUs (the load runs on the first, the server on the second).  Servers that
are not installed are left out.  Each run: fresh state, one client until it is served (start-up), every client
once (DISCOVER to ACK, closed loop), then renewals.  "CPU" is the server's own time per exchange, the figure to
trust on a machine that does other work.  Ratios are medians of the rounds, to the first server.

State is written below --state, which should lie on a disk: an ACK means that the lease is on it.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
CLIENTS, SERVERS = f"bench-c{os.getpid()}", f"bench-s{os.getpid()}"
INTERFACE = "lan0"
NETWORK, FIRST, LAST = "10.88.0.1/16", "10.88.1.0", "10.88.250.255"
RENEWERS, RENEW_SECONDS = 500, 2.0
FIRST_CLIENT = 9_000_000
"""Number of the client that waits for the server to be up; the others count from 0."""

ICS = """
gateway: {{state: {state}, run: {state}/run}}
lans:
  - interface: {interface}
    address: {network}
    services: [{{plugin: dhcp, range: [{first}, {last}], lease: 1h, probe: 0}}]
uplinks: [{{plugin: ethernet, interface: wan0, address: {{address: 203.0.113.5/24, gateway: 203.0.113.1}}}}]
helpers: []
control: {{web: false}}
"""


@dataclass(frozen=True)
class Figures:
    """One run of one server."""

    up_s: float
    dora_s: float
    dora_cpu_us: float
    dora_p99_ms: float
    lost_percent: float
    renew_s: float
    renew_cpu_us: float
    dup: int


def ics(state: Path) -> list[str]:
    """The whole daemon, with the allocator on one LAN."""
    config = state / "gateway.yaml"
    (state / "run").mkdir()
    config.write_text(ICS.format(state=state, interface=INTERFACE, network=NETWORK, first=FIRST, last=LAST))
    twistd = Path(sys.executable).with_name("twistd")
    return [str(twistd), "-n", "--pidfile=", f"--logfile={state}/log", "ics", "-c", str(config)]


def dnsmasq(state: Path) -> list[str]:
    """dnsmasq as a DHCP server only, without its ping of each address."""
    return [
        "dnsmasq", "-k", "--conf-file=/dev/null", "--user=root", "--pid-file", "--port=0", "--bind-interfaces",
        f"--interface={INTERFACE}", "--except-interface=lo", "--no-ping", "--quiet-dhcp", "--log-facility=-",
        "--dhcp-authoritative", "--dhcp-lease-max=100000", f"--dhcp-leasefile={state}/leases",
        f"--dhcp-range={FIRST},{LAST},255.255.0.0,1h",
    ]  # fmt: skip


def kea(state: Path) -> list[str]:
    """Kea with its memfile backend, which never syncs to disk."""
    router = NETWORK.partition("/")[0]
    subnet = {
        "id": 1,
        "subnet": "10.88.0.0/16",
        "pools": [{"pool": f"{FIRST} - {LAST}"}],
        "option-data": [{"name": n, "data": router} for n in ("routers", "domain-name-servers")],
    }
    config = {
        "interfaces-config": {"interfaces": [INTERFACE], "dhcp-socket-type": "raw"},
        "lease-database": {
            "type": "memfile",
            "persist": True,
            "name": f"{state}/leases.csv",
            "lfc-interval": 0,
        },
        "multi-threading": {"enable-multi-threading": False},
        "valid-lifetime": 3600,
        "subnet4": [subnet],
        "loggers": [{"name": "kea-dhcp4", "severity": "ERROR"}],
    }
    file = state / "kea.json"
    file.write_text(json.dumps({"Dhcp4": config}))
    Path("/run/kea").mkdir(exist_ok=True)
    return ["kea-dhcp4", "-c", str(file)]


COMMANDS = {"ics": ics, "dnsmasq": dnsmasq, "kea": kea}
PROGRAMS = {"ics": sys.executable, "dnsmasq": "dnsmasq", "kea": "kea-dhcp4"}


def installed(program: str) -> bool:
    """Whether a program is there, also in a directory that an ordinary PATH lacks."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


def skip(reason: str) -> NoReturn:
    """End without a result, which is no failure."""
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(77)


def run(*command: str) -> str:
    """What a command printed; an error ends the benchmark with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def wire() -> Iterator[None]:
    """Two namespaces with a cable between them."""
    for name in (CLIENTS, SERVERS):
        run("ip", "netns", "add", name)
    try:
        run(
            "ip",
            "link",
            "add",
            INTERFACE,
            "netns",
            SERVERS,
            "type",
            "veth",
            "peer",
            "name",
            "pc0",
            "netns",
            CLIENTS,
        )
        run("ip", "-n", CLIENTS, "link", "set", "pc0", "up")
        run("ip", "-n", SERVERS, "address", "add", NETWORK, "dev", INTERFACE)
        run("ip", "-n", SERVERS, "link", "add", "wan0", "type", "veth", "peer", "name", "isp0")
        for device in ("lo", "wan0", "isp0", INTERFACE):
            run("ip", "-n", SERVERS, "link", "set", device, "up")
        yield
    finally:
        for name in (CLIENTS, SERVERS):
            subprocess.run(["ip", "netns", "delete", name], check=False)


def cpu_ns(pid: int) -> int:
    """CPU time of a process and all its threads."""
    total = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            total += int(file.read_text().split()[0])
    return total


class Load:
    """The load generator."""

    def __init__(self, directory: Path) -> None:
        self._program = str(directory / "dhcpload")
        run("cc", "-O2", "-o", self._program, str(HERE / "dhcpload.c"))

    def __call__(self, *arguments: object) -> dict[str, float]:
        """Run it with these arguments; its figures."""
        command = ["ip", "netns", "exec", CLIENTS, "taskset", "-c", "0", self._program, "-i", "pc0"]
        return dict(json.loads(run(*command, *map(str, arguments))))


def measure(name: str, state: Path, load: Load, clients: int, renew_seconds: float) -> Figures:
    """Start the server with fresh state, measure, stop it."""
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    started = time.monotonic()
    command = ["ip", "netns", "exec", SERVERS, "taskset", "-c", "1", *COMMANDS[name](state)]
    with (state / "output").open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        while not load("-n", 1, "-T", 100, "-b", FIRST_CLIENT)["done"]:
            if server.poll() is not None or time.monotonic() > started + 20:
                sys.exit(f"{name} does not serve:\n{(state / 'output').read_text()}")
        up = time.monotonic() - started
        before = cpu_ns(server.pid)
        dora = load("-n", clients)
        between = cpu_ns(server.pid)
        renew = load("-m", "renew", "-n", RENEWERS, "-t", renew_seconds)
        after = cpu_ns(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    # The two rounds of DORA before the renewals are two exchanges each.
    exchanges = renew["done"] + 4 * RENEWERS
    return Figures(
        up, dora["per_second"], (between - before) / 1e3 / max(1, dora["done"]), dora["p99_ms"], dora["lost_percent"],
        renew["per_second"], (after - between) / 1e3 / exchanges, int(dora["dup"]),
    )  # fmt: skip


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--state", type=Path, default=Path("/var/tmp"))
    parser.add_argument("servers", nargs="*", default=[], metavar="SERVER", help="ics, dnsmasq, kea")
    parser.add_argument("--renew-seconds", type=float, default=RENEW_SECONDS)
    given = parser.parse_args()
    if os.geteuid():
        skip("it makes network namespaces: run it as root")
    for program in ("ip", "taskset", "cc"):
        if not installed(program):
            skip(f"{program} is not installed; make bench-tools installs what the benchmarks use")
    if len(os.sched_getaffinity(0)) < 2:
        skip("it needs two CPUs: one for the load, one for the servers")
    names = [name for name in given.servers or COMMANDS if installed(PROGRAMS[name])]
    for name in COMMANDS.keys() - set(names) if not given.servers else ():
        print(f"{name}: left out, it is not installed (make bench-tools)")
    found: dict[str, list[Figures]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="ics-bench-", dir=given.state) as directory, wire():
        load = Load(Path(directory))
        for number in range(given.rounds):
            for name in names:
                figures = measure(name, Path(directory) / name, load, given.clients, given.renew_seconds)
                found[name].append(figures)
                print(f"round {number + 1}: {name}: {figures}", flush=True)
    report(found)


def report(found: dict[str, list[Figures]]) -> None:
    """Medians, and the ratio to the first server."""
    columns = list(Figures.__dataclass_fields__)
    print("\n" + f"{'server':10}" + "".join(f"{column:>14}" for column in columns) + f"{'ratio':>8}")
    first = next(iter(found.values()))
    for name, runs in found.items():
        medians = [statistics.median(getattr(one, column) for one in runs) for column in columns]
        ratio = statistics.median(a.dora_s / b.dora_s for a, b in zip(first, runs, strict=True))
        print(f"{name:10}" + "".join(f"{value:14.2f}" for value in medians) + f"{ratio:8.2f}")
    print("ratio: how many times the first server's DORA rate is that of this one")


if __name__ == "__main__":
    main()
