"""The telephone network from one end to the other: a modem, its line, and who answers."""

import os
import re
import secrets
import select
import shutil
import struct
import time

import pytest

from icsframework.lab.waiting import wait_for
from icsframework.protocols.ppp.actions import Deliver, Down, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings

LAB = """
segments: [backbone]
hosts:
  pc:
    modems:
      modem: {}
  pc2:
    modems:
      other: {}
  isp:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.1/24}}
    telephone:
      server: %s
      auth: %s
      numbers: "123"
      address: 203.0.113.1
      clients: [203.0.113.5]
      users: {gw: secret}
      dns: [192.0.2.1]
"""
slirp = pytest.mark.skipif(not shutil.which("slirp-fullbolt"), reason="slirp-fullbolt is not installed")


class Caller:
    """A program at a modem: it dials and speaks PPP."""

    def __init__(self, host, device="/run/modem", password="secret"):
        self.line = host.inside(lambda: os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        self.link = PppLink(LinkSettings(credentials=Credentials("gw", password)), secrets.token_bytes)
        self.said, self.packets = [], []

    def command(self, words):
        """A command line and its result."""
        os.write(self.line, words.encode() + b"\r")
        read = b""
        end = time.monotonic() + 5.0
        while not (result := re.search(rb"\r\n(.+)\r\n", read)):
            assert select.select([self.line], [], [], max(0.0, end - time.monotonic()))[0], read
            read += os.read(self.line, 1)
        return result[1].decode()

    def dial(self, number):
        """The result of a call."""
        assert self.command("ATE0") == "OK"
        return self.command(f"ATDT{number}")

    def do(self, actions):
        """Carry out what the link wants."""
        for action in actions:
            if isinstance(action, Transmit):
                os.write(self.line, action.data)
            elif isinstance(action, Deliver):
                self.packets += action.packets
            else:
                self.said.append(action)

    def until(self, kind):
        """Let the link work until it says something of this kind, and return that."""
        end = time.monotonic() + 10.0
        while not (found := [each for each in self.said if isinstance(each, kind)]):
            assert time.monotonic() < end, self.said
            if select.select([self.line], [], [], 0.1)[0]:
                self.do(self.link.receive(os.read(self.line, 65536), time.monotonic()))
            self.do(self.link.timeout(time.monotonic()))
        return found[0]

    def connect(self):
        """Dial, and negotiate until IP passes."""
        assert self.dial("123").startswith("CONNECT")
        self.do(self.link.open(time.monotonic()))
        return self.until(Up).result

    def ping(self, local, to):
        """An ICMP echo; True when it comes back."""
        body = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + bytes(32)
        body = body[:2] + checksum(body) + body[4:]
        head = (
            struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 1, 0)
            + local.packed
            + bytes(map(int, to.split(".")))
        )
        os.write(self.line, self.link.send([head[:10] + checksum(head) + head[12:] + body]))
        end = time.monotonic() + 5.0
        while not self.packets and time.monotonic() < end:
            if select.select([self.line], [], [], 0.1)[0]:
                self.do(self.link.receive(os.read(self.line, 65536), time.monotonic()))
        return bool(self.packets) and self.packets[0][20] == 0

    def close(self):
        """Hang up."""
        os.close(self.line)


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)


@pytest.mark.parametrize("auth", ["none", "pap", "chap", "mschapv2"])
def test_our_own_provider(open_lab, auth):
    """It authenticates, gives address and DNS server, and leads to the backbone."""
    lab = open_lab(LAB % ("ics", auth))
    caller = Caller(lab["pc"])
    result = caller.connect()
    assert (str(result.local), str(result.peer)) == ("203.0.113.5", "203.0.113.1")
    assert list(map(str, result.dns)) == ["192.0.2.1"]
    assert result.authentication == {"none": "", "pap": "PAP", "chap": "CHAP", "mschapv2": "MS-CHAPv2"}[auth]
    assert caller.ping(result.local, "192.0.2.1")
    caller.close()


def test_its_lines_are_counted(open_lab):
    """Who calls while the only line is in use hears busy; after it was hung up the next caller gets it."""
    lab = open_lab(LAB % ("ics", "chap"))
    first, second = Caller(lab["pc"]), Caller(lab["pc2"], "/run/other")
    first.connect()
    assert second.dial("123") == "BUSY"
    first.close()
    provider = lab["isp"].services["telephone"]
    wait_for(lambda: "the caller hung up" in provider.log(), 5.0, "the provider to see the end")
    assert str(second.connect().local) == "203.0.113.5"
    second.close()


@pytest.mark.parametrize("server", ["ics", pytest.param("slirp", marks=slirp)])
def test_a_wrong_password(open_lab, server):
    """It says so, and hangs up."""
    lab = open_lab(LAB % (server, "chap"))
    caller = Caller(lab["pc"], password="wrong")
    assert caller.dial("123").startswith("CONNECT")
    caller.do(caller.link.open(time.monotonic()))
    assert caller.until(Down).cause.value == "refused"
    wait_for(lambda: lab["pc"].modem.look()["mode"] == "command", 5.0, "the provider to hang up")
    caller.close()


@slirp
@pytest.mark.parametrize("auth", ["pap", "chap"])
def test_slirp(open_lab, auth):
    """The provider that others wrote; its program ends with the call."""
    lab = open_lab(LAB % ("slirp", auth))
    caller = Caller(lab["pc"])
    result = caller.connect()
    assert (str(result.local), list(map(str, result.dns))) == ("10.0.2.15", ["192.0.2.1"])
    assert caller.ping(result.local, "10.0.2.2")
    assert any("slirp-fullbolt" in words[0] for words in lab["isp"].processes().values())
    caller.close()
    wait_for(
        lambda: not any("slirp-fullbolt" in words[0] for words in lab["isp"].processes().values()),
        5.0,
        "slirp to end",
    )
