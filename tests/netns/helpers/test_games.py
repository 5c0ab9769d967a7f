"""Port triggers through the gateway: which traffic out opens which ports in, to whom, and for how long."""

import itertools
import select
import socket
import time

import pytest
import yaml

from icsframework.lab.daemon import Daemon
from icsframework.lab.privilege import find_program, is_machine_root
from icsframework.lab.waiting import wait_for

SERVER, OUTSIDE = "192.0.2.80", "203.0.113.5"
PCS = {"pc1": "192.168.0.11", "pc2": "192.168.0.12"}
BATTLE_NET, GAME_PORT = 6112, 6119
SHORT, SHORT_IN, TALK, TALK_IN, LIFETIME = 5000, 5001, 5010, 5011, 2.0
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
helpers:
  - plugin: games
    custom:
      - {name: short, outbound: {tcp: 5000}, inbound: {tcp: 5001, udp: 5001}, lifetime: 2s}
      - {name: talk, outbound: {tcp: 5010}, inbound: {udp: 5011}, lifetime: 2s}
"""
PATIENCE = 0.3
"""Seconds in which a datagram crosses the lab many times over."""
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def lab(open_module_lab):
    """The gateway with all shipped profiles and a short one, and addresses on the PCs."""
    return with_addresses(open_module_lab(gateway_config=CONFIG))


def with_addresses(lab):
    """The lab when its PCs have addresses and the uplink is up."""
    for name, own in PCS.items():
        command = f"ip addr add {own}/24 dev eth0; ip route add default via 192.168.0.1"
        lab[name].run(["sh", "-ec", command], check=True)
    lab["gateway"].gateway.wait_uplink("cable")
    return lab


@pytest.fixture
def sockets():
    """Opens sockets in hosts of the lab; all are closed at the end."""
    opened = []

    def make(host, work):
        opened.append(host.inside(work))
        return opened[-1]

    yield make
    for sock in opened:
        sock.close()


def datagrams(make, host, port):
    """A UDP socket on a port of a host."""

    def work():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", port))
        return sock

    return make(host, work)


def receivers(make, lab, port):
    """A UDP socket on this port of each PC."""
    return {name: datagrams(make, lab[name], port) for name in PCS}


def heard(peer, sockets, port):
    """Who gets a datagram that a stranger in the Internet sends to this port of ours."""
    words = b"%d" % next(NUMBERS)
    peer.sendto(words, (OUTSIDE, port))
    while ready := select.select(list(sockets.values()), [], [], PATIENCE)[0]:
        found = [name for name, sock in sockets.items() if sock in ready and sock.recv(100) == words]
        if found:
            return found
    return []


def server(make, host, port):
    """A TCP server in a host."""
    return make(host, lambda: socket.create_server(("0.0.0.0", port), reuse_port=True))


def call(make, host, port, address=SERVER):
    """A TCP connection of a host; ConnectionError or TimeoutError if there is none."""
    return make(host, lambda: socket.create_connection((address, port), 2.0))


def test_battle_net_opens_its_ports_to_the_one_who_called(lab, sockets):
    """TCP 6112 out opens TCP and UDP 6112-6119 in, to that PC only; the next one waits until the first has left."""
    server(sockets, lab["server"], BATTLE_NET)
    stranger = datagrams(sockets, lab["isp-b"], 0)
    games = receivers(sockets, lab, GAME_PORT)
    listening = {name: server(sockets, lab[name], BATTLE_NET) for name in PCS}
    assert heard(stranger, games, GAME_PORT) == []
    call(sockets, lab["pc2"], BATTLE_NET)
    assert heard(stranger, games, GAME_PORT) == ["pc2"]
    player = call(sockets, lab["isp-b"], BATTLE_NET, OUTSIDE)
    accepted, peer = listening["pc2"].accept()
    accepted.close()
    assert peer == player.getsockname()  # untouched: a game knows its players by address
    call(sockets, lab["pc1"], BATTLE_NET)
    assert heard(stranger, games, GAME_PORT) == ["pc2"]
    assert heard(stranger, receivers(sockets, lab, GAME_PORT + 1), GAME_PORT + 1) == []


def test_it_ends_with_its_time_and_the_next_one_may_have_it(lab, sockets):
    """Two seconds after the last traffic of its host, and of no other, another one gets the ports; then nobody."""
    listener = server(sockets, lab["server"], SHORT)
    player = datagrams(sockets, lab["isp-b"], 0)
    games = receivers(sockets, lab, SHORT_IN)

    def leads_to():  # strangers are new each time: a flow stays where it began
        return heard(datagrams(sockets, lab["isp-b"], 0), games, SHORT_IN)

    def calls_as_well():
        call(sockets, lab["pc2"], SHORT).close()
        listener.accept()[0].close()
        return leads_to() == ["pc2"]

    call(sockets, lab["pc1"], SHORT).close()
    assert heard(player, games, SHORT_IN) == ["pc1"]
    began = time.monotonic()
    wait_for(calls_as_well, LIFETIME + 3, "the other one's turn")
    assert time.monotonic() - began > LIFETIME / 2
    wait_for(lambda: leads_to() == [], LIFETIME + 3, "the end")
    assert heard(player, games, SHORT_IN) == ["pc1"]  # a game that has begun goes on


def test_traffic_keeps_it_open(lab, sockets):
    """While the one connection that opened the ports is in use they stay open, longer than their lifetime."""
    listener = server(sockets, lab["server"], TALK)
    games = receivers(sockets, lab, TALK_IN)
    talk = call(sockets, lab["pc1"], TALK)
    answers, _ = listener.accept()
    end = time.monotonic() + 1.5 * LIFETIME
    while time.monotonic() < end:
        talk.sendall(b"still here\n")
        assert answers.recv(100)
        time.sleep(LIFETIME / 10)  # the pace of the conversation
    assert heard(datagrams(sockets, lab["isp-b"], 0), games, TALK_IN) == ["pc1"]
    answers.close()


def test_open_ports_outlive_the_daemon_and_end_with_their_profile(lab, sockets):
    """kill -9 and a new start: still open to the same PC; a reload without the profile closes them."""
    daemon = lab["gateway"].gateway
    server(sockets, lab["server"], BATTLE_NET)
    games = receivers(sockets, lab, GAME_PORT)

    def leads_to():
        return heard(datagrams(sockets, lab["isp-b"], 0), games, GAME_PORT)

    call(sockets, lab["pc2"], BATTLE_NET)
    daemon.kill()
    assert leads_to() == ["pc2"]
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    assert leads_to() == ["pc2"]
    file = daemon.config_file.read_text()
    tree = yaml.safe_load(file)
    tree["helpers"][0]["profiles"] = ["ident"]
    daemon.config_file.write_text(yaml.safe_dump(tree))
    daemon.api("POST", "/v1/reload")
    assert set(profiles(daemon)) == {"ident", "short", "talk"}
    assert leads_to() == []
    daemon.config_file.write_text(file)
    daemon.api("POST", "/v1/reload")
    assert leads_to() == []  # what was open before is not open again by itself
    call(sockets, lab["pc1"], BATTLE_NET)
    assert leads_to() == ["pc1"]


def profiles(daemon):
    """The profiles in force, as status has them."""
    (helper,) = daemon.status_tree()["helpers"]
    assert (helper["name"], helper["state"]) == ("games", "ready")
    return helper["details"]["profiles"]


# Without DNS it does not ask for a name either; the lab has none here, so it goes on at once.
IRCD = """[Global]
Name = irc.example.net
Info = IRC for the lab
Listen = 192.0.2.80
Ports = 6667
MotdPhrase = hello
ServerUID = nobody
ServerGID = nogroup
[Options]
Ident = yes
DNS = yes
PAM = no
"""


@pytest.mark.skipif(
    not all(map(find_program, ("ngircd", "oidentd", "ii"))), reason="ngircd, oidentd and ii are not installed"
)
@pytest.mark.skipif(not is_machine_root(), reason="ngircd becomes another user, which needs real root")
def test_an_irc_server_asks_who_is_there(open_lab):
    """ngircd asks the host of a user of ii, and oidentd there answers through the gateway; without ident nobody hears it."""
    config = CONFIG.partition("    custom:")[0] + "    profiles: "
    lab = with_addresses(open_lab(gateway_config=config + "[battle.net]\n"))
    pc, host, daemon = lab["pc1"], lab["server"], lab["gateway"].gateway
    (host.directory / "ngircd.conf").write_text(IRCD)
    start(host, 6667, ["ngircd", "-n", "-f", host.directory / "ngircd.conf"])
    start(pc, 113, ["oidentd", "-i", "-S", "-u", "0", "-g", "0"])
    with host.capture("eth0", "dst port 113") as questions, pc.capture("eth0", "dst port 113") as arrived:
        chat(pc, "bob")
        wait_for(questions.frames, 10, "the server's question")
        time.sleep(PATIENCE)
        assert arrived.frames() == []
    daemon.config_file.write_text(daemon.config_file.read_text().replace("[battle.net]", "[ident]"))
    daemon.api("POST", "/v1/reload")
    assert set(profiles(daemon)) == {"ident"}
    assert welcome(chat(pc, "alice")).endswith("alice!root@203.0.113.5")  # ~alice, if not answered


def chat(pc, nick):
    """Start the real ii; the file with what the server says."""
    place = pc.directory / nick
    pc.spawn(["ii", "-s", SERVER, "-n", nick, "-i", place], pc.directory / "ii.log")
    return place / SERVER / "out"


def start(host, port, command):
    """A server of Debian's, until it listens."""
    daemon = Daemon(host, command[0], command, lambda: f":{port} " in host.run(["ss", "-Hlnt"]).stdout)
    daemon.start()
    daemon.wait_ready()


def welcome(out):
    """The line in which the server says what it calls us."""
    wait_for(lambda: out.exists() and "Welcome" in out.read_text(), 20, "the server's welcome")
    return next(line for line in out.read_text().splitlines() if "Welcome" in line)
