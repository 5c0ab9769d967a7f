"""slirp as the ISP, on a socket pair, with a driver that does for a PppLink what a plugin would do on a serial line.

``dial(...)`` starts ``slirp-fullbolt`` (Debian's package slirp; its plain ``slirp`` ends at once
on 64-bit machines) and returns a Call.  With ICS_RECORD_PPP=DIRECTORY the octets of each call are
written there, a file for each test, as tests/unit/icsframework/protocols/ppp/test_link_slirp.py plays them back.
"""

import os
import re
import select
import shutil
import socket
import subprocess
import time
from ipaddress import IPv4Address
from pathlib import Path

import dpkt
import pytest

from icsframework.protocols.ppp.actions import Deliver, Down, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import seeded

SLIRP = "slirp-fullbolt"
HOST = IPv4Address("10.0.2.2")
"""What slirp calls the machine it runs on."""


class Call:
    """One call to a slirp: the link, everything it said, and the IP packets that came."""

    def __init__(self, home, words, settings, record=None):
        for name in (".pap-secrets", ".chap-secrets"):
            (home / name).write_text('"gw" * "secret"\n')
            (home / name).chmod(0o600)
        self.line, theirs = socket.socketpair()
        # -P comes first: it forgets every option before it.
        command = [SLIRP, "-P", *words, "mtu 1500", "nozeros", "ppp_exit", "dns 10.9.9.1", "dns 10.9.9.2"]
        self.slirp = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(home)},
        )
        theirs.close()
        self.link = PppLink(settings, seeded(1))
        self.actions, self.packets, self.transcript = [], [], []
        self.recorded = record
        self.do(self.link.open(time.monotonic()))

    def do(self, actions):
        """Carry out what the link wants."""
        for action in actions:
            if isinstance(action, Transmit):
                self.write(action.data)
            elif isinstance(action, Deliver):
                self.packets += action.packets
            else:
                self.actions.append(action)

    def write(self, data):
        """To the line."""
        self.transcript.append(f"> {data.hex()}")
        try:
            self.line.sendall(data)
        except OSError:
            self.do(self.link.lost("slirp is gone", time.monotonic()))

    def send(self, *packets):
        """IP packets."""
        self.write(self.link.send(packets))

    def step(self, seconds):
        """Wait for the line, but no longer than the link can."""
        deadline = self.link.deadline()
        now = time.monotonic()
        wait = seconds if deadline is None else max(0.0, min(seconds, deadline - now))
        if select.select([self.line], [], [], wait)[0]:
            try:
                data = self.line.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.do(self.link.lost("slirp is gone", time.monotonic()))
                return
            self.transcript.append(f"< {data.hex()}")
            self.do(self.link.receive(data, time.monotonic()))
        self.do(self.link.timeout(time.monotonic()))

    def wait_for(self, what, seconds=5.0):
        """Let the link work until something is true; fails with everything that was said if it never is."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.actions
            self.step(0.2)

    def all(self, kind):
        """Every action of this kind."""
        return [action for action in self.actions if isinstance(action, kind)]

    def up(self):
        """Wait until IP passes; returns the result."""
        self.wait_for(lambda: self.all(Up) or self.all(Down))
        assert self.all(Up), self.actions
        return self.all(Up)[-1].result

    def down(self, seconds=5.0):
        """Wait until it is over; returns how."""
        self.wait_for(lambda: self.all(Down), seconds)
        return self.all(Down)[0]

    def ping(self, size=56):
        """An ICMP echo to slirp's host; returns the reply's data."""
        self.packets.clear()
        echo = dpkt.icmp.ICMP.Echo(id=7, seq=1, data=bytes(range(256)) * (size // 256) + bytes(size % 256))
        self.send(self.ip(1, dpkt.icmp.ICMP(type=8, data=echo)))
        self.wait_for(lambda: self.packets)
        reply = dpkt.ip.IP(self.packets.pop(0))
        assert (reply.src, reply.data.type) == (HOST.packed, 0)
        return reply.data.data.data

    def ip(self, protocol, payload, ident=1):
        """An IP packet from us to slirp's host, with its checksums."""
        local = self.all(Up)[-1].result.local
        packet = dpkt.ip.IP(src=local.packed, dst=HOST.packed, p=protocol, id=ident, ttl=64, data=payload)
        packet.len = len(packet)
        return bytes(packet)

    def end(self):
        """Take it away."""
        self.line.close()
        self.slirp.terminate()
        try:
            self.slirp.wait(2)
        except subprocess.TimeoutExpired:
            self.slirp.kill()
            self.slirp.wait()
        if self.recorded:
            self.recorded.write_text("\n".join(self.transcript) + "\n")


class Tcp:
    """Just enough of TCP for a line that loses nothing: connect, send, receive, each segment acknowledged."""

    def __init__(self, call, port):
        self.call, self.port, self.ident = call, port, 100
        self.seq, self.ack, self.received = 1000, 0, b""
        self._segment(dpkt.tcp.TH_SYN)
        call.wait_for(self._take)
        self.seq += 1
        self._segment(dpkt.tcp.TH_ACK)

    def _segment(self, flags, data=b""):
        self.ident += 1
        tcp = dpkt.tcp.TCP(
            sport=2000, dport=self.port, seq=self.seq, ack=self.ack, flags=flags, win=16384, data=data
        )
        self.call.send(self.call.ip(6, tcp, self.ident))

    def _take(self):
        """Take what has come; True if something was in order."""
        taken = False
        while self.call.packets:
            packet = dpkt.ip.IP(self.call.packets.pop(0))
            whole = bytes(packet)
            packet.sum = packet.data.sum = 0
            assert bytes(packet) == whole, "a packet came with wrong checksums"
            tcp = packet.data
            if tcp.flags & dpkt.tcp.TH_SYN:
                self.ack = tcp.seq + 1
            elif tcp.seq == self.ack and tcp.data:
                self.received += tcp.data
                self.ack += len(tcp.data)
                self._segment(dpkt.tcp.TH_ACK)
            taken = True
        return taken

    def exchange(self, data, size=400):
        """Send it in pieces to somebody who sends it back; returns what came."""
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self._segment(dpkt.tcp.TH_ACK | dpkt.tcp.TH_PUSH, piece)
            self.seq += len(piece)
            expected = at + len(piece)
            self.call.wait_for(lambda: self._take() is not None and len(self.received) >= expected)  # noqa: B023
        return self.received


@pytest.fixture
def dial(tmp_path, request):
    """A function that calls a slirp with these options; all calls end with the test."""
    if not shutil.which(SLIRP):
        pytest.skip(f"{SLIRP} is not installed (Debian: slirp)")
    calls = []
    where = os.environ.get("ICS_RECORD_PPP")

    def call(*words, settings=LinkSettings(credentials=Credentials("gw", "secret"))):  # noqa: B008 - frozen
        home = tmp_path / str(len(calls))
        home.mkdir()
        name = re.sub(r"\W+", "_", request.node.name).strip("_").removeprefix("test_")
        record = Path(where) / f"{name}_{len(calls)}.txt" if where else None
        calls.append(Call(home, words, settings, record))
        return calls[-1]

    yield call
    for each in calls:
        each.end()


@pytest.fixture
def connect():
    """A function that makes a TCP connection through a call."""
    return Tcp
