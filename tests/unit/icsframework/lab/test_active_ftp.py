import socket
from ipaddress import IPv4Address, IPv4Interface
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest

from icsframework.lab.active_ftp import FtpSite, fetch_actively, find_ftp_site
from icsframework.lab.clients import Lease
from icsframework.lab.errors import LabError
from icsframework.lab.parse import default_text, parse_lab
from icsframework.lab.pattern import pattern

SPEC = parse_lab(default_text())
SITE = find_ftp_site(SPEC)
LEASE = Lease("udhcpc", IPv4Interface("127.9.0.2/24"), IPv4Address("127.9.0.1"), (), "", 600, None)
"""Addresses of loopback: what is tried once more is tried for real."""


class Pc:
    """Its curl gets what the test says."""

    name = "pc1"

    def __init__(self, directory, content=None, error=""):
        self.directory, self.content, self.error = directory, content, error

    def run(self, arguments, timeout):
        assert arguments[0] == "curl"
        assert arguments[arguments.index("--ftp-port") + 1] == "-"
        assert arguments[-1] == "ftp://ftp.example.net/big"
        if self.content is not None:
            (self.directory / "fetched").write_bytes(self.content)
        return CompletedProcess(arguments, bool(self.error), "0.012", self.error)


class Server:
    """Its log says what the test says, from the transfer on; it is where the test runs."""

    name = "server"

    def __init__(self, *asked):
        self.logs = ["EPRT |1|203.0.113.9|1025|\n", "EPRT |1|203.0.113.9|1025|\n" + "".join(asked)]
        self.services = {"vsftpd": SimpleNamespace(log=lambda: self.logs.pop(0))}
        self.answers = TimeoutError("nobody")

    def inside(self, work, kinds):
        return work()


def gateway(*ports):
    """A gateway with these external ports open, as its API says it."""
    listed = [{"external_port": port} for port in ports]
    return SimpleNamespace(gateway=SimpleNamespace(api=lambda method, path: listed))


@pytest.fixture
def silent():
    """A port at which SYNs get no answer: the queue of its listener is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def eprt(port, address="127.0.0.1"):
    """A line of the server's log."""
    return f'FTP command: Client "x", "EPRT |1|{address}|{port}|"\n'


def test_the_server_and_its_name():
    """The name that begins with ftp, an alias included; no server, nothing to show; without a name the address."""
    assert FtpSite("ftp.example.net", SPEC.hosts["server"]) == SITE
    assert (SITE.url, SITE.content) == ("ftp://ftp.example.net/big", pattern(5_000_000))
    assert find_ftp_site(parse_lab("hosts: {a: {}}")) is None
    text = (
        "segments: [a]\nhosts: {s: {interfaces: {e: {segment: a, address: 192.0.2.1/24}}, ftp: {port: 2121}}}"
    )
    assert find_ftp_site(parse_lab(text)).url == "ftp://192.0.2.1:2121/big"


def test_a_transfer_is_shown(tmp_path, silent):
    """Bytes, time, the port that the server was told, and that it is shut again."""
    pc, server = Pc(tmp_path, SITE.content), Server(eprt(silent))
    sentence = fetch_actively(pc, SITE, server, [gateway(5000)], LEASE)
    assert sentence == (
        "pc1 fetched ftp://ftp.example.net/big in active mode, 5000000 bytes in 0.012 s; "
        f"server called back to 127.0.0.1 port {silent}, open for that one call and closed again"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "error", "asked", "failure"),
    [
        (None, "curl: (30) refused", [], r"could not fetch .* in active mode: curl: \(30\) refused"),
        (b"half", "", [eprt(5000)], "4 bytes arrived, and not those of the file"),
        (SITE.content, "", [], "never asked to connect back: this was no active mode"),
        (SITE.content, "", [eprt(5000, "127.9.0.2")], "an address at home: nothing translated it"),
    ],
)
def test_what_does_not_happen_is_a_failure(tmp_path, content, error, asked, failure):
    """The client's error, another file, passive mode, no translation."""
    with pytest.raises(LabError, match=failure):
        fetch_actively(Pc(tmp_path, content, error), SITE, Server(*asked), [], LEASE)


def test_a_port_that_stays_open_is_a_failure(tmp_path):
    """Whether somebody takes the call, or only refuses it; and also when only the gateway lists it."""
    with socket.create_server(("127.0.0.1", 0)) as taking:
        port = taking.getsockname()[1]
        with pytest.raises(LabError, match="and it was taken: it is still open"):
            fetch_actively(Pc(tmp_path, SITE.content), SITE, Server(eprt(port)), [gateway()], LEASE)
    with pytest.raises(LabError, match="it was answered: Connection refused"):
        fetch_actively(Pc(tmp_path, SITE.content), SITE, Server(eprt(port)), [gateway()], LEASE)
    with pytest.raises(LabError, match=f"waited 1 s for port {port} to be closed again"):
        fetch_actively(Pc(tmp_path, SITE.content), SITE, Server(eprt(port)), [gateway(port)], LEASE)
