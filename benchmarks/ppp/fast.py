"""The data path of the real daemon on a pseudo-terminal without a limit: MB/s each way, and CPU time of the daemon for a MB.

Part of line.py, or alone: python benchmarks/ppp/fast.py [--seconds N].  The other end is fast_peer.py, a process of its own: it
sends frames that were made before, and only counts those that come.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from figures import cpu_ms

from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.machine import Process
from icsframework.lab.privilege import become_root
from icsframework.lab.world import Lab

LAB = """
segments: [home]
hosts:
  gateway:
    interfaces: {eth1: {segment: home, up: false}}
    gateway:
      config:
        lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
        uplinks: [{name: cable, plugin: dialup, device: /run/modem, modem: null-modem}]
"""
PUSH = """
import socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("192.0.2.80", 9))
data = bytes(range(256)) * 5 + bytes(192)
start, end, sent = time.monotonic(), time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    for _ in range(20):
        out.send(data)
    sent += 20
    time.sleep(max(0.0, start + sent * 1500 / 25e6 - time.monotonic()))
"""
"""Some 25 MB/s, more than the daemon carries, and no more work than that."""


def ask(peer: Process, what: str) -> Any:
    """One request to fast_peer.py."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    peer.stdin.write(what + "\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline())


def received(host: Host) -> int:
    """Octets that came out of the tunnel, as the kernel counts them."""
    return int(host.inside(Path("/sys/class/net/icsu-cable/statistics/rx_bytes").read_text))


def show(name: str, octets: int, seconds: float, cpu: float) -> None:
    """One line; MB/s of a whole core is what the CPU time would allow."""
    mb = octets / 1e6
    print(f"{name:24}{mb / seconds:9.1f}{cpu / mb:12.1f}{mb / cpu * 1000:16.1f}", flush=True)


def run(seconds: float) -> None:
    """Both ways."""
    with Lab.from_yaml(LAB, start_gateways=False) as lab:
        host = lab["gateway"]
        words: list[str | Path] = [
            sys.executable,
            Path(__file__).with_name("fast_peer.py"),
            "/run/modem",
            "10.64.0.2",
        ]
        peer = host.popen(words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        assert peer.stdout is not None
        if peer.stdout.readline() != "ready\n":
            raise LabError("the other end did not start")
        host.gateway.start()
        host.gateway.wait_ready()
        host.gateway.wait_uplink("cable", "up", 20.0)
        if peer.stdout.readline() != "up\n":
            raise LabError("the other end is not up")
        print(f"\n{'without a limit':24}{'MB/s':>9}{'CPU ms/MB':>12}{'MB/s of a core':>16}")
        pid = host.gateway.pid
        before, cpu, start = received(host), cpu_ms(pid), time.monotonic()
        ask(peer, f"flood {seconds}")
        took = time.monotonic() - start
        show("from the line", received(host) - before, took, cpu_ms(pid) - cpu)
        time.sleep(0.5)
        pusher = host.popen([sys.executable, "-c", PUSH, str(seconds + 1)], stdout=DEVNULL, stderr=DEVNULL)
        time.sleep(0.5)
        cpu = cpu_ms(pid)
        sent = ask(peer, f"count {seconds}")
        show("to the line", sent, seconds, cpu_ms(pid) - cpu)
        pusher.wait()
        peer.kill()


def main() -> int:
    """Alone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of bulk, each way")
    options = parser.parse_args()
    try:
        become_root()
        run(options.seconds)
    except LabError as error:
        print(f"skipped: {error}" if error.exit_status == 77 else f"failed: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
