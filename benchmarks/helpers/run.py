"""What a helper costs: FTP through the real daemon, beside plain forwarding and beside the kernel's own FTP helper.

Usage: python benchmarks/helpers/run.py [--rounds N] [--size MB] [--connections N] [--opens N]

Needs root, or a user namespace.  First comes open_port.py, in a host of its own.

In a lab (icsframework.lab): a PC with two ways to one server, through the daemon and through a gateway of nine nft
lines with nf_conntrack_ftp.  The modes take turns.

1. Data: curl fetches a file from vsftpd in active mode through the helper; in passive mode from a port that no helper
   watches (plain forwarding and masquerading); in active mode through the kernel's helper.
2. PORT: how long it is until the server's answer to PORT is back, beside NOOP: the port is open by then.
3. Control connections, all at once: how fast they come, memory, CPU for a command, beside plain forwarding.
4. After AUTH TLS the session steps aside: what the relay carries, beside plain forwarding.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from figures import cpu_ms, memory_mib, ratio, spread

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.ftp_server import FILE, vsftpd
from icsframework.lab.host import Host
from icsframework.lab.privilege import become_root, find_program
from icsframework.lab.spec import FtpService
from icsframework.lab.waiting import wait_for
from icsframework.lab.world import Lab

OPEN_PORT = Path(__file__).with_name("open_port.py")
ENDS = Path(__file__).with_name("ends.py")
CLIENTS = tuple(f"192.168.0.{number}" for number in range(50, 58))
"""One host may have a quarter of a helper's sessions, so the PC is eight."""
OURS, KERNEL = "203.0.113.80", "203.0.113.81"
"""The server, by the way that leads to it."""
FTP, PLAIN = 21, 2121
"""vsftpd, with a helper and without."""
STUB, PLAIN_STUB = 2100, 2200
"""ends.py, the same."""

LAB = f"""
segments: [home, wan]
hosts:
  pc:
    interfaces:
      eth0: {{segment: home, address: [{", ".join(f"{address}/24" for address in CLIENTS)}]}}
    routes: [{{to: {OURS}/32, via: 192.168.0.1}}, {{to: {KERNEL}/32, via: 192.168.0.2}}]
  gateway:
    interfaces: {{eth0: {{segment: wan, up: false}}, eth1: {{segment: home, up: false}}}}
    gateway:
      config:
        lans: [{{name: home, interface: eth1, address: 192.168.0.1/24, services: []}}]
        uplinks:
          - name: cable
            plugin: ethernet
            interface: eth0
            address: {{address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
        helpers: [{{plugin: ftp, ports: [{FTP}, {STUB}], limits: {{sessions: 10000}}}}]
  kernel:
    forward: true
    interfaces:
      eth0: {{segment: wan, address: 203.0.113.6/24}}
      eth1: {{segment: home, address: 192.168.0.2/24}}
  bare: {{}}
  server:
    interfaces: {{eth0: {{segment: wan, address: [203.0.113.1/24, {OURS}/24, {KERNEL}/24]}}}}
"""
KERNEL_RULES = """
table ip peer {
    ct helper ftp { type "ftp" protocol tcp; l3proto ip; }
    chain help { type filter hook prerouting priority mangle; iifname "eth1" tcp dport 21 ct helper set "ftp"; }
    chain nat { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "eth1" accept
    }
}
"""


def daemon_cpu(lab: Lab) -> float:
    """CPU milliseconds of the daemon so far."""
    return cpu_ms(lab["gateway"].gateway.pid)


def ends(host: Host, *arguments: object) -> Any:
    """Run a client of ends.py to its end; what it printed."""
    done = host.run([sys.executable, ENDS, *map(str, arguments)], timeout=120, check=True)
    return json.loads(done.stdout)


def opening(lab: Lab, opens: int) -> None:
    """open_port.py."""
    numbers = ["--opens", str(opens), "--held", str(opens)]
    done = lab["bare"].run([sys.executable, OPEN_PORT, *numbers], timeout=300, check=True)
    print(done.stdout)


# --- 1: data


@dataclass
class Mode:
    """A way of one file from the server to the PC, and what each round took."""

    words: list[str]
    served: Daemon
    speed: list[float] = field(default_factory=list)
    """MB/s, log-in included."""
    daemon: list[float] = field(default_factory=list)
    """CPU milliseconds of our daemon."""
    ends: list[float] = field(default_factory=list)
    """CPU milliseconds of curl and vsftpd for a MB: forwarding is done in the sender's time, on these wires."""


def fetch(lab: Lab, mode: Mode, size: int) -> None:
    """One transfer with curl."""
    daemon, server = daemon_cpu(lab), children_cpu(mode.served)
    options = ["--silent", "--show-error", "--max-time", "100", "--output", "/dev/null"]
    process = lab["pc"].popen(["curl", *options, *mode.words], stdout=DEVNULL)
    begin = time.perf_counter()
    _, ended, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(ended)
    if process.returncode:
        raise LabError(f"curl {' '.join(mode.words)}: {process.communicate()[1].strip()}")
    process.communicate()
    wait_for(lambda: not children(mode.served), 5, "vsftpd's session to end")
    mode.speed.append(size / seconds)
    mode.daemon.append(daemon_cpu(lab) - daemon)
    curl = (used.ru_utime + used.ru_stime) * 1000
    mode.ends.append((curl + children_cpu(mode.served) - server) / size)


def children(daemon: Daemon) -> str:
    """The process numbers of its sessions."""
    return Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text()


def children_cpu(daemon: Daemon) -> float:
    """CPU milliseconds of the sessions that have ended."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * 1000 / os.sysconf("SC_CLK_TCK")


def data(lab: Lab, rounds: int, size: int) -> None:
    """All modes in turns, and the table."""
    server = lab["server"]
    helped, plain = (vsftpd(server, FtpService(0, port), f"vsftpd-{port}") for port in (FTP, PLAIN))
    for served in (helped, plain):
        served.start()
        served.wait_ready()
    with (server.directory / "ftp" / FILE).open("wb") as file:
        file.truncate(size * 1_000_000)  # a hole: no disk takes part
    active = ["--ftp-port", "-"]
    modes = {
        "active, through ics": Mode([*active, f"ftp://{OURS}/{FILE}"], helped),
        "passive, no helper": Mode([f"ftp://{OURS}:{PLAIN}/{FILE}"], plain),
    }
    if with_kernel(lab["kernel"]):
        modes["active, nf_conntrack_ftp"] = Mode([*active, f"ftp://{KERNEL}/{FILE}"], helped)
    for turn in range(rounds):
        for number in range(len(modes)):
            fetch(lab, [*modes.values()][(turn + number) % len(modes)], size)
    print(f"{f'FTP data, {size} MB each':44}   median      min      max")
    for name, mode in modes.items():
        print(f"{name + ', MB/s':44}{spread(mode.speed)}")
        print(f"{'     CPU of both ends for a MB, ms':44}{spread(mode.ends, 2)}")
        print(f"{'     CPU of the daemon for all, ms':44}{spread(mode.daemon, 1)}")
    (name, ours), *others = modes.items()
    for other, peer in others:
        wall, cpu = ratio(ours.speed, peer.speed), ratio(ours.ends, peer.ends)
        print(f"{name} : {other} = {wall:.2f} (CPU of both ends {cpu:.2f})")


def with_kernel(host: Host) -> bool:
    """Make the peer's rules, if this kernel has its FTP helper."""
    done = host.run(["nft", "-f", "-"], input=KERNEL_RULES)
    if done.returncode:
        print(f"nf_conntrack_ftp: skipped, this kernel says: {done.stderr.strip().splitlines()[0]}")
    return not done.returncode


# --- 2: PORT


def port(lab: Lab, count: int) -> None:
    """NOOP and PORT by turns on one connection."""
    before = daemon_cpu(lab)
    seconds = ends(lab["pc"], "port", OURS, STUB, count, CLIENTS[0])
    used = (daemon_cpu(lab) - before) / count
    print(f"\n{'answered after, ms':44}      p50      p99      max")
    for words in ("noop", "port"):
        ordered = sorted(1000 * each for each in seconds[words])
        shown = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1])
        print(f"{words.upper():44}" + "".join(f"{each:9.2f}" for each in shown))
    print(f"{'     CPU of the daemon for both, ms':44}{used:9.2f}")


# --- 3: control connections


def connections(lab: Lab, count: int, commands: int) -> None:
    """Through the helper, and past it."""
    print(f"\n{f'{count} control connections':44}{'ics':>9}{'plain':>9}")
    before, used = memory_mib(lab["gateway"].gateway.pid)[0], daemon_cpu(lab)
    ours = many(lab, STUB, count, commands)
    plain = many(lab, PLAIN_STUB, count, commands)
    grown = ours["memory"] - before
    print(f"{'set-up, connections/s':44}{count / ours['connected']:9.0f}{count / plain['connected']:9.0f}")
    print(f"{'     CPU of the daemon for one, ms':44}{(ours['cpu'][0] - used) / count:9.2f}")
    print(f"{'memory of the daemon, before and with, MiB':44}{before:9.1f}{ours['memory']:9.1f}")
    print(f"{'     of one connection, KiB':44}{grown * 1024 / count:9.1f}")
    total = count * commands
    print(
        f"{'commands/s, all connections at once':44}{total / ours['talked']:9.0f}{total / plain['talked']:9.0f}"
    )
    print(
        f"{'     CPU of the daemon for a command, us':44}{1000 * (ours['cpu'][1] - ours['cpu'][0]) / total:9.0f}"
    )


def many(lab: Lab, to: int, count: int, commands: int) -> dict[str, Any]:
    """Open, look, talk, look, close."""
    process = lab["pc"].popen(
        [sys.executable, ENDS, "many", OURS, str(to), str(count), str(commands)], stdin=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    figures: dict[str, Any] = {"cpu": []}
    for words in (" ".join(CLIENTS), "talk"):
        process.stdin.write(words + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise LabError(f"the clients gave up: {process.communicate()[1].strip()}")
        figures.update(json.loads(line))
        figures["cpu"].append(daemon_cpu(lab))
        figures.setdefault("memory", memory_mib(lab["gateway"].gateway.pid)[0])
    process.communicate("\n")
    return figures


# --- 4: after AUTH TLS


def relay(lab: Lab, rounds: int, size: int) -> None:
    """The session has stepped aside; the bytes still pass through Python."""
    speeds: dict[int, list[float]] = {STUB: [], PLAIN_STUB: []}
    used = []
    for turn in range(rounds):
        for to in (STUB, PLAIN_STUB) if turn % 2 else (PLAIN_STUB, STUB):
            before = daemon_cpu(lab)
            speeds[to].append(size / ends(lab["pc"], "pull", OURS, to, size * 1_000_000)["seconds"])
            if to == STUB:
                used.append((daemon_cpu(lab) - before) / size)
    print(f"\n{f'after AUTH TLS, {size} MB each':44}   median      min      max")
    print(f"{'relayed by ics, MB/s':44}{spread(speeds[STUB])}")
    print(f"{'     CPU of the daemon for a MB, ms':44}{spread(used, 2)}")
    print(f"{'plain forwarding, MB/s':44}{spread(speeds[PLAIN_STUB])}")
    print(f"relayed : plain = {ratio(speeds[STUB], speeds[PLAIN_STUB]):.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, default=300, help="MB of a transfer")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--commands", type=int, default=20, help="on each connection")
    parser.add_argument("--opens", type=int, default=1000, help="ports, one after the other")
    options = parser.parse_args()
    try:
        become_root()
        with Lab.from_yaml(LAB) as lab:
            lab["gateway"].gateway.wait_uplink("cable")
            stub = Daemon(
                lab["server"],
                "ends",
                [sys.executable, ENDS, "serve", OURS, str(STUB), str(PLAIN_STUB)],
                lambda: "serving" in stub.log(),
            )
            stub.start()
            stub.wait_ready()
            opening(lab, options.opens)
            if find_program("vsftpd") and find_program("curl"):
                data(lab, options.rounds, options.size)
            else:
                print("FTP data: skipped, it takes vsftpd and curl (Debian: apt install vsftpd curl)")
            port(lab, max(20, options.connections))
            connections(lab, options.connections, options.commands)
            relay(lab, options.rounds, max(1, options.size // 5))
    except LabError as error:
        print(f"skipped: {error}" if error.exit_status == 77 else error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
