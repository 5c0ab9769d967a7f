"""Two PCs behind a gateway that dials when they need the Internet, and what there is at the other end of the telephone.

One lab serves all tests of a file: the telephone book of the modem says who answers number 123 in each test (`isp` at
once, `slow` when a PC's TCP has sent its SYN twice, `others`, a PPP server that is not the gateway's own, or a fault), and `stand` begins with the
line down and dialled by whatever comes.
"""

import shutil
import socket
import struct
import sys
from pathlib import Path

import dpkt
import pytest

from icsframework.lab.parse import parse_lab
from icsframework.lab.waiting import wait_for
from icsframework.lab.witness import Witness

ICS = str(Path(sys.executable).with_name("ics"))
SERVER, PUBLIC = "192.0.2.80", "203.0.113.5"
LAB = """
segments: [home, backbone]
hosts:
  pc1: {interfaces: {eth0: {segment: home, address: dhcp}}}
  pc2: {interfaces: {eth0: {segment: home, address: dhcp}}}
  gateway:
    interfaces: {eth1: {segment: home, up: false}}
    modems: {modem: {}}
    gateway: {config: {}}
  isp:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.1/24}}
    telephone:
      {numbers: "123", users: {gw: secret}, address: 203.0.113.1, clients: [203.0.113.5, 203.0.113.6], dns: [192.0.2.1]}
    dns: {names: {www.example.net: 192.0.2.80, stats.telemetry.example: 192.0.2.81, NAMES}}
  slow:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.2/24}}
    telephone:
      {numbers: "124", users: {gw: secret}, address: 203.0.113.9, clients: [203.0.113.13], dns: [192.0.2.1], delay: 1300}
  server:
    interfaces: {eth0: {segment: backbone, address: [192.0.2.80/24, 192.0.2.81/24]}}
    routes: [{to: 203.0.113.0/29, via: 192.0.2.1}, {to: 203.0.113.8/29, via: 192.0.2.2}]
    web: {page: "Who wakes me?\\n", big: 10kB}
    ftp: {size: 20kB}
"""
OTHERS = """
  others:
    interfaces: {eth0: {segment: backbone, address: 192.0.2.3/24}}
    telephone: {numbers: "125", users: {gw: secret}, server: slirp, auth: chap, dns: [192.0.2.1]}
"""
CABLE = """
  fibre:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.4/24}, eth1: {segment: fibre, address: 198.51.100.1/24}}
"""
"""A provider without a telephone."""
NAMES = [f"name{number}.example.net" for number in range(40)]
"""An answer is kept for minutes, so that a name dials but once."""
USUAL = {"connect": "demand", "demand": "{idle: 30s, hold: 20s}"}


def config(publish="[]", first="", **keys):
    """The gateway's file with these keys of the uplink (YAML text), what is published, and an uplink before it."""
    words = {"numbers": '"123"', "user": "gw", "password": "secret"} | keys
    own = ", ".join(f"{name}: {value}" for name, value in words.items())
    return (
        "lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]\n"
        f"uplinks: [{first}{{name: phone, plugin: dialup, device: /run/modem, {own}}}]\n"
        f"publish: {publish}\n"
    )


def lab_text(gateway):
    """The lab's file; who has slirp gets the provider that others wrote."""
    indented = "".join(f"        {line}\n" for line in gateway.splitlines())
    names = ", ".join(f"{name}: {SERVER}" for name in NAMES)
    text = LAB.replace("NAMES", names).replace(
        "    gateway: {config: {}}\n", f"    gateway:\n      config:\n{indented}"
    )
    return text + (OTHERS if shutil.which("slirp-fullbolt") else "")


class Everywhere:
    """Packets on all interfaces of a host, also of those that do not exist yet: (interface, outgoing, packet)."""

    ETH_P_ALL, OUTGOING = 3, 4

    def __init__(self, host):
        def make():
            return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(self.ETH_P_ALL))

        self._socket = host.inside(make, ("net",))
        self._socket.setblocking(False)

    def packets(self):
        """Everything so far; ends it."""
        found = []
        with self._socket:
            while True:
                try:
                    data, (interface, _, kind, *_) = self._socket.recvfrom(65535)
                except BlockingIOError:
                    return found
                found.append((interface, kind == self.OUTGOING, data))


def read_packets(capture):
    """Time and IPv4 packet of what a capture has, of Ethernet or of a device without link headers."""
    found = []
    for when, frame in capture.timed_frames():
        packet = (
            frame if frame[0] >> 4 == 4 and len(frame) >= 20 and frame[12:14] != b"\x08\x00" else frame[14:]
        )
        found.append((when, dpkt.ip.IP(packet)))
    return found


def icmp_errors(capture):
    """Type, code and quoted packet of the ICMP errors that a capture has."""
    found = []
    for _, packet in read_packets(capture):
        if packet.p == dpkt.ip.IP_PROTO_ICMP and packet.data.type == dpkt.icmp.ICMP_UNREACH:
            raw = bytes(packet.data)
            found.append((raw[0], raw[1], dpkt.ip.IP(raw[8:])))
    return found


def extended_error(said):
    """Number and text of the extended error (RFC 8914) that dig prints; None if there is none."""
    line = next((line for line in said.splitlines() if "; EDE: " in line), None)
    if line is None:
        return None
    number, _, text = line.partition("; EDE: ")[2].partition(" ")
    return int(number), text


def error_of(sock):
    """The error that the socket has got, waiting for it; its ICMP type and code too, if it was a datagram's."""
    IP_RECVERR, MSG_ERRQUEUE = 11, 0x2000
    sock.settimeout(10.0)
    try:
        sock.recv(100)
    except TimeoutError:
        raise
    except OSError as error:
        _, ancillary, _, _ = sock.recvmsg(100, 512, MSG_ERRQUEUE)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
                number, _, icmp_type, icmp_code = struct.unpack_from("=IBBB", data)
                return error.errno or number, (icmp_type, icmp_code)
        return error.errno, None
    raise AssertionError("there was an answer")


class Stand:
    """The lab, and what its tests ask of it."""

    def __init__(self, lab):
        self.lab = lab
        self.pc1, self.pc2, self.server, self.box = lab["pc1"], lab["pc2"], lab["server"], lab["gateway"]
        self.gateway, self.modem = self.box.gateway, self.box.modem
        self.lease = {}
        self.configured = ""
        self._names = iter(NAMES)

    # --- what the operator does

    def ics(self, *words, timeout=30.0):
        """The command on the gateway: exit status and what it said."""
        done = self.box.run([ICS, "--socket", str(self.gateway.control_socket), *words], timeout=timeout)
        return done.returncode, (done.stdout + done.stderr).strip()

    def write(self, **keys):
        """Write the gateway's file with these keys of the uplink beside the usual ones, or in place of them."""
        text = config(**USUAL | keys)
        self.configured = text
        self.gateway.configure(parse_lab(lab_text(text)).hosts["gateway"].gateway)

    def reload(self, **keys):
        """The same, and have the running gateway take it."""
        self.write(**keys)
        self.gateway.api("POST", "/v1/reload", {})

    def begin(self, **keys):
        """The line down and armed, with these keys; number 123 answers at once."""
        self.modem.set_number("123", "isp")
        if self.configured != config(**USUAL | keys):
            self.reload(**keys)
        self.hang_up()
        return self

    def hang_up(self):
        """By command; it is armed again."""
        self.gateway.api("POST", "/v1/disconnect", {"uplink": "phone"})
        if self.uplink()["connect"] == "demand":
            self.wait_armed()

    def join(self):
        """Both PCs have their addresses."""
        for pc in (self.pc1, self.pc2):
            self.lease[pc.name] = pc.dhcp()
        return self

    # --- what can be seen

    def uplink(self):
        """Its part of the status."""
        return self.gateway.uplink("phone")

    def wait(self, *states, timeout=15.0):
        """Wait until the uplink is in one of these states."""
        wait_for(
            lambda: self.uplink()["state"] in states, timeout, f"uplink phone to be {' or '.join(states)}"
        )
        return self.uplink()

    def wait_armed(self, timeout=15.0):
        """Wait until the uplink is armed and packets find the hold device, which takes a moment longer."""
        shown = self.wait("armed", timeout=timeout)
        self.wait_hold()
        return shown

    def wait_hold(self):
        """Wait until packets to the Internet find the hold device and nothing else, and the rules let them wait there."""

        def only_way():
            routes = self.box.run(["ip", "route", "show", "default"]).stdout.splitlines()
            untracked = ["nft", "list", "chain", "inet", "ics", "raw_pre"]
            return len(routes) == 1 and "dev icsh0" in routes[0] and self.box.run(untracked).returncode == 0

        wait_for(only_way, 5.0, "the hold device to be the only way")

    def history(self):
        """Oldest first."""
        return self.gateway.api("GET", "/v1/history")

    def wait_event(self, event, words):
        """Wait until the last such event of the history has these words in its reason; a state is seen a moment earlier."""

        def last():
            found = [one for one in self.history() if one["event"] == event]
            return found and words in found[-1]["reason"]

        wait_for(last, 5.0, f"the history to have {event}: {words}")

    def dialled(self):
        """How often the modem was told to dial."""
        return len(self.modem.look()["dialled"])

    def held(self):
        """Packets that went to Python, for ever counted by the kernel's own device."""
        file = Path("/sys/class/net/icsh0/statistics/tx_packets")
        return int(self.box.inside(file.read_text))

    packets, icmp_errors, error_of, extended_error = map(
        staticmethod, (read_packets, icmp_errors, error_of, extended_error)
    )
    everywhere = Everywhere

    def hold(self):
        """What the status says of the packets that wait."""
        return self.gateway.status_tree()["hold"]

    def new_name(self):
        """One that nobody has looked up yet."""
        return next(self._names)

    # --- what hosts do

    def udp(self, host, to=None):
        """A datagram socket of a host that is told of ICMP errors; connected if ``to`` is an address and port."""

        def make():
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_RECVERR", 11), 1)
            made.settimeout(15.0)
            if to is not None:
                made.connect(to)
            return made

        return host.inside(make, ("net",))

    def tcp(self, host, timeout=15.0):
        """A stream socket of a host."""

        def make():
            made = socket.socket()
            made.settimeout(timeout)
            return made

        return host.inside(make, ("net",))

    def raw(self, host):
        """What sends whole IPv4 packets of any kind."""

        def make():
            made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            return made

        return host.inside(make, ("net",))

    def witness(self, port=9000, answer=True):
        """Who listens at the server."""
        return Witness(self.server, port, answer)

    def dig(self, *words, host=None, timeout=15):
        """What the real dig prints."""
        command = ["dig", "@192.168.0.1", "+tries=1", f"+timeout={timeout}", *words]
        return (host or self.pc1).run(command, timeout=timeout + 5.0).stdout


@pytest.fixture(scope="module")
def module_stand(open_module_lab):
    """The lab of all tests of a file."""
    stand = Stand(open_module_lab(lab_text(config(**USUAL))))
    stand.configured = config(**USUAL)
    return stand.join()


@pytest.fixture
def stand(module_stand):
    """The same, line down, usual keys."""
    return module_stand.begin()


@pytest.fixture
def stand_with_cable(open_lab):
    """A stand whose gateway has a cable as well, which is preferred and always up."""
    cable = (
        "{name: cable, plugin: ethernet, interface: eth0, "
        "address: {address: 198.51.100.5/24, gateway: 198.51.100.1, dns: [192.0.2.1]}}, "
    )
    text = lab_text(config(first=cable, **USUAL)) + CABLE
    text = text.replace("segments: [home, backbone]", "segments: [home, backbone, fibre]")
    text = text.replace(
        "{eth1: {segment: home, up: false}}",
        "{eth1: {segment: home, up: false}, eth0: {segment: fibre, up: false}}",
    )
    routes = "routes: [{to: 203.0.113.0/29"
    stand = Stand(
        open_lab(text.replace(routes, routes.replace("[", "[{to: 198.51.100.0/24, via: 192.0.2.4}, ")))
    )
    stand.gateway.wait_uplink("cable")
    return stand.join()


@pytest.fixture
def fresh_stand(open_lab):
    """A function that opens a lab for one test: sysctls of the gateway (YAML text), keys of the uplink."""

    def make(sysctls="{}", start=True, **keys):
        text = lab_text(config(**USUAL | keys))
        text = text.replace(
            "    modems: {modem: {}}\n", f"    modems: {{modem: {{}}}}\n    sysctls: {sysctls}\n"
        )
        stand = Stand(open_lab(text, start_gateways=start))
        stand.configured = config(**USUAL | keys)
        return stand.join() if start else stand

    return make
