"""FTP through the gateway: vsftpd and pyftpdlib in the Internet and behind us, curl, lftp, tnftp and ftplib as clients."""

import ftplib
import hashlib
import re
import signal
import socket
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.ftp_server import CONFIG as VSFTPD_CONFIG
from icsframework.lab.ftp_server import asked_ports
from icsframework.lab.pattern import pattern
from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

SERVER, CABLE, DSL = "192.0.2.80", "203.0.113.5", "198.51.100.5"
PCS = {"pc1": "192.168.0.11", "pc2": "192.168.0.12"}
VSFTPD, PYFTPDLIB, SECURE, PUBLISHED = 21, 2121, 2122, 2121
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
  - name: dsl
    plugin: ethernet
    interface: eth2
    address: {address: 198.51.100.5/24, gateway: 198.51.100.1, dns: [198.51.100.1]}
helpers:
  - {plugin: ftp, ports: [21, 2121, 2122]}
publish:
  - {name: files, protocol: tcp, port: 2121, to: "192.168.0.12:21"}
  - {name: ftps, protocol: tcp, port: 2122, to: 192.168.0.12}
  - {name: ftps-data, protocol: tcp, port: 40000-40009, to: "192.168.0.12:40000"}
"""
CONTENT = pattern(300_000)
LONG = pattern(30_000_000)
"""More than all buffers on the way hold."""
HUGE = 1 << 30
MANY = 16
"""Files, and clients, at once."""
STAND = Path(__file__).with_name("ftp_stand.py")
DEBIAN_PYTHON, DEBIAN_PYFTPDLIB = "/usr/bin/python3", Path("/usr/lib/python3/dist-packages/pyftpdlib")
UPLOADS = "write_enable=YES\nanon_upload_enable=YES\nanon_other_write_enable=YES\n"
needs = [name for name in ("vsftpd", "curl", "lftp", "tnftp", "openssl") if not find_program(name)]
needs += [] if DEBIAN_PYFTPDLIB.exists() else ["python3-pyftpdlib"]
pytestmark = pytest.mark.skipif(bool(needs), reason=f"not installed: {', '.join(needs)} (make test does it)")


def listens(host, port):
    """Whether somebody listens at a port of the host."""
    table = host.inside(Path("/proc/thread-self/net/tcp").read_text, ("net",))
    return any(line.split()[1].endswith(f":{port:04X}") and " 0A " in line for line in table.splitlines()[1:])


def root_of(host, name):
    """A directory with the file to fetch, and one to write into."""
    root = host.directory / name
    root.mkdir()
    (root / "file").write_bytes(CONTENT)
    (root / "long").write_bytes(LONG)
    for number in range(MANY):
        (root / f"many-{number}").write_bytes(CONTENT[number:])
    with (root / "huge").open("wb") as huge:
        huge.truncate(HUGE)
    return root


def vsftpd(host, port, more=""):
    """vsftpd in a host; its root is the attribute ``root``, what it was told is in the log ``said``."""
    name = f"vsftpd-{port}"
    root, empty = root_of(host, f"{name}-root"), host.directory / f"{name}-empty"
    empty.mkdir()
    config, log = host.directory / f"{name}.conf", host.directory / f"{name}.said"
    config.write_text(VSFTPD_CONFIG.format(port=port, root=root, empty=empty, log=log) + UPLOADS + more)
    return running(host, name, ["vsftpd", config], port, root, log)


def running(host, name, arguments, port, root, log):
    """Start a server and wait until it listens."""
    daemon = Daemon(host, name, arguments, lambda: listens(host, port))
    daemon.root, daemon.port, daemon.said = root, port, lambda: log.read_text() if log.exists() else ""
    host.services[name] = daemon
    daemon.start()
    daemon.wait_ready()
    return daemon


def pyftpdlib(host, port):
    """pyftpdlib in a host."""
    root = root_of(host, "pyftpdlib-root")
    daemon = running(host, "pyftpdlib", [DEBIAN_PYTHON, STAND, root, port], port, root, Path("/nonexistent"))
    daemon.said = daemon.log
    return daemon


def secure(host, port, more=""):
    """vsftpd that speaks TLS too, with a certificate made for the day."""
    key, certificate = host.directory / "key.pem", host.directory / "certificate.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ftp"
    host.run([*words.split(), "-keyout", key, "-out", certificate], check=True)
    more += f"\nssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={certificate}\nrsa_private_key_file={key}\nrequire_ssl_reuse=NO"
    return vsftpd(host, port, more)


@pytest.fixture(scope="module")
def lab(open_module_lab):
    """Both uplinks up, an address on each PC, three servers in the Internet and one behind us."""
    lab = open_module_lab(gateway_config=CONFIG)
    for name, own in PCS.items():
        command = f"ip addr add {own}/24 dev eth0; ip route add default via 192.168.0.1"
        lab[name].run(["sh", "-ec", command], check=True)
    server = lab["server"]
    server.services["vsftpd"].stop()
    lab.servers = {
        VSFTPD: vsftpd(server, VSFTPD),
        PYFTPDLIB: pyftpdlib(server, PYFTPDLIB),
        SECURE: secure(server, SECURE),
        "inside": vsftpd(lab["pc2"], VSFTPD),
        "inside, secure": secure(
            lab["pc2"], SECURE, f"pasv_min_port=40000\npasv_max_port=40009\npasv_address={CABLE}"
        ),
    }
    for name in ("cable", "dsl"):
        lab["gateway"].gateway.wait_uplink(name)
    return lab


def helper(lab):
    """The status of the helper."""
    [found] = [one for one in lab["gateway"].gateway.status_tree()["helpers"] if one["name"] == "ftp"]
    return found


# --- clients --------------------------------------------------------------------------------------------


def curl(mode, host, port, own):
    """A listing, a file, and the file sent back."""
    how = {
        "PORT": ["--ftp-port", "-", "--disable-eprt"],
        "EPRT": ["--ftp-port", "-"],
        "PASV": ["--disable-epsv"],
        "EPSV": [],
    }[mode]
    url, common = f"ftp://{host}:{port}/", ["--silent", "--show-error", "--max-time", "8", *how]
    return [
        ["curl", *common, url],
        ["curl", *common, "--output", own, f"{url}file"],
        ["curl", *common, "--upload-file", own, f"{url}back"],
    ]


def lftp(mode, host, port, own):
    """The same in one session, which begins with AUTH TLS."""
    active = mode in ("PORT", "EPRT")
    words = [
        "set net:max-retries 1; set net:timeout 5; set ftp:use-site-utime no; set ftp:use-mlsd no",
        f"set ftp:passive-mode {'off' if active else 'on'}; set ftp:prefer-epsv {'off' if mode == 'PASV' else 'on'}",
        f"open ftp://{host}:{port}; ls; get file -o {own}; put {own} -o back; bye",
    ]
    return [["lftp", "--norc", "-c", "; ".join(words)]]


def tnftp(mode, host, port, own):
    """The same as a person would type it."""
    return [["tnftp", "-n", "-A" if mode in ("PORT", "EPRT") else "-p", host, str(port)]]


def typed(mode, own):
    """What is typed into tnftp."""
    family = "epsv4 off\n" if mode in ("PORT", "PASV") else ""
    return f"user anonymous a@example.net\n{family}binary\nls\nget file {own}\nput {own} back\nquit\n"


CLIENTS = {"curl": curl, "lftp": lftp, "tnftp": tnftp}
MODES = {
    ("curl", "PORT"),
    ("curl", "EPRT"),
    ("curl", "PASV"),
    ("curl", "EPSV"),
    ("lftp", "PORT"),
    ("lftp", "PASV"),
    ("lftp", "EPSV"),
    ("tnftp", "PORT"),
    ("tnftp", "EPRT"),
    ("tnftp", "PASV"),
    ("tnftp", "EPSV"),
}
"""What each client can do by IPv4."""


def transfer(client, mode, lab, where, host, port, server):
    """List, fetch and send a file; what the server was told meanwhile."""
    before, own = len(server.said()), lab[where].directory / f"{client}-{mode}"
    for old in (own, server.root / "back"):
        old.unlink(missing_ok=True)
    for command in CLIENTS[client](mode, host, port, own):
        done = lab[where].run(command, input=typed(mode, own) if client == "tnftp" else None, check=True)
        if command[-1].endswith("/") or client != "curl":
            assert "file" in done.stdout, done.stdout + done.stderr
    assert own.read_bytes() == CONTENT
    assert (server.root / "back").read_bytes() == CONTENT
    return server.said()[before:]


def verbs(said):
    """Which of the four commands a server got."""
    return set(re.findall(r"\b(PORT|EPRT|PASV|EPSV)\b", said))


@pytest.mark.parametrize("port", [VSFTPD, PYFTPDLIB])
@pytest.mark.parametrize(("client", "mode"), sorted(MODES))
def test_transfers(lab, client, mode, port):
    """Listing, download and upload in every mode of every client; the server is told our address, never the PC's."""
    server = lab.servers[port]
    said = transfer(client, mode, lab, "pc1", SERVER, port, server)
    assert mode in verbs(said)
    if mode in ("PORT", "EPRT"):
        asked = asked_ports(said)
        assert len(asked) >= 3
        assert {address for address, _ in asked} == {ip_address(CABLE)}
    assert PCS["pc1"] not in said
    assert helper(lab)["expectations"] == 0


@pytest.mark.parametrize(("client", "mode"), sorted(MODES))
def test_a_published_server(lab, client, mode):
    """The same from the Internet to a server behind us, which sees its clients' own addresses."""
    inside = lab.servers["inside"]
    said = transfer(client, mode, lab, "server", CABLE, PUBLISHED, inside)
    assert mode in verbs(said)
    assert set(re.findall(r'Client "([^"]*)"', said)) == {SERVER}
    assert helper(lab)["expectations"] == 0


# --- encryption -----------------------------------------------------------------------------------------


def test_tls_passes(lab):
    """With the server's consent the session steps aside, and passive mode works as without us (RFC 4217)."""
    own, before = lab["pc1"].directory / "tls", helper(lab)["details"]["encrypted"]
    words = ["--silent", "--show-error", "--insecure", "--ssl-reqd", "--max-time", "8", "--output", own]
    lab["pc1"].run(["curl", *words, f"ftp://{SERVER}:{SECURE}/file"], check=True)
    assert own.read_bytes() == CONTENT
    assert helper(lab)["details"]["encrypted"] == before + 1


def test_tls_to_a_published_server(lab):
    """With a range of ports for its data, published as well, and our address in what it says."""
    own, before = lab["server"].directory / "published-tls", helper(lab)["details"]["encrypted"]
    words = ["--silent", "--show-error", "--insecure", "--ssl-reqd", "--disable-epsv", "--max-time", "8"]
    lab["server"].run(["curl", *words, "--output", own, f"ftp://{CABLE}:{SECURE}/file"], check=True)
    assert own.read_bytes() == CONTENT
    assert helper(lab)["details"]["encrypted"] == before + 1


def test_tls_refused_is_ftp_as_before(lab):
    """A client that asks for TLS, is refused and goes on in active mode is helped."""
    own, server = lab["pc1"].directory / "no-tls", lab.servers[VSFTPD]
    before, encrypted = len(server.said()), helper(lab)["details"]["encrypted"]
    words = ["--silent", "--ssl", "--insecure", "--ftp-port", "-", "--max-time", "8", "--output", own]
    lab["pc1"].run(["curl", *words, f"ftp://{SERVER}/file"], check=True)
    said = server.said()[before:]
    assert own.read_bytes() == CONTENT
    assert "AUTH SSL" in said
    assert asked_ports(said)[0][0] == ip_address(CABLE)
    assert helper(lab)["details"]["encrypted"] == encrypted


# --- what is refused ------------------------------------------------------------------------------------


class Client(ftplib.FTP):
    """ftplib in a host of the lab, with every socket it needs made there."""

    def __init__(self, host, server, port=VSFTPD, source=("", 0), data_port=0):
        self._host, self._data_port = host, data_port
        super().__init__(timeout=8)
        host.inside(lambda: self.connect(server, port, source_address=source))
        self.login("anonymous", "a@example.net")
        self.voidcmd("TYPE I")

    def makeport(self):
        """A socket on the port that the test wants, announced by PORT."""
        sock = socket.create_server(("", self._data_port))
        sock.settimeout(8)
        self.sendport(self.sock.getsockname()[0], sock.getsockname()[1])
        return sock

    def begin(self, command, active=True):
        """A data connection that carries what the command brings."""
        self.set_pasv(not active)
        return self._host.inside(lambda: self.transfercmd(command))

    def fetch(self, command="RETR file", active=True):
        """All that it brings."""
        with self.begin(command, active) as data:
            content = read(data)
        self.voidresp()
        return content


def read(data, first=b""):
    """Everything up to the end of a data connection."""
    return first + b"".join(iter(lambda: data.recv(1 << 16), b""))


@pytest.mark.parametrize(
    "command",
    [
        "PORT 192,168,0,12,8,73",  # the other PC's FTP server
        "PORT 203,0,113,1,8,73",  # somebody in the Internet
        "PORT 203,0,113,5,8,73",  # the gateway
        "PORT 192,168,0,11,0,22",  # a service of its own host
        "EPRT |1|192.168.0.12|2121|",
        "EPRT |1|192.168.0.11|25|",
        "PORT 192,168,0,11,8,73\r\n PORT 192,168,0,12,8,73",
        "NOOP\rPORT 192,168,0,12,8,73",
    ],
)
def test_bounce_attempts(lab, command):
    """A server never hears of them (RFC 2577), and the session goes on."""
    server, before = lab.servers[VSFTPD], helper(lab)["details"]["bounces"]
    client = Client(lab["pc1"], SERVER)
    heard = len(server.said())
    client.sock.sendall(command.encode() + b"\r\n")
    answers = [client.getline() for _ in range(command.count("\n") + 1)]
    assert answers[-1].startswith("500 Refused by the gateway")
    assert client.voidcmd("NOOP").startswith("200")
    client.quit()
    assert {address for address, _ in asked_ports(server.said()[heard:])} <= {ip_address(CABLE)}
    assert "NOOP\rPORT" not in server.said()[heard:]
    assert helper(lab)["details"]["bounces"] == before + 1
    assert helper(lab)["details"]["last_bounce"].startswith(f"{PCS['pc1']}:")


# --- many at once ---------------------------------------------------------------------------------------


def test_the_same_ports_on_several_pcs(lab):
    """Two PCs use the same two ports at once: one keeps its number outside, the other gets another; none is mixed up."""
    server, ports = lab.servers[VSFTPD], (40000, 41000)
    before = len(server.said())
    clients = [Client(lab[name], SERVER, source=("", ports[0]), data_port=ports[1]) for name in PCS]
    data = [client.begin(f"RETR {name}") for client, name in zip(clients, ("long", "file"), strict=True)]
    assert helper(lab)["sessions"] == 2
    assert [hashlib.sha256(read(sock)).hexdigest() for sock in data] == [
        hashlib.sha256(content).hexdigest() for content in (LONG, CONTENT)
    ]
    for sock, client in zip(data, clients, strict=True):
        sock.close()
        assert client.voidresp().startswith("226")
        client.quit()
    asked = [port for _, port in asked_ports(server.said()[before:])]
    assert asked[0] == ports[1]
    assert asked[1] not in ports


def test_many_clients_of_many_pcs(lab):
    """All at once, in active mode, each gets its own file whole."""
    words = ["curl", "--silent", "--show-error", "--max-time", "20", "--ftp-port", "-"]
    started = []
    for number in range(MANY):
        host = lab[("pc1", "pc2")[number % 2]]
        own = host.directory / f"many-{number}"
        started.append((own, host.popen([*words, "--output", own, f"ftp://{SERVER}/many-{number}"])))
    for number, (own, process) in enumerate(started):
        _, errors = process.communicate(timeout=25)
        assert process.returncode == 0, errors
        assert own.read_bytes() == CONTENT[number:]
    wait_for(lambda: helper(lab)["sessions"] == 0, 5.0, "all sessions to end")


@pytest.mark.parametrize("passive", ["on", "off"])
@pytest.mark.parametrize("direction", ["outbound", "inbound"])
def test_commands_sent_ahead(lab, direction, passive):
    """A client that does not wait for answers, with four sessions at once, gets all files whole."""
    host, address, port = ("pc1", SERVER, VSFTPD) if direction == "outbound" else ("server", CABLE, PUBLISHED)
    own = lab[host].directory / f"ahead-{passive}"
    own.mkdir()
    words = [
        f"set net:max-retries 1; set net:timeout 5; set ftp:sync-mode off; set ftp:passive-mode {passive}",
        f"open ftp://{address}:{port}; mget -P 4 -O {own} many-*; bye",
    ]
    lab[host].run(["lftp", "--norc", "-c", "; ".join(words)], check=True, timeout=20)
    assert [(own / f"many-{number}").read_bytes() == CONTENT[number:] for number in range(MANY)] == [
        True
    ] * MANY
    assert helper(lab)["expectations"] == 0


def test_a_gigabyte_does_not_pass_through_the_daemon(lab):
    """The data of an active transfer stays in the kernel: the daemon's CPU time is that of the control connection."""
    pid = lab["gateway"].gateway.pid
    words = ["--silent", "--show-error", "--max-time", "30", "--ftp-port", "-", "--output", "/dev/null"]
    before = cpu(pid)
    done = lab["pc1"].run(
        ["curl", *words, "--write-out", "%{size_download} %{time_total}", f"ftp://{SERVER}/huge"],
        check=True,
        timeout=40,
    )
    spent = cpu(pid) - before
    size, seconds = done.stdout.split()
    assert int(size) == HUGE
    assert spent < 0.1, f"{spent} s of CPU time for a transfer of {seconds} s"


def cpu(pid):
    """Seconds of CPU time of a process, children apart (proc(5): utime and stime in hundredths)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


# --- when something breaks ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR2], ids=["kill -9", "handover"])
def test_kill_9_in_the_middle_of_a_transfer(lab, number):
    """The data arrives whole; the control connection is lost, and the next daemon helps the next one."""
    gateway = lab["gateway"].gateway
    client = Client(lab["pc1"], SERVER)
    with client.begin("RETR long") as data:
        first = data.recv(1 << 16)
        gateway.signal(number)
        gateway.wait_end()
        content = read(data, first)
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(LONG).hexdigest()
    with pytest.raises((EOFError, OSError)):
        client.voidresp()
    client.close()
    gateway.start()
    gateway.wait_ready()
    gateway.wait_uplink("cable")
    with_us = Client(lab["pc1"], SERVER)
    assert with_us.fetch() == CONTENT
    with_us.quit()


def way(pc):
    """The address that the server sees of a new connection of the PC, "" if there is none at the moment."""

    def ask():
        try:
            with socket.create_connection((SERVER, 80), 2.0) as sock:
                sock.sendall(b"GET /ip HTTP/1.0\r\n\r\n")
                return read(sock).rpartition(b"\r\n")[2].split()[0].decode()
        except OSError:
            return ""

    return pc.inside(ask)


@pytest.fixture
def plug(lab):
    """Puts the cable of the preferred uplink back, and waits until that is preferred again; at the end in any case."""

    def plug():
        lab.switch.run(["ip", "link", "set", "gateway-eth0", "up"], check=True)
        wait_for(lambda: way(lab["pc2"]) == CABLE, 10.0, "cable to be the way again")

    yield plug
    plug()


@pytest.fixture
def cut(lab, plug):
    """The preferred uplink has lost its cable and the other one is used; calling it puts it back."""
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
    wait_for(lambda: way(lab["pc2"]) == DSL, 10.0, "dsl to be the way")
    return plug


def test_control_and_data_by_the_same_uplink(lab, cut):
    """A session that began by the second uplink stays there with its data, in every mode, although the first is back and preferred.

    So do further sessions of the two; others take the preferred uplink, and theirs do when they are over.
    """
    pc, server = lab["pc1"], lab.servers[VSFTPD]
    old = Client(pc, SERVER)
    cut()
    wait_for(lambda: new_session(lab["pc2"], server) == (CABLE, CABLE), 5.0, "new sessions to go by cable")
    before = len(server.said())
    for active in (True, False):
        assert old.fetch(active=active) == CONTENT
    lab["gateway"].run(["nft", "delete", "table", "inet", "ics"], check=True)
    wait_for(lambda: PCS["pc1"] in pairs(lab), 5.0, "our rules to be back, and who is connected")
    assert old.fetch(active=False) == CONTENT
    assert new_session(pc, server) == (DSL, DSL)
    old.quit()
    wait_for(lambda: new_session(pc, server) == (CABLE, CABLE), 5.0, "the two to be free")
    assert ends(server.said()[before:])[0] == (DSL, DSL)
    assert "elements" not in pairs(lab)


def pairs(lab):
    """What the packet filter knows of hosts that have a session."""
    return lab["gateway"].run(["nft", "list", "set", "inet", "ics", "pairs"]).stdout


def test_a_session_begun_while_its_uplink_dies(lab, plug):
    """The cable is out and nobody has noticed: the client waits a little longer and is served by the other uplink."""
    server, gateway = lab.servers[VSFTPD], lab["gateway"].gateway
    before = len(server.said())
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
    assert gateway.uplink("cable")["state"] == "up"
    client = Client(lab["pc1"], SERVER)
    assert [client.fetch(active=active) for active in (True, False)] == [CONTENT] * 2
    client.quit()
    assert ends(server.said()[before:]) == [(DSL, DSL)]


@pytest.mark.parametrize("mode", ["PORT", "PASV", "EPSV"])
def test_lftp_keeps_its_session_when_the_better_uplink_returns(lab, cut, mode):
    """What it fetches then comes by the session that it has: it logs in once, and nothing is refused."""
    pc, server = lab["pc1"], lab.servers[VSFTPD]
    before, own = len(server.said()), pc.directory / f"kept-{mode}"
    client = pc.popen(["lftp", "--norc"], stdin=subprocess.PIPE)
    [command] = lftp(mode, SERVER, VSFTPD, own)
    settings, _, _ = command[-1].partition("open")
    print(
        settings.replace("; ", "\n"),
        f"set ftp:ssl-allow no\nopen ftp://{SERVER}:{VSFTPD}\nls",
        file=client.stdin,
        flush=True,
    )
    wait_for(lambda: "OK LOGIN" in server.said()[before:], 5.0, "the login")
    cut()
    print(f"get file -o {own}\nput {own} -o back\nbye", file=client.stdin, flush=True)
    assert client.communicate(timeout=20)[1] == ""
    assert own.read_bytes() == CONTENT
    said = server.said()[before:]
    assert set(re.findall(r'Client "([^"]*)"', said)) == {DSL}
    assert said.count("OK LOGIN") == 1
    assert "425" not in said


@pytest.mark.parametrize("address", [CABLE, DSL])
def test_a_published_server_answers_by_the_uplink_that_was_called(lab, address):
    """Active mode: the server connects to its client, which sees the address that it has called; each client for itself."""
    client = Client(lab["server"], address, PUBLISHED)
    with client.begin("RETR file") as data:
        assert data.getpeername()[0] == address
        assert read(data) == CONTENT
    client.voidresp()
    client.quit()
    own = lab["server"].directory / "verified"
    own.unlink(missing_ok=True)
    [command] = lftp("PORT", address, PUBLISHED, own)
    command[-1] = f"set ftp:verify-address yes; {command[-1]}"
    lab["server"].run(command, check=True)
    assert own.read_bytes() == CONTENT


def new_session(pc, server):
    """A file by a session of its own; where its control and its data connection ended."""
    before = len(server.said())
    client = Client(pc, SERVER)
    assert client.fetch() == CONTENT
    client.quit()
    [seen] = ends(server.said()[before:])
    return seen


def ends(said):
    """Of each PORT the server got: whom it came from, and whom it names."""
    found = re.findall(r'Client "([\d.]+)", "PORT (\d+,\d+,\d+,\d+)', said)
    return [(control, data.replace(",", ".")) for control, data in found]


def test_abort(lab):
    """ABOR comes as urgent data (RFC 959 section 4.1.3), to its last byte; the next transfer works."""
    client, said = Client(lab["pc1"], SERVER), lab.servers[VSFTPD].said
    before = len(said())
    with client.begin("RETR long") as data:
        data.recv(1)
    client.sock.sendall(b"\xff\xf4")
    client.sock.send(b"\xff", socket.MSG_OOB)
    client.sock.sendall(b"\xf2ABOR\r\n")
    assert client.getmultiline()[:3] in ("426", "226")
    assert client.getmultiline()[:3] in ("225", "226")
    with client.begin("RETR long") as data:
        data.recv(1)
    assert client.abort()[:3] in (
        "426",
        "225",
        "226",
    )  # all of it urgent: the last byte is the end of the line
    client.getmultiline()
    assert client.fetch() == CONTENT
    assert said()[before:].count('ABOR"') == 2
    client.quit()
