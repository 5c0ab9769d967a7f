"""External ports with real packets: who reaches what by which port, and what stays through restarts, reloads and time."""

import json
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))
SERVER, CABLE, DSL = "192.0.2.80", "203.0.113.5", "198.51.100.5"
PC, OTHER = "192.168.0.11", "192.168.0.12"
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}
  - {name: dsl, plugin: ethernet, interface: eth2, address: {address: 198.51.100.5/24, gateway: 198.51.100.1}}
helpers: []
"""
PATIENCE = 5.0
"""Seconds for what must come."""
SILENCE = 0.4
"""Seconds in which nothing must come; the lab needs a hundredth of it."""


@pytest.fixture(scope="module")
def world(open_module_lab):
    """The gateway with two uplinks that are up, and addresses on the PCs."""
    lab = open_module_lab(gateway_config=CONFIG)
    for name, own in (("pc1", PC), ("pc2", OTHER)):
        command = f"ip addr add {own}/24 dev eth0; ip route add default via 192.168.0.1"
        lab[name].run(["sh", "-ec", command], check=True)
    for uplink in ("cable", "dsl"):
        lab["gateway"].gateway.wait_uplink(uplink)
    return lab


@pytest.fixture
def lab(world):
    """The same, with the configuration and the mappings of the beginning after each test."""
    yield world
    daemon = world["gateway"].gateway
    for row in daemon.api("GET", "/v1/mappings"):
        if row["owner"] == "added":
            told = {key: row[key] for key in ("protocol", "uplink")} | {"port": row["external_port"]}
            daemon.api("POST", "/v1/mappings/remove", told)


@pytest.fixture
def sockets():
    """Opens sockets in hosts of the lab; all are closed at the end."""
    opened = []

    def make(host, work):
        opened.append(host.inside(work))
        opened[-1].settimeout(PATIENCE)
        return opened[-1]

    yield make
    for sock in opened:
        sock.close()


def ics(lab, *words):
    """The command in the gateway: status, and what it said."""
    gateway = lab["gateway"]
    done = gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), *map(str, words)])
    return done.returncode, (done.stdout + done.stderr).strip()


def add(lab, *words):
    """``ics mappings add``, which must succeed."""
    status, said = ics(lab, "mappings", "add", *words)
    assert status == 0, said
    return said


def listed(lab):
    """``ics mappings --json``."""
    status, said = ics(lab, "mappings", "--json")
    assert status == 0, said
    return json.loads(said)


def server(make, host, port):
    """A TCP server in a host."""
    return make(host, lambda: socket.create_server(("0.0.0.0", port)))


def call(make, host, port, address=CABLE, timeout=PATIENCE):
    """A TCP connection of a host."""
    return make(host, lambda: socket.create_connection((address, port), timeout))


def answer(listener):
    """The server's end of the connection that was opened last, and who called."""
    connection, peer = listener.accept()
    connection.settimeout(PATIENCE)
    return connection, peer


def talk(one, other):
    """A line each way."""
    for speaker, hearer in ((one, other), (other, one)):
        speaker.sendall(b"hello\n")
        assert hearer.recv(100) == b"hello\n"


def closed(make, host, port, address=CABLE):
    """True if nobody answers there."""
    with suppress(TimeoutError, ConnectionError):
        call(make, host, port, address, SILENCE).close()
        return False
    return True


def datagrams(make, host, port):
    """A UDP socket in a host."""

    def work():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", port))
        return sock

    return make(host, work)


def test_an_added_port_leads_inside_by_each_uplink(lab, sockets):
    """The server sees who calls by his own address, answers leave where the question came in; removed it is closed."""
    web = server(sockets, lab["pc1"], 80)
    assert closed(sockets, lab["server"], 8080)
    assert add(lab, "tcp", 8080, f"{PC}:80").splitlines() == [
        f"tcp {CABLE} port 8080 leads to {PC}:80",
        f"tcp {DSL} port 8080 leads to {PC}:80",
    ]
    for address in (CABLE, DSL):
        client = call(sockets, lab["server"], 8080, address)
        connection, peer = answer(web)
        assert peer == client.getsockname()
        assert peer[0] == SERVER
        talk(client, connection)
    assert [(row["uplink"], row["external_port"], row["to"], row["owner"]) for row in listed(lab)] == [
        ("cable", 8080, f"{PC}:80", "added"),
        ("dsl", 8080, f"{PC}:80", "added"),
    ]
    assert ics(lab, "mappings", "remove", "tcp", 8080)[0] == 0
    assert closed(sockets, lab["server"], 8080)
    assert closed(sockets, lab["server"], 8080, DSL)
    talk(client, connection)
    assert listed(lab) == []


def test_connections_end_with_the_port_if_that_is_asked_for(lab, sockets):
    """Those that run through it, and no others."""
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80")
    add(lab, "tcp", 8081, f"{PC}:80")
    doomed, spared = call(sockets, lab["server"], 8080), call(sockets, lab["server"], 8081)
    ends = {peer: connection for connection, peer in (answer(web), answer(web))}
    assert ics(lab, "mappings", "remove", "tcp", 8080, "--end")[0] == 0
    talk(spared, ends[spared.getsockname()])
    doomed.sendall(b"hello\n")
    ends[doomed.getsockname()].settimeout(SILENCE)
    with pytest.raises(TimeoutError):
        ends[doomed.getsockname()].recv(100)


def test_a_host_leaves_by_its_own_port_and_nobody_else_does(lab, sockets):
    """UDP: the same external port to every destination; a plain flow with a booked source port leaves from 50000-59999."""
    add(lab, "udp", 7000, f"{PC}:7100")
    first, second = datagrams(sockets, lab["server"], 9001), datagrams(sockets, lab["server"], 9002)
    game = datagrams(sockets, lab["pc1"], 7100)
    for number, peer in ((9001, first), (9002, second)):
        game.sendto(b"hello", (SERVER, number))
        assert peer.recvfrom(100) == (b"hello", (CABLE, 7000))
    stranger = datagrams(sockets, lab["server"], 9003)
    stranger.sendto(b"let me in", (CABLE, 7000))
    assert game.recvfrom(100) == (b"let me in", (SERVER, 9003))
    plain = datagrams(sockets, lab["pc2"], 7000)
    plain.sendto(b"me too", (SERVER, 9001))
    _, (address, port) = first.recvfrom(100)
    assert address == CABLE
    assert 50000 <= port <= 59999
    first.sendto(b"welcome", (address, port))
    assert plain.recvfrom(100) == (b"welcome", (SERVER, 9001))


def test_for_one_host_of_the_internet_only(lab, sockets):
    """Others find it closed."""
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80", "--for", SERVER, "--uplink", "cable")
    call(sockets, lab["server"], 8080)
    assert answer(web)[1][0] == SERVER
    assert closed(sockets, lab["isp-a"], 8080)
    assert closed(sockets, lab["server"], 8080, DSL)


def test_a_range_keeps_its_ports(lab, sockets):
    """The first and the last of it, and not the next."""
    add(lab, "tcp", "6112-6119", PC)
    for port in (6112, 6119):
        listener = server(sockets, lab["pc1"], port)
        call(sockets, lab["server"], port)
        assert answer(listener)[1][0] == SERVER
    server(sockets, lab["pc1"], 6120)
    assert closed(sockets, lab["server"], 6120)


def test_from_inside_by_the_address_outside(lab, sockets):
    """A PC that uses the public address reaches the host, which sees the gateway's address there (RFC 4787 REQ-9)."""
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80")
    client = call(sockets, lab["pc2"], 8080)
    connection, peer = answer(web)
    assert peer[0] == CABLE
    talk(client, connection)


def test_who_has_a_port_is_said(lab):
    """With exit status 1; bad usage has 2."""
    add(lab, "tcp", 8080, f"{PC}:80", "--uplink", "dsl")
    assert ics(lab, "mappings", "add", "tcp", 8080, f"{OTHER}:80") == (
        1,
        f"ics: tcp port 8080 on dsl was added already (it leads to {PC}:80); choose another port",
    )
    assert [row["uplink"] for row in listed(lab)] == ["dsl"]
    assert ics(lab, "mappings", "add", "tcp", 8080, "192.0.2.9:80")[0] == 1
    assert ics(lab, "mappings", "add", "tcp", 80800, f"{PC}:80")[0] == 2
    assert ics(lab, "mappings", "remove", "tcp", 9)[1] == "ics: tcp port 9 is not open; see ics mappings"
    status, table = ics(lab, "mappings")
    assert (status, table.splitlines()[1].split()) == (
        0,
        ["tcp", "dsl", "8080", f"{PC}:80", "anybody", "added", "never"],
    )


@pytest.mark.parametrize("handed_over", [False, True], ids=["killed", "handed over"])
def test_what_was_added_survives_kill_9_and_a_restart(lab, sockets, handed_over):
    """Connections and ports go on, its time runs on; what helpers had opened is still booked, what nobody answers for is closed."""
    daemon = lab["gateway"].gateway
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80", "--lifetime", "1h")
    client = call(sockets, lab["server"], 8080)
    connection, _ = answer(web)
    until = min(row["expires"] for row in listed(lab) if row["owner"] == "added")
    nft(
        lab,
        f'add element inet ics open_any {{ 0x00010000 . tcp . 9090 comment "owner=added" : {PC} . 80 }}',
        "add element inet ics expect_from"
        f' {{ 0x00010000 . {SERVER} . tcp . 4000 timeout 1m comment "owner=helper.ftp" : {PC} . 80 }}',
    )
    assert not closed(sockets, lab["server"], 9090)
    answer(web)
    if handed_over:
        daemon.signal(signal.SIGUSR2)
        assert daemon.wait_end() == 75
    else:
        daemon.kill()
    call(sockets, lab["server"], 8080)
    assert answer(web)[1][0] == SERVER
    daemon.start()
    daemon.wait_ready()
    wait_for(lambda: closed(sockets, lab["server"], 9090), PATIENCE, "what nobody answers for to be closed")
    rows = {row["owner"]: row for row in listed(lab)}
    assert set(rows) == {"added", "helper.ftp"}
    assert (rows["helper.ftp"]["external_port"], rows["helper.ftp"]["once"]) == (4000, True)
    assert abs(seconds(rows["added"]["expires"]) - seconds(until)) <= 2
    talk(client, connection)
    call(sockets, lab["server"], 8080)
    assert answer(web)[1][0] == SERVER
    assert ics(lab, "mappings", "add", "tcp", 4000, f"{OTHER}:80")[1].startswith(
        "ics: tcp port 4000 on cable belongs to helper.ftp"
    )


def seconds(text):
    """The seconds of a time within the hour, for times that are close to each other."""
    hours, minutes, rest = text.removesuffix("Z").partition("T")[2].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


def nft(lab, *lines):
    """Somebody else changes the packet filter."""
    lab["gateway"].run(["nft", "-f", "-"], input="\n".join(lines) + "\n", check=True)


def test_the_kernel_has_nothing_any_more(lab, sockets):
    """As after a reboot: the journal brings it back."""
    daemon = lab["gateway"].gateway
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80")
    daemon.kill()
    nft(lab, "flush ruleset")
    daemon.start()
    daemon.wait_ready()
    wait_for(lambda: not closed(sockets, lab["server"], 8080), PATIENCE, "the port to be open again")
    assert answer(web)[1][0] == SERVER


def test_somebody_flushes_the_packet_filter(lab, sockets):
    """It is loaded again with the mappings in it."""
    web = server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80")
    nft(lab, "flush ruleset")
    wait_for(lambda: not closed(sockets, lab["server"], 8080), PATIENCE, "the port to be open again")
    assert answer(web)[1][0] == SERVER


def test_a_reload_keeps_it_and_a_published_service_goes_first(lab, sockets):
    """While the configuration has the port, what was added waits, and says why."""
    daemon = lab["gateway"].gateway
    text = daemon.config_file.read_text()
    web, other = server(sockets, lab["pc1"], 80), server(sockets, lab["pc2"], 80)
    add(lab, "tcp", 8080, f"{PC}:80")
    add(lab, "tcp", 8081, f"{PC}:80")
    config = yaml.safe_load(text)
    config["publish"] = [{"name": "web", "protocol": "tcp", "port": 8080, "to": f"{OTHER}:80"}]
    try:
        daemon.config_file.write_text(yaml.safe_dump(config))
        assert ics(lab, "reload")[0] == 0
        call(sockets, lab["server"], 8081)
        assert answer(web)[1][0] == SERVER
        call(sockets, lab["server"], 8080)
        assert answer(other)[1][0] == SERVER
        why = {(row["owner"], row["external_port"]): row["reason"] for row in listed(lab)}
        assert why == {
            ("publish.web", 8080): None,
            ("added", 8080): "the configuration has this port for publish.web",
            ("added", 8081): None,
        }
        assert ics(lab, "mappings", "add", "tcp", 8080, f"{OTHER}:80")[1].startswith(
            "ics: tcp port 8080 on cable belongs to publish.web"
        )
    finally:
        daemon.config_file.write_text(text)
        assert ics(lab, "reload")[0] == 0
    call(sockets, lab["server"], 8080)
    assert answer(web)[1][0] == SERVER


def test_time_ends_it(lab, sockets):
    """The kernel closes it by itself, and the list forgets it."""
    server(sockets, lab["pc1"], 80)
    add(lab, "tcp", 8080, f"{PC}:80", "--lifetime", "1s")
    assert not closed(sockets, lab["server"], 8080)
    wait_for(lambda: closed(sockets, lab["server"], 8080), PATIENCE, "the port to be closed")
    assert listed(lab) == []
