import ftplib
import json
import socket
import sys
from ipaddress import ip_address

import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.ftp_server import asked_ports, make_root, vsftpd
from icsframework.lab.pattern import pattern
from icsframework.lab.privilege import find_program
from icsframework.lab.spec import FtpService

SIZE = 100_000


def free_port():
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def with_vsftpd(host, port):
    """vsftpd; it wants to be root."""
    if not find_program("vsftpd"):
        pytest.skip("vsftpd is not installed (Debian: apt install vsftpd)")
    return vsftpd(host, FtpService(SIZE, port))


def with_twisted(host, port):
    """Twisted's server as the lab starts it where there is no vsftpd."""
    root = str(make_root(host.directory, SIZE))
    file = host.directory / "isp.json"
    services = {"dns": None, "web": None, "ftp": {"root": root, "port": port}}
    file.write_text(json.dumps({"listen": ["127.0.0.1"], **services}))
    daemon = Daemon(
        host, "isp", [sys.executable, "-m", "icsframework.lab.isp", file], lambda: "serving" in daemon.log()
    )
    return daemon


def fetch(port, passive):
    """Fetch the file; returns it and the port that was named for an active transfer."""
    named, got = [], []
    with ftplib.FTP() as client:  # that is what is tested
        client.connect("127.0.0.1", port, timeout=5)
        client.login()
        client.set_pasv(passive)
        send = client.sendport
        client.sendport = lambda host, port: (named.append((ip_address(host), port)), send(host, port))[1]
        client.retrbinary("RETR big", got.append)
    return b"".join(got), named


@pytest.mark.parametrize("start", [with_vsftpd, with_twisted])
def test_active_and_passive(here, start):
    """Both servers send the file both ways, and their log has the port that the client named."""
    daemon = start(here, port := free_port())
    daemon.start()
    daemon.wait_ready()
    assert fetch(port, passive=True) == (pattern(SIZE), [])
    content, named = fetch(port, passive=False)
    assert content == pattern(SIZE)
    assert asked_ports(daemon.log()) == named
    assert len(named) == 1


def test_ports_in_a_log():
    """PORT and EPRT of both families, in the order of the log; nothing else."""
    log = (
        'x FTP command: Client "192.0.2.1", "EPRT |1|192.0.2.1|50000|"\n'
        "PORT 192,0,2,1,195,81\nEPRT |2|2001:db8::1|1024|\nREPORT 5\nPORT nonsense\n"
    )
    assert asked_ports(log) == [
        (ip_address("192.0.2.1"), 50000),
        (ip_address("192.0.2.1"), 50001),
        (ip_address("2001:db8::1"), 1024),
    ]
