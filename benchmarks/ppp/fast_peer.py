"""The other end of a cable without a limit, for fast.py: a pseudo-terminal, PPP, and then octets as fast as they are taken.

Usage: fast_peer.py LINK CLIENT

It says `ready`, `up`, and for each line of input (`flood SECONDS`, `count SECONDS`) what came of it in JSON: the octets of
the IP packets that it sent, or that came.
"""

import json
import os
import select
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from icsframework.lab.telephone.port import Port
from icsframework.protocols.ppp.actions import Transmit
from icsframework.protocols.ppp.link import PppLink
from icsframework.testing.ppp import provider

SIZE = 1500
"""Octets of a packet."""
BURST = 40
"""Packets of one write."""


def packet(number: int) -> bytes:
    """UDP from the provider to the client, to a port where nobody is; random contents, as of what is encrypted."""
    udp = struct.pack("!HHHH", 9, 9, SIZE - 20, 0) + os.urandom(SIZE - 28)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, SIZE, number, 0, 64, 17, 0, b"\x0a\x40\0\1", b"\x0a\x40\0\2")
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:] + udp


def negotiate(port: Port, link: PppLink) -> None:
    """Until IP passes."""
    actions = link.open(time.monotonic())
    while not link.ready:
        for action in actions:
            if isinstance(action, Transmit):
                port.write(action.data)
        select.select([port], [], [], 0.05)
        data = port.read()
        actions = link.receive(data, time.monotonic()) if data else link.timeout(time.monotonic())
    for action in actions:
        if isinstance(action, Transmit):
            port.write(action.data)


def flood(port: Port, link: PppLink, seconds: float) -> int:
    """Send, as fast as the device takes it; whole frames only."""
    wires = [link.send(packet(number) for number in range(BURST)) for _ in range(8)]
    end, sent, number = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        wire = memoryview(wires[number % len(wires)])
        number += 1
        while wire:
            select.select([], [port], [])
            wire = wire[os.write(port.fileno(), wire) :]
        sent += BURST * SIZE
    return sent


def count(port: Port, link: PppLink, seconds: float) -> int:
    """Read, and look no further than how many frames there are: one begins at each flag that no other flag follows."""
    end, frames, last = time.monotonic() + seconds, 0, b""
    while time.monotonic() < end:
        if select.select([port], [], [], 0.05)[0]:
            data = last + os.read(port.fileno(), 65536)
            frames += data.count(b"~") - data.count(b"~~") - last.count(b"~")
            last = data[-1:]
    return frames * SIZE


def main() -> None:
    """Serve one cable."""
    port = Port(Path(sys.argv[1]))
    port.plug()
    print("ready", flush=True)
    while not port.in_use():
        time.sleep(0.01)
    link = PppLink(provider(), os.urandom)
    negotiate(port, link)
    print("up", flush=True)
    for line in sys.stdin:
        what, seconds = line.split()
        work = {"flood": flood, "count": count}[what]
        print(json.dumps(work(port, link, float(seconds))), flush=True)


if __name__ == "__main__":
    main()
