"""The gateway as the shipped systemd unit runs it: user `ics`, three capabilities, everything else closed.

as_unit.py imposes what the unit file itself says, so a unit that is closed too
far, or lacks a right, fails here.
"""

import ctypes.util
import json
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from icsframework.host.rights import NEEDED
from icsframework.lab.privilege import find_program, is_machine_root
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

HERE = Path(__file__).parent
UNIT = HERE.parents[2] / "etc/systemd/ics.service"
ICS = str(Path(sys.executable).with_name("ics"))
UID, STRANGER = 950, 951
"""Users that exist nowhere but in the service's view of the machine."""
SERVER = "192.0.2.80"


@pytest.fixture(scope="module")
def imitable(root):
    """Skips with the reason where a service manager cannot be imitated."""
    missing = [name for name in ("setpriv", "systemd-analyze", "mount") if find_program(name) is None]
    if ctypes.util.find_library("seccomp") is None:
        missing.append("libseccomp")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if not is_machine_root():
        pytest.skip("a user namespace of one user has no second user to be; run this as root")


@pytest.fixture
def as_service(imitable):
    """A function that makes a gateway's daemon a service; ``unit`` is another unit file, ``environment`` NAME=VALUE."""

    def change(host, unit=UNIT, environment=()):
        daemon = host.gateway
        host.directory.parent.chmod(0o755)
        daemon.config_file.chmod(0o640)
        os.chown(daemon.config_file, 0, UID)
        prefix = service(host, unit)
        # Whatever the gateway is given comes through env(1), in every start.
        daemon.arguments = [*prefix, *(["env", *environment] if environment else []), *daemon.arguments]
        return daemon

    return change


def service(host, unit=UNIT):
    """The words before a command that is to be run as the unit says."""
    daemon = host.gateway
    places = (daemon.state, daemon.run, daemon.config_file)
    return [sys.executable, str(HERE / "as_unit.py"), str(unit), str(UID), *map(str, places)]


def status_of(pid):
    """/proc/PID/status as a mapping."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def test_it_sees_what_others_do_as_the_unit_runs_it(lab, as_service):
    """Without root: a flush is undone and its maker named, a foreign filter and a DHCP client are warned of."""
    host = lab["gateway"]
    daemon = as_service(host)
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    host.run(["nft", "flush", "ruleset"], check=True)
    wait_for(lambda: "our packet filter was gone, by nft (pid " in daemon.log(), 10, "the table to come back")
    host.popen(["dhclient", "-d", "-sf", "/bin/true", "-lf", "/run/x.leases", "-pf", "/run/x.pid", "eth1"])
    host.run(["nft", "-f", str(HERE.parents[1] / "captures/filters/ordinary.nft")], check=True)
    host.run(["ip", "address", "add", "10.77.0.5/24", "dev", "eth1"], check=True)

    def warned(words):
        return any(words in text for text in daemon.status_tree()["warnings"])

    for words in ("chain forward of table inet filter", "dhclient (pid ", "got the address 10.77.0.5/24"):
        wait_for(lambda words=words: warned(words), 10, f"a warning of {words}")


def works(pc):
    """A PC joins, resolves a name and fetches a page; returns its address."""
    lease = pc.dhcp()
    assert pc.resolve("www.example.net") == (SERVER,)
    assert pc.fetch("http://www.example.net/").body.startswith(b"Hello")
    return lease.address


def test_the_whole_gateway_works_as_the_unit_runs_it(lab, as_service):
    """PCs join, resolve, fetch; kill -9, handover, a pulled cable, reload; a stop leaves everything as it was."""
    host, pc = lab["gateway"], lab["pc1"]
    daemon, before = as_service(host), host.snapshot()
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    daemon.wait_uplink("dsl")
    rights = status_of(daemon.pid)
    mask = sum(1 << bit for bit in NEEDED.values())
    assert [int(rights[f"Cap{which}"], 16) for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [mask] * 5
    assert rights["Uid"].split() == [str(UID)] * 4
    assert (rights["NoNewPrivs"], rights["Seccomp"]) == ("1", "2")
    assert writable_mounts(daemon) == {str(daemon.state), str(daemon.run), "/tmp", "/var/tmp"}
    address = works(pc)
    assert works(lab["pc2"]) != address
    assert ics(host, "mappings", "add", "tcp", "8080", f"{address.ip}:80").returncode == 0
    assert reached(lab, 8080)
    daemon.kill()
    daemon.start()
    daemon.wait_ready()
    assert works(pc) == address
    assert reached(lab, 8080)
    assert ics(host, "mappings", "remove", "tcp", "8080", "--end").returncode == 0  # by ctnetlink, too
    assert not reached(lab, 8080)
    host.set_link("eth0", False)  # flows are deleted by ctnetlink
    daemon.wait_uplink("cable", "absent")
    assert works(pc) == address
    host.set_link("eth0", True)
    daemon.wait_uplink("cable")
    restart = host.popen([ICS, "--socket", str(daemon.control_socket), "restart"])
    assert daemon.wait_end() == 75
    daemon.start()
    assert "handed over" in restart.communicate(timeout=40)[0]
    assert ics(host, "reload").stdout == "nothing has changed\n"
    assert works(pc) == address
    assert daemon.stop() == 0
    host.set_link("eth0", False)
    assert differences(before, host.snapshot()) == []
    for word in ("not permitted", "ot allowed", "Permission denied", "may not be", "Traceback", "Read-only"):
        assert word not in daemon.log()


def ics(host, *arguments):
    """The command, as root."""
    return host.run([ICS, "--socket", str(host.gateway.control_socket), *arguments], timeout=40)


def reached(lab, port):
    """Whether somebody in the Internet reaches port 80 of the PC by this port of the gateway."""
    listener = lab["pc1"].inside(lambda: socket.create_server(("0.0.0.0", 80)))
    with listener:
        try:
            lab["server"].inside(lambda: socket.create_connection(("203.0.113.5", port), 0.5)).close()
        except (TimeoutError, ConnectionError):
            return False
        return listener.accept()[1][0] == "192.0.2.80"


def writable_mounts(daemon):
    """Where a process can write at all, beside the kernel's own file systems."""
    root = Path(f"/proc/{daemon.pid}/root")
    lines = Path(f"/proc/{daemon.pid}/mountinfo").read_text().splitlines()
    places = {
        place
        for place in (line.split()[4] for line in lines)
        if not place.startswith(("/proc", "/sys", "/dev"))
    }
    # A place that lies hidden under another mount is not there.
    seen = {place for place in places if Path(f"{root}{place}").exists()}
    return {place for place in seen if not os.statvfs(f"{root}{place}").f_flag & os.ST_RDONLY}


def test_every_operation_is_allowed(lab, as_service):
    """Each kernel setting that we write, packet sockets, devices, marks, low ports, TUN, conntrack, nft in both ways."""
    host = lab["gateway"]
    as_service(host)
    program = [sys.executable, str(HERE / "rights_probe.py"), "eth1", "eth0"]
    done = host.run([*service(host), *program], timeout=30)
    assert done.stdout, done.stderr
    refused = {name: error for name, error in json.loads(done.stdout).items() if error}
    if not Path("/dev/net/tun").exists():
        # This kernel has none, with whatever rights.
        assert refused.pop("tun").startswith("FileNotFoundError")
    assert refused == {}


def test_a_unit_that_is_closed_too_far_shows(lab, as_service, tmp_path):
    """The imitation is one: without AF_PACKET exactly that is refused."""
    host = lab["gateway"]
    closed = tmp_path / "ics.service"
    closed.write_text(UNIT.read_text().replace(" AF_PACKET", ""))
    as_service(host, closed)
    program = [sys.executable, str(HERE / "rights_probe.py"), "eth1", "eth0"]
    done = host.run([*service(host, closed), *program], timeout=30)
    refused = {name: error for name, error in json.loads(done.stdout).items() if error}
    assert list(refused) == ["packet"]
    assert "Address family not supported" in refused["packet"]


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_no_capability_is_too_much(lab, as_service, tmp_path, name):
    """Without any one of the three something that we need is refused, and the gateway says which one it lacks."""
    host = lab["gateway"]
    lesser = tmp_path / "ics.service"
    lesser.write_text(UNIT.read_text().replace(f" {name}", "").replace(f"={name} ", "="))
    daemon = as_service(host, lesser)
    before = host.snapshot()
    done = host.run([*service(host, lesser), sys.executable, str(HERE / "rights_probe.py"), "eth1", "eth0"])
    assert any(json.loads(done.stdout).values())
    done = host.run(daemon.arguments, timeout=30)
    assert done.returncode == 77
    assert f"ics lacks {name};" in done.stderr
    assert differences(before, host.snapshot()) == []


def test_files_are_for_the_service_and_its_group(lab, as_service):
    """State and run directory 0750, files 0640, the socket 0660: a member of the group operates, a stranger does not."""
    host = lab["gateway"]
    daemon = as_service(host)
    daemon.start()
    daemon.wait_ready()
    lab["pc1"].dhcp()
    modes = {}
    for directory in (daemon.state, daemon.run):
        for path in (directory, *directory.iterdir()):
            found = path.lstat()
            assert (found.st_uid, found.st_gid) == (UID, UID), path
            modes[path.name] = stat.S_IMODE(found.st_mode)
    special = {"state": 0o750, "run": 0o750, "control.sock": 0o660}
    assert modes == dict.fromkeys(modes, 0o640) | special
    assert {"dhcp.leases.journal", "history.journal", "before.json"} < modes.keys()
    command = [ICS, "--socket", str(daemon.control_socket), "leases"]
    member = host.run(["setpriv", f"--reuid={STRANGER}", f"--regid={UID}", "--clear-groups", *command])
    assert (member.returncode, "192.168.0.100" in member.stdout) == (0, True), member.stderr
    stranger = host.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *command])
    assert stranger.returncode == 77
    assert "Traceback" not in stranger.stderr


@pytest.mark.parametrize("processes", ["seen", "hidden"])
@pytest.mark.parametrize("port", [53, 67])
def test_a_port_that_another_users_process_holds(lab, as_service, tmp_path, port, processes):
    """Who it is cannot be seen, with ProtectProc least of all: the sentence tells port, user and how to learn more."""
    host, unit = lab["gateway"], UNIT
    if processes == "hidden":
        unit = tmp_path / "ics.service"
        unit.write_text(UNIT.read_text().replace("[Service]\n", "[Service]\nProtectProc=invisible\n"))
    daemon = as_service(host, unit)
    holder = host.popen([sys.executable, "-c", HOLD.format(port=port)], stdin=-1)
    wait_for(lambda: f":{port} " in host.run(["ss", "-Hlnu"]).stdout, 10, "the port to be taken")
    before = host.snapshot()
    done = host.run(daemon.arguments, timeout=30)
    assert done.returncode == 1
    assert f"udp port {port} on " in done.stderr
    assert "is taken by a process of user root that cannot be seen from here" in done.stderr
    assert f"ss -Hlnpu 'sport = :{port}'" in done.stderr
    assert "Traceback" not in done.stderr
    assert differences(before, host.snapshot()) == []
    assert holder.poll() is None


HOLD = "import socket, sys; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', {port})); sys.stdin.read()"


def test_a_second_gateway_of_another_user(lab, as_service):
    """The lock is seen though its holder may not be looked at."""
    host = lab["gateway"]
    daemon = host.gateway
    daemon.start()
    daemon.wait_ready()
    as_service(host)
    done = host.run(daemon.arguments, timeout=30)
    assert done.returncode == 1
    assert "A gateway already runs in this network namespace: " in done.stderr
    assert "stop it first" in done.stderr.lower()


SECRETS = ("correct-horse-7391", "battery-staple-2846")


def test_a_password_is_in_no_file_of_ours(open_lab, as_service):
    """Not in state, run or log, written in the file or beside it; not in status, history and a reload's words either."""
    lab = open_lab(
        start_gateways=False,
        gateway_config=f"""
lans: [{{interface: eth1}}]
uplinks:
  - {{name: cable, plugin: ethernet, interface: eth0, address: {{address: 203.0.113.5/24, gateway: 203.0.113.1}}}}
  - {{name: plain, plugin: "secret_uplink:factory", interface: eth2, password: {SECRETS[0]}}}
  - {{name: named, plugin: "secret_uplink:factory", connect: manual, password: {{env: PASSWORD}}}}
""",
    )
    host = lab["gateway"]
    daemon = as_service(host, environment=(f"PYTHONPATH={HERE}", f"PASSWORD={SECRETS[1]}"))
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    assert SECRETS[0] in daemon.config_file.read_text()
    said = [json.dumps(daemon.api("GET", f"/v1/{what}")) for what in ("status", "history", "leases")]
    daemon.config_file.write_text(daemon.config_file.read_text().replace(SECRETS[0], f"{SECRETS[0]}-new"))
    said.append(ics(host, "reload").stdout)
    daemon.signal(signal.SIGUSR2)
    assert daemon.wait_end() == 75
    files = [path for place in (daemon.state, daemon.run) for path in place.rglob("*") if path.is_file()]
    assert {"before.json", "history.journal"} < {path.name for path in files}
    written = [path.read_text(errors="replace") for path in files]
    for secret in SECRETS:
        assert [text for text in (*said, *written, daemon.log()) if secret in text] == []
