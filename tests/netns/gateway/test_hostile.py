"""Garbage on every port of the real daemon, from the LAN, from the provider's segment and from its own socket.

Nothing but counters moves: it is the same process, its log holds no traceback and does not grow with
the packets, leases and their journal are what they were, descriptors and memory stay within bounds, the status
answers at once, and a PC goes on as if nothing were.  One lab and one daemon for all: whatever an attack leaves behind meets the next.

Whatever is mutated was captured here before: the packets of real clients and servers.
"""

import json
import os
import random
import socket
import struct
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from icsframework.lab.parse import default_text
from icsframework.lab.waiting import wait_for

GATEWAY, PC = "192.168.0.1", "pc1"
CABLE, CABLE_SERVER = "203.0.113.5", "203.0.113.1"
WWW = "192.0.2.80"
FORGED = "198.18.66.66"
"""What a forged answer says; nobody may ever believe it."""
OUTSIDER = bytes.fromhex("02005e0053ee")
"""The hardware address under which garbage comes, in the frame and inside."""
BROADCAST = b"\xff" * 6
RENEW_EVERY = 5
"""Seconds after which the gateway's own DHCP client renews."""

STATUS_WITHIN = 1.0
"""Seconds for the status, right after an attack."""
MORE_DESCRIPTORS = 8
MORE_MEMORY = 32 << 20
"""Bytes that the daemon may have grown since before the first attack: caches and counters, not packets."""
MORE_LINES = 60
"""Lines of log for an attack of thousands of packets."""
DEFECTS = ("Traceback", "Unhandled", "#critical", "#error")


# --- the lab ------------------------------------------------------------------------------------------------


@dataclass
class World:
    """The lab, what was captured in it, and how the daemon was before the first attack."""

    lab: object
    requests: list[bytes] = field(default_factory=list)
    """DHCP, as PCs send it: UDP payloads."""
    replies: list[bytes] = field(default_factory=list)
    """DHCP, as the provider answers: whole frames."""
    questions: list[bytes] = field(default_factory=list)
    """DNS: UDP payloads."""
    answers: list[bytes] = field(default_factory=list)
    descriptors: int = 0
    memory: int = 0

    @property
    def daemon(self):
        return self.lab["gateway"].gateway

    def mac(self, host, interface):
        path = Path("/sys/class/net", interface, "address")
        return bytes.fromhex(self.lab[host].inside(path.read_text).strip().replace(":", ""))

    def raw(self, host, interface="eth0"):
        """A packet socket for whole frames."""

        def make():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((interface, 0))
            return sock

        return self.lab[host].inside(make)

    def open(self, host, kind=socket.SOCK_DGRAM):
        """An Internet socket in a host."""
        return self.lab[host].inside(lambda: socket.socket(socket.AF_INET, kind))

    def details(self, plugin):
        """What status shows of a LAN service."""
        services = self.daemon.status_tree()["lans"][0]["services"]
        return next(one["details"] for one in services if one["plugin"] == plugin)

    def counters(self):
        """All counters of the DHCP and DNS services in one."""
        dns = {name: value for name, value in self.details("dns").items() if isinstance(value, int)}
        return {**{f"dns.{k}": v for k, v in dns.items()}, **{f"dhcp.{k}": v for k, v in self.dhcp().items()}}

    def dhcp(self):
        return self.details("dhcp")["home"]["counters"]

    def uplink(self):
        """What the uplink by DHCP shows of itself."""
        return self.daemon.uplink("dsl")["details"]

    def use(self):
        """How many descriptors and how many bytes of memory the daemon has."""
        pages = int(Path(f"/proc/{self.daemon.pid}/statm").read_text().split()[1])
        return len(list(Path(f"/proc/{self.daemon.pid}/fd").iterdir())), pages * os.sysconf("SC_PAGESIZE")

    def lasting(self):
        """What no garbage may change."""
        journal = (self.daemon.state / "dhcp.leases.journal").read_bytes()
        tree = self.daemon.status_tree()
        uplinks = [(one["name"], one["state"], one["addresses"], one["active"]) for one in tree["uplinks"]]
        lans = [(one["name"], one["state"], one["address"]) for one in tree["lans"]]
        return self.daemon.pid, self.daemon.api("GET", "/v1/leases"), journal, uplinks, lans

    def settle(self):
        """Wait until what was sent is dealt with: the counters rest."""
        seen = []

        def rests():
            seen.append(self.counters())
            return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

        wait_for(rests, 10, "the counters to rest")

    def works(self):
        """A PC gets its address again, resolves and fetches."""
        pc = self.lab[PC]
        before = self.daemon.api("GET", "/v1/leases")[0]["address"]
        assert str(pc.dhcp().address.ip) == before
        assert pc.resolve("www.example.net") == (WWW,)
        assert pc.fetch(f"http://{WWW}/").status == 200


@pytest.fixture(scope="module")
def world(open_module_lab):
    """A lab in use, with the gateway's DHCP client renewing every few seconds."""
    usual = "dns: [198.51.100.1]}\n\n  server:"
    often = f'dns: [198.51.100.1], lease: 120, options: ["58,{RENEW_EVERY}", "59,100"]}}\n\n  server:'
    text = default_text()
    assert usual in text
    world = World(open_module_lab(text.replace(usual, often), start_gateways=False))
    lab = world.lab
    with ExitStack() as captures:
        provider = captures.enter_context(lab["isp-b"].capture("eth0", "udp port 68"))
        dhcp = captures.enter_context(lab[PC].capture("eth0", "udp port 67"))
        dns = captures.enter_context(lab[PC].capture("eth0", "udp port 53"))
        world.daemon.start()
        world.daemon.wait_ready()
        for name in ("cable", "dsl"):
            world.daemon.wait_uplink(name)
        for host, client in ((PC, "udhcpc"), ("pc2", "dhclient")):
            lab[host].dhcp(client)
        for name in ("www.example.net", "gateway.home.arpa", "pc2.home.arpa"):
            assert lab[PC].resolve(name)
        for name in ("example.net", "nowhere.example.net"):
            lab[PC].resolve(name)
    world.replies = [frame for frame in provider.frames() if datagram(frame).sport == 67]
    world.requests = [bytes(d.data) for d in map(datagram, dhcp.frames()) if d.dport == 67]
    world.questions = [bytes(d.data) for d in map(datagram, dns.frames()) if d.dport == 53]
    world.answers = [bytes(d.data) for d in map(datagram, dns.frames()) if d.sport == 53]
    assert all((world.replies, world.requests, world.questions, world.answers))
    world.works()
    world.settle()
    world.descriptors, world.memory = world.use()
    return world


def datagram(frame):
    """The UDP datagram in a frame, by somebody else's decoder."""
    return dpkt.ethernet.Ethernet(frame).data.data


@contextmanager
def unmoved(world, *counters):
    """Around an attack: see the module's docstring.  At least one of the counters named must have moved."""
    world.settle()
    before, counted, log = world.lasting(), world.counters(), len(world.daemon.log())
    yield
    assert world.daemon.running, world.daemon.log()[-2000:]
    began = time.monotonic()
    world.daemon.status_tree()
    assert time.monotonic() - began < STATUS_WITHIN
    world.settle()
    assert world.lasting() == before
    moved = {name for name, value in world.counters().items() if value != counted.get(name, 0)}
    assert not counters or moved & set(counters), f"only {sorted(moved)} moved"
    said = world.daemon.log()[log:]
    assert not [word for word in DEFECTS if word in said], said
    assert len(said.splitlines()) <= MORE_LINES, said
    descriptors = world.descriptors + MORE_DESCRIPTORS
    wait_for(
        lambda: world.use()[0] <= descriptors, 5, f"the daemon to have {descriptors} descriptors at most"
    )
    assert world.use()[1] - world.memory < MORE_MEMORY
    world.works()


# --- garbage ------------------------------------------------------------------------------------------------


def examples(count):
    """Hypothesis' settings: no shrinking, as it is the daemon that would have to be put back."""
    return settings(
        max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )


WORDS = (b"\0\0", b"\0\1", b"\xff\xff", b"\x7f\xff", b"\xc0\x0c", b"\xc0\0")
"""Lengths, counts and types at their ends, and compression pointers."""


@st.composite
def mutated(draw, seeds):
    """A packet with a few wounds: bits, bytes, lengths and counts, pieces cut out, doubled or put in, the end lost."""
    packet = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at, size = draw(st.integers(0, max(0, len(packet) - 1))), draw(st.integers(1, 16))
        match draw(st.sampled_from(["bit", "byte", "word", "cut", "double", "insert", "end"])):
            case "bit" if packet:
                packet[at] ^= 1 << draw(st.integers(0, 7))
            case "byte" if packet:
                packet[at] = draw(st.sampled_from([0, 1, 63, 64, 127, 128, 192, 255]))
            case "word":
                packet[at : at + 2] = draw(st.sampled_from(WORDS))
            case "cut":
                del packet[at : at + size]
            case "double":
                packet[at:at] = packet[at : at + size]
            case "insert":
                packet[at:at] = draw(st.binary(max_size=64))
            case "end":
                del packet[at:]
    return bytes(packet)


PARTS = (b"\3www", b"\7example", b"\3net", b"\4home", b"\4arpa", b"\7in-addr", b"\xc0\x0c", b"\xc0\0", b"\xc0", b"\x40", b"\0",
         b"\x3f" + b"a" * 63)  # fmt: skip
COUNTS = st.just((1, 0, 0, 0)) | st.tuples(*[st.sampled_from([0, 1, 2, 65535])] * 4)
"""Of questions and of the records in each section."""


@st.composite
def odd_questions(draw):
    """What begins like a DNS question, with names that are none: pointers to anywhere, labels and counts without end."""
    flags = draw(st.just(0x0100) | st.sampled_from([0x0000, 0x2900, 0x7900, 0x8180, 0xFFFF]))
    name = b"".join(draw(st.lists(st.sampled_from(PARTS), max_size=4)))
    kind = draw(st.sampled_from([1, 2, 6, 12, 28, 41, 65, 250, 252, 255]))
    tail = draw(st.just(b"") | st.sampled_from([b"\0", b"\0\0\x29\x10\0\0\0\0\0\0\5\0\x0a\0\1"]))
    return struct.pack(">HHHHHH", 0x5452, flags, *draw(COUNTS)) + name + struct.pack(">HH", kind, 1) + tail


def ip(source, target, protocol, payload, **odd):
    """An IPv4 packet; ``odd`` replaces header fields: first, tos, length, ident, fragment, ttl, checksum."""
    head = {
        "first": 0x45, "tos": 0, "length": 20 + len(payload), "ident": 1, "fragment": 0, "ttl": 64, "checksum": None,
    } | odd  # fmt: skip
    packed = struct.pack(
        ">BBHHHBBH4s4s", head["first"], head["tos"], head["length"], head["ident"], head["fragment"], head["ttl"],
        protocol, 0, IPv4Address(source).packed, IPv4Address(target).packed,
    )  # fmt: skip
    total = checksum(packed) if head["checksum"] is None else head["checksum"]
    return packed[:10] + total.to_bytes(2) + packed[12:] + payload


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - total


def udp(source_port, target_port, payload, length=None, total=0):
    """A UDP datagram; checksum 0 is none."""
    size = 8 + len(payload) if length is None else length
    return struct.pack(">HHHH", source_port, target_port, size, total) + payload


def ethernet(target, source, payload, ethertype=0x0800):
    return target + source + ethertype.to_bytes(2) + payload


def foreign(request):
    """A PC's DHCP request as somebody else's for an address elsewhere: however it is read, it gets no lease."""
    own, xid = request[28:34], request[4:8]
    strange = request.replace(own, OUTSIDER).replace(xid, b"\xde\xad\xbe\xef")
    return bytes(strange.replace(bytes([192, 168, 0]), bytes([10, 9, 9])))


def send_all(sock, packets, *target):
    """Send, whatever the kernel thinks of a packet."""
    for packet in packets:
        try:
            sock.sendto(packet, *target) if target else sock.send(packet)
        except (PermissionError, ConnectionError, BlockingIOError):
            continue
        except OSError as error:
            if error.errno not in (22, 90, 105):  # not a packet at all, too long, no buffer space
                raise


# --- from the LAN -------------------------------------------------------------------------------------------


def test_dns_by_udp(world):
    """Bytes, wounded questions, wounded answers and odd names to port 53."""
    packets = st.binary(max_size=1400) | mutated(world.questions) | mutated(world.answers) | odd_questions()

    @examples(400)
    @given(st.lists(packets, max_size=6))
    def attack(batch):
        send_all(sock, batch, (GATEWAY, 53))

    with unmoved(world, "dns.dropped"), world.open("pc2") as sock:
        attack()
        send_all(sock, [b"", b"\0", bytes(12), b"\xff" * 65000], (GATEWAY, 53))


def test_dns_by_tcp(world):
    """Bytes and wounded messages, cut anywhere, half-closed or dropped in the middle."""
    framed = [len(one).to_bytes(2) + one for one in world.questions + world.answers]
    streams = st.binary(max_size=600) | mutated(framed) | st.sampled_from(framed).map(lambda one: one * 40)
    ends = st.sampled_from(["close", "half", "reset"])

    @examples(150)
    @given(streams, st.lists(st.integers(0, 600), max_size=3), ends)
    def attack(stream, cuts, end):
        places = [0, *sorted(cuts), len(stream)]
        with world.open("pc2", socket.SOCK_STREAM) as sock:
            sock.settimeout(0.02)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect((GATEWAY, 53))
            send_all(sock, [stream[a:b] for a, b in pairwise(places)])
            if end == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if end == "half":
                hear(sock)

    with unmoved(world, "dns.dropped"):
        attack()


def hear(sock):
    """Close our half and read what there is to read."""
    try:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65535):
            pass
    except OSError:  # it takes its time, or has hung up
        return


def test_dns_by_many_and_slow_connections(world):
    """Hundreds that say nothing, and some that say half: bounded for one client; others are served; all goes in the end."""
    with unmoved(world, "dns.dropped"), ExitStack() as held:
        for number in range(300):
            sock = held.enter_context(world.open("pc2", socket.SOCK_STREAM))
            sock.setblocking(False)
            sock.connect_ex((GATEWAY, 53))
            if number % 3 == 0:
                send_all(sock, [b"\0"])
        wait_for(
            lambda: world.details("dns")["dropped"] > 200, 5, "the connections beyond the bound to be dropped"
        )
        assert 0 < world.details("dns")["connections"] <= 16
        assert world.use()[0] < world.descriptors + 32
        assert world.lab[PC].resolve("mail.example.net") == (WWW,)
        question = world.questions[0]
        with world.open(PC, socket.SOCK_STREAM) as sock:  # and a slow one that is right is answered
            sock.settimeout(5)
            sock.connect((GATEWAY, 53))
            for byte in len(question).to_bytes(2) + question:
                sock.send(bytes([byte]))
            assert sock.recv(65535)[2:4] == question[:2]
    wait_for(lambda: world.details("dns")["connections"] == 0, 5, "the connections to be gone")


def test_dhcp(world):
    """Bytes and wounded requests to port 67, as broadcasts and to the gateway itself."""
    seeds = [foreign(request) for request in world.requests]
    packets = st.binary(max_size=1400) | mutated(seeds) | mutated([b"\x02" + seed[1:] for seed in seeds])

    @examples(400)
    @given(st.lists(packets, max_size=6), st.sampled_from(["255.255.255.255", GATEWAY, "192.168.0.255"]))
    def attack(batch, target):
        send_all(sock, batch, (target, 67))

    with unmoved(world, "dhcp.malformed"), world.open("pc2") as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        attack()


def test_dhcp_in_wrong_frames(world):
    """Lengths, checksums, fragments, options and relays that are none, straight on the wire; to both DHCP ports."""
    seeds, gateway = [foreign(request) for request in world.requests], world.mac("gateway", "eth1")
    lengths = st.sampled_from([0, 7, 8, 9, 19, 20, 28, 1500, 65535]) | st.none()
    header = st.fixed_dictionaries(
        {},
        optional={
            "first": st.sampled_from([0x40, 0x44, 0x46, 0x4F, 0x65]),
            "length": st.integers(0, 65535),
            "fragment": st.sampled_from([0x2000, 0x2001, 0x1FFF, 0x8000]),
            "checksum": st.integers(0, 65535),
            "ttl": st.just(0),
        },
    )
    relays = st.sampled_from(["0.0.0.0", GATEWAY, "192.168.0.77", "10.0.0.1", "255.255.255.255", "127.0.0.1"])

    @examples(500)
    @given(
        st.sampled_from(seeds), relays, lengths, st.sampled_from([0, 1, 0xFFFF]), header,
        st.sampled_from([67, 68]), st.sampled_from([BROADCAST, gateway, OUTSIDER]), st.integers(0, 600),
    )  # fmt: skip
    def attack(payload, relay, length, total, odd, port, target, kept):
        payload = payload[:24] + IPv4Address(relay).packed + payload[28:]
        inner = udp(135 - port, port, payload[: max(kept, 240)], length, total)
        packet = ip("0.0.0.0", "255.255.255.255", 17, inner, **odd)
        send_all(sock, [ethernet(target, OUTSIDER, packet)])

    with unmoved(world, "dhcp.malformed", "dhcp.relayed_dropped"), world.raw("pc2") as sock:
        attack()


def test_frames_of_every_sort(world):
    """Ethertypes that nobody speaks, IPv6, VLAN tags, runts; and an ARP storm of thousands of stations."""
    gateway = world.mac("gateway", "eth1")

    @examples(300)
    @given(
        st.integers(0, 65535) | st.sampled_from([0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x8863, 0x8864]),
        st.binary(max_size=1400),
        st.sampled_from([BROADCAST, gateway, bytes.fromhex("01005e000001"), bytes(6)]),
    )
    def attack(ethertype, payload, target):
        send_all(sock, [ethernet(target, OUTSIDER, payload, ethertype)])

    with unmoved(world), world.raw("pc2") as sock:
        attack()
        for number in range(5000):
            station = b"\x02\x99" + number.to_bytes(4)
            sender, asked = bytes([192, 168, 0, 201 + number % 50]), bytes([192, 168, 0, number % 256])
            kind = (1, 1, 2, 3, 9)[number % 5]
            body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, kind) + station + sender + bytes(6) + asked
            send_all(sock, [ethernet(BROADCAST, station, body, 0x0806)])


# --- from the provider's segment ----------------------------------------------------------------------------


@contextmanager
def flooding(sock, frames):
    """Somebody sends these frames over and over, some thousand a second, while the with statement runs."""
    over = threading.Event()

    def run():
        while not over.is_set():
            for frame in frames:
                send_all(sock, [frame])
                over.wait(0.0002)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def replies(world, count):
    """Wounded replies of the provider's server, to the gateway and to all, and plain garbage to port 68."""
    found = []
    bodies = [bytes(datagram(frame).data) for frame in world.replies]

    @examples(count)
    @given(mutated(bodies) | st.binary(max_size=600), st.booleans())
    def collect(body, to_all):
        target = BROADCAST if to_all else world.mac("gateway", "eth2")
        packet = ip("198.51.100.1", "255.255.255.255", 17, udp(67, 68, body))
        found.append(ethernet(target, OUTSIDER, packet))

    collect()
    return found


def test_dhcp_replies_while_renewing(world):
    """Garbage from port 67 all the time; the lease is renewed by the right server as if it were quiet."""
    frames = replies(world, 200)
    with unmoved(world), world.raw("isp-b") as sock:
        malformed, left = world.uplink()["malformed"], []

        def renewed():
            left.append(world.uplink()["lease_seconds_left"])
            return left[-1] > min(left) + 1

        with flooding(sock, frames):
            wait_for(renewed, 3 * RENEW_EVERY, "a renewal")
            assert world.daemon.uplink("dsl")["state"] == "up"
        assert world.uplink()["malformed"] > malformed


def test_dhcp_replies_while_connecting(world):
    """The same from the first packet on: it connects, to what the right server says."""
    frames = replies(world, 200)
    with unmoved(world), world.raw("isp-b") as sock:
        address = world.daemon.uplink("dsl")["addresses"]
        world.daemon.api("POST", "/v1/disconnect", {"uplink": "dsl"})
        with flooding(sock, frames):
            wait_for(lambda: world.daemon.uplink("dsl")["state"] == "down", 5, "the uplink to be down")
            world.daemon.api("POST", "/v1/connect", {"uplink": "dsl"})
            assert world.daemon.uplink("dsl")["addresses"] == address
            wait_for(lambda: world.uplink()["malformed"] > 0, 5, "garbage to be counted")


HUSH = "table inet hush { chain i { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 53 drop; }; }"


def test_forged_dns_answers(world):
    """While a question waits for its answer: wrong id, port, source and question, thousands of each; the true answer wins."""
    isp, pc = world.lab["isp-a"], world.lab[PC]
    ours, theirs = world.mac("isp-a", "eth0"), world.mac("gateway", "eth0")
    isp.run(["nft", HUSH], check=True)
    with unmoved(world, "dns.unexpected"), world.raw("isp-a") as sock:
        with isp.capture("eth0", "udp dst port 53") as asked:
            waiting = pc.popen(["getent", "ahostsv4", "ftp.example.net"])
            wait_for(asked.frames, 5, "the question")
            for frame in asked.frames():
                question = datagram(frame)
                for forged in forgeries(question.sport, bytes(question.data)):
                    send_all(sock, [ethernet(theirs, ours, forged)])
            isp.run(["nft", "delete", "table", "inet", "hush"], check=True)
            said, _ = waiting.communicate(timeout=15)
        assert {line.split()[0] for line in said.splitlines()} == {WWW}
        assert FORGED not in said
        assert pc.resolve("ftp.example.net") == (WWW,)


def forgeries(port, question):
    """Packets that are nearly the answer to a question asked from this port."""
    dice = random.Random(5452)
    ident = int.from_bytes(question[:2])
    other = question[:12] + b"\x03foo" + question[12:]

    def answer(ident, asked=question, source=CABLE_SERVER, source_port=53, target_port=port):
        message = struct.pack(">HHHHHH", ident, 0x8180, 1, 1, 0, 0) + only_question(asked)
        message += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 600, 4) + IPv4Address(FORGED).packed
        return ip(source, CABLE, 17, udp(source_port, target_port, message))

    def only_question(message):
        end = message.index(b"\0", 12) + 5
        return message[12:end]

    for _ in range(2000):
        wrong = dice.choice([n for n in (dice.randrange(65536), ident ^ 1, ident ^ 0x100) if n != ident])
        yield answer(wrong)
    for _ in range(500):
        yield answer(
            ident, target_port=dice.choice([n for n in (dice.randrange(1024, 65536), port ^ 1) if n != port])
        )
        yield answer(ident, source_port=dice.choice([52, 54, 5353, 1024]))
        yield answer(ident, source=dice.choice(["203.0.113.99", "192.0.2.1", "198.51.100.1"]))
        yield answer(ident, asked=other)


def test_floods_at_the_uplink(world):
    """SYNs, UDP and pings to the gateway's address, with every flag, port and source: not answered, and not noticed."""
    dice = random.Random(793)
    ours, theirs = world.mac("isp-a", "eth0"), world.mac("gateway", "eth0")
    with unmoved(world), world.raw("isp-a") as sock:
        closed = dropped(world)
        with world.lab["isp-a"].capture("eth0", f"ip src {CABLE} and not udp port 53") as answered:
            for number in range(6000):
                source = f"203.0.113.{dice.randrange(6, 250)}"
                port = dice.choice([22, 53, 67, 68, 80, 443, dice.randrange(65536)])
                flags = (2, 2, 2, 0x10, 0x12, 4, 0, 0x3F)[number % 8]
                tcp = struct.pack(
                    ">HHIIBBHHH", dice.randrange(65536), port, number, 0, 0x50, flags, 1024, 0, 0
                )
                icmp = struct.pack(">BBHHH", (8, 13, 17, 3, 5)[number % 5], 0, 0, number, 1) + bytes(20)
                inner = [(6, tcp), (17, udp(53, port, b"hello")), (1, icmp), (132, bytes(12))][number % 4]
                send_all(sock, [ethernet(theirs, ours, ip(source, CABLE, *inner))])
        assert answered.lines() == []
        assert dropped(world) > closed + 1000


def dropped(world):
    """Packets that the filter has dropped at the uplinks."""
    listed = world.lab["gateway"].run(["nft", "-j", "list", "counters", "table", "inet", "ics"]).stdout
    counters = [one["counter"] for one in json.loads(listed)["nftables"] if "counter" in one]
    return sum(one["packets"] for one in counters)


# --- from the machine itself --------------------------------------------------------------------------------


HTTP = (
    b"GET /v1/status HTTP/1.1\r\nHost: ics\r\n\r\n",
    b"GET /v1/events?since=0 HTTP/1.1\r\nHost: ics\r\n\r\n",
    b'POST /v1/connect HTTP/1.1\r\nHost: ics\r\nContent-Length: 19\r\n\r\n{"uplink": "cable"}',
)
BODIES = (
    b"[" * 60_000,
    b'{"uplink":' * 6_000,
    b"9" * 60_000,
    b'{"uplink": ' + b"9" * 5000 + b"}",
    b'{"uplink": {"a": [1]}}',
    b'{"uplink": "' + b"x" * 60_000 + b'"}',
    b"\xff\xfe" * 100,
    b'"text"',
    b'{"uplink": "\\ud800"}',
    b"a" * 3_000_000,
)


def ask(world, *pieces, patience=2.0):
    """The first line of what the control socket answers, "" if it hangs up or waits for more."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(patience)
        try:
            sock.connect(str(world.daemon.control_socket))
            for piece in pieces:
                sock.sendall(piece)
            return sock.recv(65536).partition(b"\r\n")[0].decode("latin-1")
        except OSError:  # it hung up, or waits for more
            return ""


def test_control_socket(world):
    """Bytes, wounded requests, bodies that are too deep, too long or no JSON, numbers without end, many at once."""

    @examples(200)
    @given(st.binary(max_size=300) | mutated(HTTP))
    def attack(request):
        ask(world, request, patience=0.005)

    with unmoved(world):
        attack()
        for body in BODIES:
            head = b"POST /v1/connect HTTP/1.1\r\nHost: ics\r\nContent-Length: %d\r\n\r\n" % len(body)
            assert ask(world, head, body).split()[1:2] == ["400"] or len(body) > 1_000_000, body[:20]
        chunks = (b"8000\r\n" + b"c" * 0x8000 + b"\r\n") * 100
        ask(
            world,
            b"POST /v1/connect HTTP/1.1\r\nHost: ics\r\nTransfer-Encoding: chunked\r\n\r\n",
            chunks,
            b"0\r\n\r\n",
        )
        for since in (b"9" * 5000, b"-1", b"1e9", b"\xb2"):
            ask(world, b"GET /v1/events?since=%b HTTP/1.1\r\nHost: ics\r\n\r\n" % since, patience=0.2)
        assert "404" in ask(world, b"GET /%b HTTP/1.1\r\nHost: ics\r\n\r\n" % (b"x" * 5000))
        ask(world, b"GET / HTTP/1.1\r\n" + b"X: %b\r\n" % (b"y" * 1000) * 2000, patience=0.2)


def test_control_socket_held_by_many(world):
    """Hundreds of connections that ask once and stay: the first are answered, the others hung up on; nothing else suffers."""
    with unmoved(world), ExitStack() as held:
        answered = 0
        for _ in range(200):
            sock = held.enter_context(socket.socket(socket.AF_UNIX))
            sock.settimeout(5)
            sock.connect(str(world.daemon.control_socket))
            try:
                sock.sendall(b"GET /v1/version HTTP/1.1\r\nHost: ics\r\n\r\n")
                answered += sock.recv(65536).startswith(b"HTTP/1.1 200")
            except ConnectionError:
                continue
        assert 16 <= answered <= 100
        assert world.use()[0] < world.descriptors + 100
        assert world.lab[PC].resolve("www.example.net") == (WWW,)
