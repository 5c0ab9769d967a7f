"""From the start of the process to the first answers, beside dnsmasq; memory; and what `ics status` takes.

Usage: python benchmarks/start.py [--rounds N]          needs root, or a user namespace

The real daemon with a configuration of two lines, in a lab (icsframework.lab).  A PC of its LAN asks for the gateway's
name every 2 ms and sends a DHCPDISCOVER every 20 ms, with the gateway's MAC address in its neighbour table, so that
neither its own retries nor those of ARP are measured.  The PC is a known client: an address that is new is probed by
ARP for half a second before it is offered, which is a rule and no cost.

"Twisted alone" is what no program under twistd can be faster than: an interpreter that imports twistd and the reactor,
and ends.  It runs in the same round, so that the ratio to it can be compared between machines and busy moments.

dnsmasq answers the same question in the same round, as a peer for DNS alone: the interface and its address are ready
for it, while ics sets them, the routes and the packet filter itself.
"""

import argparse
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from figures import cpu_ms, memory_mib, ratio, spread

from icsframework.host.inventory import read_interfaces
from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.privilege import become_root, find_program
from icsframework.lab.waiting import wait_for
from icsframework.lab.world import Lab
from icsframework.protocols.dhcp.message import Message, MessageType
from icsframework.protocols.dns.name import name_from_text

CONFIG = """
lans: [{name: home, interface: eth1}]
uplinks: [{name: dsl, plugin: ethernet, interface: eth2}]
"""
GATEWAY, NAME = "192.168.0.1", "gateway.home.arpa"
ASK_EVERY, DISCOVER_EVERY = 0.002, 0.02
"""Seconds between two questions; what is measured can be late by as much."""
PATIENCE = 20.0
"""Seconds until a start counts as failed."""
SETTLE = 0.5
"""Seconds from ready to the look at the memory: the first uplink is up by then."""


@dataclass
class Start:
    """One start: milliseconds since the process began, and its CPU milliseconds, at each first answer."""

    at: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)


class Client:
    """The PC's two sockets."""

    def __init__(self, pc: Host, mac: bytes) -> None:
        self.mac = mac
        self.dns: socket.socket = pc.inside(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("net",)
        )
        self.dhcp: socket.socket = pc.inside(self._open_dhcp, ("net",))
        header = struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0)
        self._question = header + name_from_text(NAME) + struct.pack(">HH", 1, 1)

    @staticmethod
    def _open_dhcp() -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        opened.bind(("", 68))
        return opened

    def ask(self) -> None:
        """The gateway's name."""
        self.dns.sendto(self._question, (GATEWAY, 53))

    def discover(self) -> None:
        """Any address."""
        self.say(MessageType.DISCOVER, {})

    def say(self, kind: MessageType, options: dict[int, bytes]) -> None:
        """One DHCP message, broadcast."""
        message = Message(
            op=1, xid=0x1C5, flags=0x8000, chaddr=self.mac, options={53: bytes([kind]), **options}
        )
        self.dhcp.sendto(message.to_wire(), ("255.255.255.255", 67))

    def is_answer(self, data: bytes) -> bool:
        """A right answer to the question: no error, and the gateway's address at its end."""
        return data[:2] == b"\x12\x34" and not data[3] & 15 and data.endswith(ip_address(GATEWAY).packed)

    def close(self) -> None:
        self.dns.close()
        self.dhcp.close()

    def drain(self) -> None:
        """Throw away what is still there from the start before."""
        for one in (self.dns, self.dhcp):
            while select.select([one], [], [], 0)[0]:
                one.recv(2048)


def measure(daemon: Daemon, client: Client, wanted: dict[str, Callable[[], bool]]) -> Start:
    """Start ``daemon`` and note when each of ``wanted`` happens first: dns, offer, or a condition that is polled."""
    start, now = Start(), time.perf_counter
    client.drain()
    began = now()
    daemon.start()
    next_ask = next_discover = began
    while missing := set(wanted) - set(start.at):
        if now() > began + PATIENCE or not daemon.running:
            raise LabError(f"{daemon.name}: no {', '.join(sorted(missing))}\n{daemon.log()[-4000:]}")
        if "dns" in missing and now() >= next_ask:
            next_ask = now() + ASK_EVERY
            client.ask()
        if "offer" in missing and now() >= next_discover:
            next_discover = now() + DISCOVER_EVERY
            client.discover()
        ready = select.select([client.dns, client.dhcp], [], [], ASK_EVERY / 2)[0]
        seen = {"dns": client.dns in ready and client.is_answer(client.dns.recv(2048))}
        seen["offer"] = client.dhcp in ready and _is_offer(client.dhcp.recv(2048))
        for name in missing:
            if seen[name] if name in seen else wanted[name]():
                start.at[name], start.cpu[name] = (now() - began) * 1000, cpu_ms(daemon.pid)
    return start


def _is_offer(data: bytes) -> bool:
    return Message.from_wire(data).message_type is MessageType.OFFER


def log_has(daemon: Daemon, words: str) -> Callable[[], bool]:
    """Whether the daemon's log has said ``words`` since now."""
    begin = daemon.log_file.stat().st_size if daemon.log_file.exists() else 0

    def look() -> bool:
        if not daemon.log_file.exists():
            return False
        with daemon.log_file.open("rb") as log:
            log.seek(begin)
            return words.encode() in log.read()

    return look


def dnsmasq(gateway: Host) -> Daemon:
    """The peer, answering the same name on the same address."""
    options = ["-k", "--conf-file=/dev/null", "--user=root", "--pid-file", "--no-resolv", "--no-hosts"]
    options += [f"--listen-address={GATEWAY}", "--bind-interfaces", "--log-facility=-"]
    return Daemon(gateway, "dnsmasq-peer", ["dnsmasq", *options, f"--host-record={NAME},{GATEWAY}"])


def make_known(gateway: Host, client: Client) -> None:
    """Give the client a lease, which the journal keeps over all starts."""
    daemon = gateway.gateway
    daemon.start()
    daemon.wait_ready()
    client.drain()
    client.discover()
    offer = Message.from_wire(_received(client.dhcp))
    client.say(MessageType.REQUEST, {50: offer.yiaddr.to_bytes(4, "big"), 54: offer.options[54]})
    wait_for(lambda: daemon.api("GET", "/v1/leases"), 5, "the lease")
    daemon.stop()


def _received(opened: socket.socket) -> bytes:
    if not select.select([opened], [], [], 5)[0]:
        raise LabError("no DHCP offer")
    return opened.recv(2048)


def status(gateway: Host) -> tuple[float, float]:
    """One `ics status`."""
    program = Path(sys.executable).with_name("ics")
    return command(gateway, [program, "--socket", gateway.gateway.control_socket, "status"])


def floor(gateway: Host) -> tuple[float, float]:
    """Twisted alone."""
    program = "import twisted.scripts.twistd; from twisted.internet import reactor"
    return command(gateway, [sys.executable, "-c", program])


def command(gateway: Host, arguments: list[str | Path]) -> tuple[float, float]:
    """Wall and CPU milliseconds of a program that ends by itself."""
    began = time.perf_counter()
    process = gateway.popen(arguments, stdout=subprocess.DEVNULL)
    _, ended, used = os.wait4(process.pid, 0)
    wall = (time.perf_counter() - began) * 1000
    process.returncode = os.waitstatus_to_exitcode(ended)
    if process.returncode:
        raise LabError(f"{arguments[0]} ended with {process.returncode}")
    return wall, (used.ru_utime + used.ru_stime) * 1000


@dataclass
class Results:
    """All rounds."""

    starts: list[Start] = field(default_factory=list)
    peers: list[Start] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    status: list[tuple[float, float]] = field(default_factory=list)
    floor: list[tuple[float, float]] = field(default_factory=list)


def one_round(gateway: Host, client: Client, results: Results) -> None:
    """Twisted alone, ics, `ics status`, dnsmasq."""
    daemon = gateway.gateway
    results.floor.append(floor(gateway))
    wanted = {"dns": bool, "offer": bool, "ready": log_has(daemon, "gateway.ready")}
    results.starts.append(measure(daemon, client, wanted))
    daemon.wait_ready()
    time.sleep(SETTLE)
    results.memory.append(memory_mib(daemon.pid))
    results.status += [status(gateway) for _ in range(3)]
    daemon.stop()
    if find_program("dnsmasq"):
        for words in (["addr", "add", f"{GATEWAY}/24", "dev", "eth1"], ["link", "set", "eth1", "up"]):
            gateway.run(["ip", *words], check=True)
        peer = dnsmasq(gateway)
        results.peers.append(measure(peer, client, {"dns": bool}))
        peer.stop()
        for words in (["addr", "del", f"{GATEWAY}/24", "dev", "eth1"], ["link", "set", "eth1", "down"]):
            gateway.run(["ip", *words], check=True)


def show(results: Results) -> None:
    """The table."""
    print(f"{'':46}   median      min      max")
    for key, what in (("dns", "first DNS answer"), ("offer", "first DHCPOFFER"), ("ready", "gateway.ready")):
        print(f"ics: {what + ', ms':41}{spread([start.at[key] for start in results.starts])}")
        print(f"     {'CPU until then, ms':41}{spread([start.cpu[key] for start in results.starts])}")
    print(f"ics: {'RSS when ready, MiB':41}{spread([rss for rss, _ in results.memory], 1)}")
    print(f"ics: {'PSS when ready, MiB':41}{spread([pss for _, pss in results.memory], 1)}")
    print(f"{'ics status, ms':46}{spread([wall for wall, _ in results.status])}")
    print(f"{'     CPU, ms':46}{spread([cpu for _, cpu in results.status])}")
    print(f"{'Twisted alone, ms':46}{spread([wall for wall, _ in results.floor])}")
    print(f"{'     CPU, ms':46}{spread([cpu for _, cpu in results.floor])}")
    starts, floors = results.starts, results.floor
    wall = ratio([start.at["dns"] for start in starts], [wall for wall, _ in floors])
    cpu = ratio([start.cpu["dns"] for start in starts], [cpu for _, cpu in floors])
    print(f"first DNS answer, ics : Twisted alone = {wall:.2f} (CPU {cpu:.2f})")
    if not results.peers:
        print("dnsmasq: skipped, it is not installed (Debian: apt install dnsmasq-base)")
        return
    print(f"{'dnsmasq: first DNS answer, ms':46}{spread([start.at['dns'] for start in results.peers], 1)}")
    print(f"{'     CPU until then, ms':46}{spread([start.cpu['dns'] for start in results.peers], 1)}")
    wall = ratio([start.at["dns"] for start in results.starts], [start.at["dns"] for start in results.peers])
    cpu = ratio([start.cpu["dns"] for start in results.starts], [start.cpu["dns"] for start in results.peers])
    print(f"first DNS answer, ics : dnsmasq = {wall:.1f} (CPU {cpu:.1f}); dnsmasq found its interface ready")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    try:
        become_root()
    except LabError as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 77
    lab = Lab.from_yaml(start_gateways=False)
    lab.spec = lab.spec.with_gateway_config(CONFIG)
    results = Results()
    with lab:
        gateway, pc = lab["gateway"], lab["pc1"]
        mac = next(one.mac for one in gateway.inside(read_interfaces, ("net",)) if one.name == "eth1")
        own = next(one.mac for one in pc.inside(read_interfaces, ("net",)) if one.name == "eth0")
        pc.run(["ip", "addr", "add", "192.168.0.9/24", "dev", "eth0"], check=True)
        pc.run(
            ["ip", "neigh", "replace", GATEWAY, "lladdr", mac, "dev", "eth0", "nud", "permanent"], check=True
        )
        client = Client(pc, bytes.fromhex(own.replace(":", "")))
        make_known(gateway, client)
        for _ in range(options.rounds):
            one_round(gateway, client, results)
        client.close()
    show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
