"""What is sent while the line is down arrives when it is up: once, from the public address, without being sent again."""

import re
import shutil
import socket
from ipaddress import ip_address

import dpkt
import pytest

from icsframework.lab.ftp_server import asked_ports
from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000
PROVIDERS = {"isp": "203.0.113.5", "others": "10.0.2.15"}
"""Who answers the telephone, and the public address that a caller gets."""


def way_out(seen, port):
    """Source and data of the datagrams to a port that left by the telephone."""
    sent = [raw for interface, outgoing, raw in seen if interface == "icsu-phone" and outgoing]
    packets = [dpkt.ip.IP(raw) for raw in sent if raw[0] >> 4 == 4]
    return [
        (str(ip_address(one.src)), bytes(one.data.data))
        for one in packets
        if one.p == dpkt.ip.IP_PROTO_UDP and one.data.dport == port
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_datagram(stand, provider):
    """It dials, arrives exactly once, from the address that the provider gave, and its answer comes back."""
    if provider == "others" and not shutil.which("slirp-fullbolt"):
        pytest.skip("slirp-fullbolt is not installed (Debian: slirp)")
    stand.modem.set_number("123", provider)
    dialled, outside = stand.dialled(), stand.everywhere(stand.box)
    with stand.witness(PORT) as witness, stand.pc1.capture("eth0", f"udp port {PORT}") as at_home:
        with stand.udp(stand.pc1) as own:
            own.sendto(b"the first", (SERVER, PORT))
            assert own.recvfrom(100) == (b"the first", (SERVER, PORT))
        left = way_out(outside.packets(), PORT)  # while that device is there
        stand.hang_up()
    assert [one.data for one in witness.heard] == [b"the first"]
    assert left == [(PROVIDERS[provider], b"the first")]
    assert len(at_home.frames()) == 2  # what it sent, and the answer
    assert stand.dialled() == dialled + 1
    if provider == "isp":
        assert witness.heard[0].source == PROVIDERS[provider]


def test_a_burst_of_datagrams(stand):
    """Those of one flow arrive in order, those of another PC too, each once; one call is made for all."""
    dialled, words = stand.dialled(), [b"%d" % number for number in range(10)]
    with (
        stand.witness(PORT) as witness,
        stand.udp(stand.pc1, (SERVER, PORT)) as one,
        stand.udp(stand.pc2, (SERVER, PORT)) as two,
    ):
        for word in words:
            one.send(word)
            two.send(b"other " + word)
        for sock, before in ((one, b""), (two, b"other ")):
            assert [sock.recv(100) for _ in words] == [before + word for word in words]
    heard = [one.data for one in witness.heard]
    assert [word for word in heard if not word.startswith(b"other")] == words
    assert len(heard) == 2 * len(words)
    assert {one.source for one in witness.heard} == {PROVIDERS["isp"]}
    assert stand.dialled() == dialled + 1


def test_a_datagram_in_fragments(stand):
    """One that is longer than a packet waits as a whole, and arrives as one."""
    words = bytes(range(256)) * 16
    with stand.witness(PORT) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(words)
        assert own.recv(len(words)) == words
    assert [one.data for one in witness.heard] == [words]


def syns(packets):
    """Times of the SYNs without ACK."""
    flags = dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK
    return [when for when, packet in packets if packet.data.flags & flags == dpkt.tcp.TH_SYN]


def test_one_connection(stand):
    """Its SYN, which the PC has repeated meanwhile, arrives once, when the line is up and not with the next repetition."""
    stand.modem.set_number("123", "slow")
    with (
        stand.witness(PORT) as witness,
        stand.pc1.capture("eth0", f"tcp port {PORT}") as at_home,
        stand.server.capture("eth0", f"tcp port {PORT}") as far,
        stand.tcp(stand.pc1) as own,
    ):
        own.connect((SERVER, PORT))
        own.sendall(b"hello")
        assert own.recv(100) == b"hello"
    assert [(one.protocol, one.source) for one in witness.heard] == [("tcp", "203.0.113.13")]
    sent, arrived = syns(stand.packets(at_home)), syns(stand.packets(far))
    assert len(arrived) == 1
    assert len(sent) == 2  # the second after one second, the third would have come a second or two later
    assert arrived[0] - sent[-1] > 0.1


def asked(sock):
    """What comes back."""
    sock.sendall(b"hello")
    return sock.recv(100)


def test_strict_reverse_path_on_the_host(fresh_stand):
    """`all.rp_filter=1`, which some distributions set, drops nothing of what was held, and is there again at the end."""
    stand = fresh_stand("{net.ipv4.conf.all.rp_filter: '1', net.ipv4.conf.default.rp_filter: '1'}")
    with stand.witness(PORT) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"the first")
        assert own.recv(100) == b"the first"
        with stand.tcp(stand.pc2) as other:
            other.connect((SERVER, PORT))
            assert asked(other) == b"hello"
        stand.hang_up()
        with stand.tcp(stand.pc2) as other:
            other.connect((SERVER, PORT))
            assert asked(other) == b"hello"
    assert [one.protocol for one in witness.heard] == ["udp", "tcp", "tcp"]
    assert {one.source for one in witness.heard} == {PROVIDERS["isp"]}
    assert stand.gateway.stop() == 0
    left = stand.box.run(["sysctl", "-n", "net.ipv4.conf.all.rp_filter"]).stdout.strip()
    assert left == "1"


FTP_CLIENTS = {
    "tnftp": ["tnftp", "-n", "-A", SERVER],
    "curl": ["curl", "-sS", "--max-time", "20", "--ftp-port", "-", f"ftp://{SERVER}/"],
}


@pytest.mark.parametrize("client", FTP_CLIENTS)
def test_the_first_packet_is_ftp(stand, client):
    """Login and a listing in active mode: the helper takes the connection and waits for the line."""
    missing = [name for name in (client, "vsftpd") if not shutil.which(name, path="/usr/bin:/usr/sbin")]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make test does it)")
    log = stand.server.services["vsftpd"]
    before, dialled = len(log.log()), stand.dialled()
    typed = "user anonymous a@example.net\nepsv4 off\nls\nquit\n"
    done = stand.pc1.run(FTP_CLIENTS[client], input=typed, timeout=25.0)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b20000 .*\bbig\b", done.stdout), done.stdout + done.stderr
    assert stand.dialled() == dialled + 1
    asked = asked_ports(log.log()[before:])
    assert [str(address) for address, _ in asked] == [PROVIDERS["isp"]]
    cause = [event for event in stand.history() if event["event"] == "up"][-1]["cause"]
    assert (cause["protocol"], cause["destination"]) == ("tcp", f"{SERVER}:21")
    assert cause["client"] == str(stand.lease["pc1"].address.ip)


def test_a_page_by_its_name(stand):
    """What a browser does: the lookup dials, the page follows on the same call."""
    dialled = stand.dialled()
    page = stand.pc1.fetch("http://www.example.net/", 15.0)
    assert (page.status, page.body) == (200, b"Who wakes me?\n")
    assert stand.dialled() == dialled + 1


def test_an_echo_request(stand):
    """`ping -c 1` is answered, although it is the first packet."""
    done = stand.pc1.run(["ping", "-c", "1", "-W", "10", SERVER], timeout=15.0)
    assert done.returncode == 0, (
        done.stdout,
        stand.hold(),
        stand.box.run(["nft", "list", "counters"]).stdout,
    )
    assert " 0% packet loss" in done.stdout


def test_another_socket_of_the_same_port(stand):
    """A flow that was held is an ordinary one afterwards: the answer of a stranger does not come in."""
    with (
        stand.witness(PORT, answer=False) as witness,
        stand.udp(stand.pc1) as own,
        stand.server.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("net",)) as stranger,
    ):
        own.sendto(b"the first", (SERVER, PORT))
        stand.wait("up")
        heard = wait_heard(witness)
        stranger.bind((SERVER, 9001))
        stranger.sendto(b"from elsewhere", (heard.source, heard.port))
        own.sendto(b"the second", (SERVER, PORT))
        assert wait_heard(witness, 2).data == b"the second"
        own.settimeout(0.1)
        with pytest.raises(TimeoutError):
            own.recv(100)


def wait_heard(witness, number=1):
    """The datagram of that number."""
    wait_for(lambda: len(witness.heard) >= number, 15.0, f"datagram {number} at the server")
    return witness.heard[number - 1]
