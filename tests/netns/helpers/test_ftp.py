"""FTP through the gateway: vsftpd and pyftpdlib in the Internet and behind us, curl, lftp, tnftp and ftplib as clients."""

import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.ftp_server import asked_ports
from icsframework.lab.pattern import pattern
from icsframework.lab.privilege import find_program

SERVER, CABLE, DSL = "192.0.2.80", "203.0.113.5", "198.51.100.5"
PCS = {"pc1": "192.168.0.11", "pc2": "192.168.0.12"}
VSFTPD, PYFTPDLIB, SECURE = 21, 2121, 2122
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
"""
CONTENT = pattern(300_000)
LONG = pattern(30_000_000)
"""More than all buffers on the way hold."""
HUGE = 1 << 30
STAND = Path(__file__).with_name("ftp_stand.py")
DEBIAN_PYTHON, DEBIAN_PYFTPDLIB = "/usr/bin/python3", Path("/usr/lib/python3/dist-packages/pyftpdlib")
VSFTPD_CONFIG = """\
listen=YES
listen_port={port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
no_anon_password=YES
ftp_username=root
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
secure_chroot_dir={empty}
connect_from_port_20=YES
max_per_ip=0
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file={log}
{more}
"""
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
    with (root / "huge").open("wb") as huge:
        huge.truncate(HUGE)
    return root


def vsftpd(host, port, more=""):
    """vsftpd in a host; its root is the attribute ``root``, what it was told is in the log ``said``."""
    name = f"vsftpd-{port}"
    root, empty = root_of(host, f"{name}-root"), host.directory / f"{name}-empty"
    empty.mkdir()
    config, log = host.directory / f"{name}.conf", host.directory / f"{name}.said"
    config.write_text(VSFTPD_CONFIG.format(port=port, root=root, empty=empty, log=log, more=more))
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


def secure(host, port):
    """vsftpd that speaks TLS too, with a certificate made for the day."""
    key, certificate = host.directory / "key.pem", host.directory / "certificate.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ftp"
    host.run([*words.split(), "-keyout", key, "-out", certificate], check=True)
    more = f"ssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={certificate}\nrsa_private_key_file={key}\nrequire_ssl_reuse=NO"
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
    (server.root / "back").unlink(missing_ok=True)
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
