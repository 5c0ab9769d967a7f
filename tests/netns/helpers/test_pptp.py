"""PPTP through the gateway: Debian's pptp and pptpd at both ends, two PCs with equal call ids, and what the wire shows.

pptp reads its call id from /dev/random: on these PCs that is a file, so both have the same.
"""

import json
import select
import socket
import struct
import subprocess
import sys
from pathlib import Path

import dpkt
import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

HERE = Path(__file__).parent
PPP_END = HERE / "ppp_end.py"
SERVER = "192.0.2.80"
PCS = {"pc1": "192.168.0.11", "pc2": "192.168.0.12"}
OUTSIDE = "203.0.113.5"
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
helpers: [{plugin: pptp}]
"""
CALL_ID = 1000
"""What both PCs choose."""
CALL_IDS = {7: {12}, 8: {12, 14}, 12: {12}, 13: {12}, 14: {12}, 15: {12}}
"""Where the messages that carry call ids have them (RFC 2637 section 2): type to offsets of two bytes each."""
PATIENCE = 15.0
"""Seconds; a call takes two."""
ENOUGH = 12
"""Packets after which answers would have come."""
OUTGOING_CALL_REQUEST, OUTGOING_CALL_REPLY = 7, 8

pytestmark = pytest.mark.skipif(
    not (find_program("pptp") and find_program("pptpd")), reason="pptp-linux and pptpd are not installed"
)


# --- the two ends


def start_server(server):
    """The real pptpd on a host, with ppp_end.py instead of pppd for each call."""
    directory = server.directory
    program = directory / "ppp"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {PPP_END} server\n")
    program.chmod(0o755)
    (directory / "pptpd.conf").write_text("localip 10.9.0.1\nremoteip 10.9.0.10-20\n")
    command = ["pptpd", "-f", "-c", directory / "pptpd.conf", "-e", program, "-p", directory / "pptpd.pid"]
    daemon = Daemon(server, "pptpd", command, lambda: ":1723 " in server.run(["ss", "-Hlnt"]).stdout)
    daemon.start()
    daemon.wait_ready()


def dial(host, server=SERVER):
    """The real pptp on a host, with ppp_end.py instead of pppd."""
    pptp = ["pptp", server, "--nolaunchpppd", "--nohostroute"]
    return host.popen([sys.executable, PPP_END, "client", host.name, *pptp], stdin=subprocess.PIPE)


def choose_call_id(host):
    """Let every call of this host have CALL_ID."""
    dice = host.directory / "random"
    dice.write_bytes(CALL_ID.to_bytes(2, sys.byteorder))
    host.run(["mount", "--bind", dice, "/dev/random"], check=True)


def said(call):
    """What the client says first, or "" if it is silent for long."""
    ready, _, _ = select.select([call.stdout], [], [], PATIENCE)
    return call.stdout.readline().strip() if ready else ""


def ended(call):
    """Hang up, if it has not ended by itself; what it saw."""
    output, errors = call.communicate("", timeout=20)
    assert output, errors
    return json.loads(output.splitlines()[-1])


# --- what the wire shows


def ip_packets(capture):
    """The IP packets of a capture."""
    return [dpkt.ethernet.Ethernet(frame).data for frame in capture.frames()]


def messages(packets, source=None, destination=None):
    """The control messages of one direction, by the source port of the client; whole, in their order."""
    streams = {}
    for ip in packets:
        if ip.p != dpkt.ip.IP_PROTO_TCP or not ip.data.data:
            continue
        if source in (None, ip.src) and destination in (None, ip.dst):
            client = ip.data.sport if ip.data.dport == 1723 else ip.data.dport
            streams.setdefault(client, {})[ip.data.seq] = bytes(ip.data.data)
    return {client: split(b"".join(parts[seq] for seq in sorted(parts))) for client, parts in streams.items()}


def split(stream):
    """A stream of control messages: each begins with its length."""
    found = []
    while stream:
        length = int.from_bytes(stream[:2])
        found.append(stream[:length])
        stream = stream[length:]
    return found


def kind(message):
    """The control message type (RFC 2637 section 1.4)."""
    return int.from_bytes(message[8:10])


def requested(packets):
    """The call ids in the Outgoing-Call-Requests, one a call."""
    return [
        int.from_bytes(message[12:14])
        for stream in messages(packets).values()
        for message in stream
        if kind(message) == OUTGOING_CALL_REQUEST
    ]


def gre(packets, source):
    """The GRE packets of one host: (call id in the key, all other bytes)."""
    found = []
    for ip in packets:
        if ip.p == dpkt.ip.IP_PROTO_GRE and ip.src == source:
            octets = bytes(ip)[ip.hl * 4 :]
            found.append((int.from_bytes(octets[6:8]), octets[:6] + octets[8:]))
    return found


def address(text):
    """As in a packet."""
    return bytes(map(int, text.split(".")))


def flows(gateway, protocol):
    """The lines of the kernel's table of flows for ``gre`` or ``tcp``."""
    lines = gateway.run(["conntrack", "-L"]).stdout.splitlines()
    return [line for line in lines if line.startswith(protocol)]


# --- the calls


def opened(open_lab, config):
    """A lab with addresses on the PCs, both of which always choose the same call id."""
    lab = open_lab(gateway_config=config)
    for name, own in PCS.items():
        command = f"ip addr add {own}/24 dev eth0; ip route add default via 192.168.0.1"
        lab[name].run(["sh", "-ec", command], check=True)
        choose_call_id(lab[name])
    lab["gateway"].gateway.wait_uplink("cable")
    return lab


def both_dial(lab):
    """Start both calls."""
    return {name: dial(lab[name]) for name in PCS}


class Evidence:
    """Two calls with equal call ids, from dialling to hanging up, as seen from everywhere."""

    def __init__(self, lab):
        self.lab, wanted = lab, "tcp port 1723 or proto gre"
        with (  # the wire is seen until last: a word of goodbye may be on its way to the PCs
            lab["server"].capture("eth0", wanted) as wire,
            lab["pc1"].capture("eth0", wanted) as one,
            lab["pc2"].capture("eth0", wanted) as two,
        ):
            calls = both_dial(lab)
            self.lines = [said(call) for call in calls.values()]
            self.tracked = {name: flows(lab["gateway"], name) for name in ("gre", "tcp")}
            self.seen = {name: ended(call) for name, call in calls.items()}
        self.inside = {"pc1": ip_packets(one), "pc2": ip_packets(two)}
        self.wire = ip_packets(wire)


@pytest.fixture(scope="module")
def evidence(open_module_lab):
    """The calls, through the helper."""
    lab = opened(open_module_lab, CONFIG)
    start_server(lab["server"])
    return Evidence(lab)


def test_two_pcs_call_one_server_with_equal_call_ids(evidence):
    """Both talk both ways with a call of their own, no word is lost, and none of the other's is heard."""
    assert [requested(packets) for packets in evidence.inside.values()] == [[CALL_ID], [CALL_ID]]
    assert evidence.lines == ["talking", "talking"]
    for name, seen in evidence.seen.items():
        assert seen["alive"], seen
        assert [one for one in seen["names"] if one != "hello"] == [name]
        assert seen["numbers"] == list(range(1, len(seen["numbers"]) + 1))
        assert (len(seen["stamps"]), seen["broken"]) == (1, 0)
    assert evidence.seen["pc1"]["stamps"] != evidence.seen["pc2"]["stamps"]


def test_the_server_sees_two_call_ids(evidence):
    """Equal ids on the LAN are different ones on the wire, so that answers can be told apart (RFC 2637 section 3.2.2)."""
    assert len(set(requested(evidence.wire))) == 2
    assert len(requested(evidence.wire)) == 2
    answers = {call for call, _ in gre(evidence.wire, address(SERVER))}
    assert answers == set(requested(evidence.wire))


@pytest.mark.parametrize("name", PCS)
def test_nothing_but_call_ids_is_changed(evidence, name):
    """Every other byte of control messages and GRE packets arrives as it was sent; lengths stay (RFC 2637 section 4.1)."""
    packets, server = evidence.inside[name], address(SERVER)
    changed = {}
    for way in ({"destination": server}, {"source": server}):
        for client, sent in messages(packets, **way).items():
            arrived = messages(evidence.wire, **way)[client][: len(sent)]
            assert [kind(message) for message in sent] == [kind(message) for message in arrived]
            for one, other in zip(sent, arrived, strict=True):
                places = {
                    place - place % 2 for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b
                }
                assert places <= CALL_IDS.get(kind(one), set()), (kind(one), places)
                changed.setdefault(kind(one), set()).update(places)
    assert (changed[OUTGOING_CALL_REQUEST], changed[OUTGOING_CALL_REPLY]) == ({12}, {14})
    out, back = gre(packets, address(PCS[name])), gre(packets, server)
    assert len(out) > 10
    assert len(back) > 10
    assert set(out) <= set(
        gre(evidence.wire, address(OUTSIDE))
    )  # towards the server the key has the server's own id
    assert {rest for _, rest in back} <= {rest for _, rest in gre(evidence.wire, server)}
    assert {call for call, _ in back} == {CALL_ID}


def test_a_call_may_be_silent_for_longer_than_a_minute(evidence):
    """An Echo-Request comes after 60 s, and waits for as long (RFC 2637 section 3.1.4): GRE flows are kept for both."""
    left = [int(line.split()[2]) for line in evidence.tracked["gre"]]
    assert len(left) >= 2
    assert min(left) > 115
    unanswered = evidence.lab["gateway"].run(["sysctl", "-n", "net.netfilter.nf_conntrack_gre_timeout"])
    assert int(unanswered.stdout) == 120
    assert sum("helper=pptp" in line for line in evidence.tracked["tcp"]) == 2


def test_gre_goes_with_its_control_connection(evidence):
    """When the kernel forgets a control connection it forgets the GRE flow of its call (RFC 2637 section 3.1.4)."""
    gateway = evidence.lab["gateway"]

    def calls_of(name):
        return [line for line in flows(gateway, "gre") if f"src={PCS[name]} " in line and "ASSURED" in line]

    gateway.run(["conntrack", "-F"], check=True)  # of earlier calls
    calls = both_dial(evidence.lab)
    assert [said(call) for call in calls.values()] == ["talking", "talking"]
    assert {name: len(calls_of(name)) for name in PCS} == {"pc1": 1, "pc2": 1}
    gateway.run(["conntrack", "-D", "-p", "tcp", "-s", PCS["pc2"]], check=True)
    wait_for(lambda: not calls_of("pc2"), 5, "the flow to go")
    assert len(calls_of("pc1")) == 1
    seen = {name: ended(call) for name, call in calls.items()}
    assert seen["pc2"]["names"] == ["hello", "pc2"]


def control(message_type, body, cookie=0x1A2B3C4D, length=None):
    """A control message (RFC 2637 section 1.4)."""
    head = struct.pack("!HHIHH", length or 12 + len(body), 1, cookie, message_type, 0)
    return head + body


STRANGE = {
    "no PPTP at all": b"GET / HTTP/1.0\r\n\r\n",
    "another cookie": control(OUTGOING_CALL_REQUEST, bytes(156), cookie=0x1A2B3C4E),
    "a type that there is not": control(99, bytes(156)),
    "a call before there is a session": control(OUTGOING_CALL_REQUEST, b"\x03\xe8" + bytes(154)),
    "one that ends early": control(OUTGOING_CALL_REQUEST, b"\x03\xe8", length=168),
    "a length of nothing": control(1, b"", length=1) + bytes(40),
    "every byte": bytes(range(256)) * 4,
}
"""What may come to port 1723."""


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_no_pptp_passes_untouched(evidence, what):
    """Other programs may use port 1723, and hostile ones: what the helper does not understand arrives as it was sent."""
    host = evidence.lab["isp-b"]
    listener = host.inside(lambda: socket.create_server(("192.0.2.2", 1723)))
    with (
        listener,
        evidence.lab["pc1"].inside(lambda: socket.create_connection(("192.0.2.2", 1723), 5)) as client,
    ):
        server, _ = listener.accept()
        with server:
            for one, other in ((client, server), (server, client)):
                one.sendall(STRANGE[what])
                other.settimeout(5)
                arrived = b""
                while len(arrived) < len(STRANGE[what]):
                    arrived += other.recv(4096)
                assert arrived == STRANGE[what]
            here = f"sport={client.getsockname()[1]} "
            (flow,) = (line for line in flows(evidence.lab["gateway"], "tcp") if here in line)
            assert "helper=pptp" in flow


def reload(daemon, old, new):
    """Another configuration in force."""
    text = daemon.config_file.read_text()
    assert old in text
    daemon.config_file.write_text(text.replace(old, new))
    daemon.api("POST", "/v1/reload")


def test_without_the_helper_no_call_comes_about(evidence):
    """The control: the same two calls, the same server, no helper: both ends talk, and not one answer comes back."""
    lab = evidence.lab
    daemon = lab["gateway"].gateway
    reload(daemon, "helpers: [{plugin: pptp}]", "helpers: []")
    try:
        with lab["server"].capture("eth0", "proto gre") as wire:
            calls = both_dial(lab)
            wait_for(lambda: len(gre(ip_packets(wire), address(OUTSIDE))) > ENOUGH, 10, "both to talk")
            wait_for(lambda: gre(ip_packets(wire), address(SERVER)), 5, "an answer")
            seen = {name: ended(call) for name, call in calls.items()}
    finally:
        reload(daemon, "helpers: []", "helpers: [{plugin: pptp}]")
    assert {name: one["numbers"] for name, one in seen.items()} == {"pc1": [], "pc2": []}


def test_a_call_goes_on_whatever_becomes_of_the_daemon(open_lab):
    """kill -9, a new start, a reload without the helper and one with it again: not one word of the call is lost."""
    lab = opened(open_lab, CONFIG)
    daemon = lab["gateway"].gateway
    start_server(lab["server"])
    call = dial(lab["pc1"])
    assert said(call) == "talking"
    daemon.kill()
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    reload(daemon, "helpers: [{plugin: pptp}]", "helpers: []")
    assert daemon.status_tree()["helpers"] == []
    reload(daemon, "helpers: []", "helpers: [{plugin: pptp}]")
    other = dial(lab["pc2"])
    assert said(other) == "talking"
    for name, seen in (("pc1", ended(call)), ("pc2", ended(other))):
        assert seen["alive"]
        assert set(seen["names"]) == {"hello", name}
        assert seen["numbers"] == list(range(1, len(seen["numbers"]) + 1))
        assert len(seen["numbers"]) > seen["sent"] // 2  # the last ones may be on their way


PUBLISHED = """
publish: [{name: pptp, protocol: tcp, port: 1723, to: "192.168.0.11:1723"}]
"""


def test_a_published_server_is_called_by_two_hosts(open_lab):
    """A pptpd behind the gateway: two hosts of the Internet with equal call ids; without the helper no call comes about."""
    lab = opened(open_lab, CONFIG.replace("[{plugin: pptp}]", "[]") + PUBLISHED)
    daemon, hosts = lab["gateway"].gateway, [lab["server"], lab["isp-b"]]
    start_server(lab["pc1"])
    for host in hosts:
        choose_call_id(host)
    with lab["gateway"].capture("eth0", "proto gre") as wire:
        calls = [dial(host, OUTSIDE) for host in hosts]
        wait_for(lambda: len(wire.frames()) > ENOUGH, 10, "both to talk")
        assert [ended(call)["numbers"] for call in calls] == [[], []]
    reload(daemon, "helpers: []", "helpers: [{plugin: pptp}]")
    calls = [dial(host, OUTSIDE) for host in hosts]
    assert [said(call) for call in calls] == ["talking", "talking"]
    for host, seen in zip(hosts, map(ended, calls), strict=True):
        assert set(seen["names"]) == {"hello", host.name}


TWO = CONFIG.replace(
    "helpers:",
    """  - name: dsl
    plugin: ethernet
    interface: eth2
    address: {address: 198.51.100.5/24, gateway: 198.51.100.1, dns: [198.51.100.1]}
helpers:""",
)


def test_with_two_uplinks_a_call_stays_on_the_one_where_it_began(open_lab):
    """Dialled by dsl while cable was away: control connection and GRE stay there when cable is back; a new call is cable's."""
    lab = opened(open_lab, TWO)
    daemon = lab["gateway"].gateway
    daemon.wait_uplink("dsl")
    start_server(lab["server"])
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
    daemon.wait_uplink("cable", "absent")
    first = dial(lab["pc1"])
    assert said(first) == "talking"
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "up"], check=True)
    daemon.wait_uplink("cable")
    wait_for(lambda: daemon.uplink("cable")["active"], 5, "cable to be used")
    wanted = "proto gre and src host "
    with (
        lab["server"].capture("eth0", wanted + "198.51.100.5") as by_dsl,
        lab["server"].capture("eth0", wanted + OUTSIDE) as by_cable,
    ):
        second = dial(lab["pc2"])
        assert said(second) == "talking"
        seen = [ended(first), ended(second)]
    for name, one in zip(PCS, seen, strict=True):
        assert set(one["names"]) == {"hello", name}
        assert one["numbers"] == list(range(1, len(one["numbers"]) + 1))
    assert by_dsl.frames()
    assert by_cable.frames()
    assert b"pc2" not in b"".join(by_dsl.frames())
    assert b"pc1" not in b"".join(by_cable.frames())


def test_what_the_kernel_lacks_is_said_and_does_no_harm(open_lab):
    """A conntrack helper that this kernel does not have: ``unsupported`` with the reason, and PPTP works beside it."""
    config = CONFIG.replace(
        "[{plugin: pptp}]", '[{plugin: "lacking_helper:factory", name: odd}, {plugin: pptp}]'
    )
    lab = open_lab(gateway_config=config, start_gateways=False)
    daemon = lab["gateway"].gateway
    lab["gateway"].spawn(daemon.arguments, daemon.log_file, env={"PYTHONPATH": str(HERE)})
    wait_for(daemon.control_socket.exists, 20, "the gateway")
    daemon.wait_uplink("cable")
    tree = daemon.status_tree()
    states = {helper["name"]: helper["state"] for helper in tree["helpers"]}
    assert states == {"odd": "unsupported", "pptp": "ready"}
    (reason,) = (helper["reason"] for helper in tree["helpers"] if helper["name"] == "odd")
    assert "telepathy" in reason
    assert any("odd" in warning and "telepathy" in warning for warning in tree["warnings"])
    assert "helper.unavailable: " in daemon.log()
    rules = lab["gateway"].run(["nft", "list", "table", "inet", "ics"]).stdout
    assert 'type "pptp"' in rules
    assert "telepathy" not in rules
