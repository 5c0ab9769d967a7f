"""Full disks, missing rights, broken tools, no descriptors: the daemon says so, goes on with the rest, and recovers."""

import resource
import sys
from pathlib import Path

import pytest

from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))
SERVER = "192.0.2.80"
CONFIG = """
lans: [{name: home, interface: eth1}]
uplinks:
- {name: cable, plugin: ethernet, interface: eth0,
   address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
"""


@pytest.fixture
def stopped(open_lab):
    """A lab with one uplink; the daemon is not started."""
    return open_lab(gateway_config=CONFIG, start_gateways=False)


def started(lab):
    """The daemon, ready, with its uplink up."""
    daemon = lab["gateway"].gateway
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    return daemon


def ics(lab, *arguments):
    """The command, in the gateway's host."""
    gateway = lab["gateway"]
    return gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), *arguments], check=False)


def refused(lab):
    """Start the daemon in vain; its status and what it said.  The network is as before."""
    gateway = lab["gateway"]
    before = gateway.snapshot()
    done = gateway.run([*map(str, gateway.gateway.arguments)], check=False, timeout=30)
    assert "Traceback" not in done.stdout + done.stderr
    assert differences(before, gateway.snapshot()) == []
    return done.returncode, done.stderr.strip().splitlines()[-1]


def mount(lab, options):
    """A file system of its own for the state directory."""
    gateway = lab["gateway"]
    gateway.run(["mount", "-t", "tmpfs", "-o", options, "ics-state", str(gateway.gateway.state)])


def works(lab):
    """A PC that has its address already resolves and reaches the server."""
    pc = lab["pc1"]
    return pc.resolve("www.example.net") == (SERVER,) and ping(pc)


def ping(pc):
    """One ping to the server."""
    return pc.run(["ping", "-c1", "-W2", SERVER], check=False).returncode == 0


def fill(lab):
    """Use up all space of the state directory."""
    path = lab["gateway"].gateway.state / "ballast"
    lab["gateway"].run(["dd", "if=/dev/zero", f"of={path}", "bs=1k"], check=False)
    lab["gateway"].run(
        ["dd", "if=/dev/zero", f"of={path}", "bs=1", "oflag=append", "conv=notrunc"], check=False
    )
    return path


def asks(pc, number):
    """A client of its own with a long name asks for an address; whether it got one."""
    identity = f"0x3d:00{number:02x}{'ab' * 100}"
    command = [
        "udhcpc",
        "-n",
        "-q",
        "-f",
        "-t",
        "2",
        "-T",
        "1",
        "-i",
        "eth0",
        "-s",
        "/bin/true",
        "-x",
        identity,
    ]
    return pc.run(command, check=False).returncode == 0


def test_a_full_disk_costs_new_leases_only(stopped):
    """No ACK without disk; names and NAT go on; it is told once, and so is the recovery, which needs no restart."""
    mount(stopped, "size=64k,mode=750")
    daemon = started(stopped)
    stopped["pc1"].dhcp()
    ballast = fill(stopped)
    # What is left of the journal's last page takes some more records.
    granted = 0
    while granted < 30 and asks(stopped["pc2"], granted):
        granted += 1
    assert granted < 30
    assert "the disk is full" in daemon.log()
    assert len(daemon.api("GET", "/v1/leases")) == granted + 1
    assert not asks(stopped["pc2"], granted)
    assert works(stopped)
    assert daemon.log().count("store.failed") == 1
    stopped["gateway"].run(["rm", str(ballast)])
    assert asks(stopped["pc2"], granted)
    assert daemon.log().count("store.recovered") == 1
    assert len(daemon.api("GET", "/v1/leases")) == granted + 2


def test_a_start_with_a_read_only_state_directory_is_refused(stopped):
    """One sentence with the path and what to do, status 1, nothing changed."""
    mount(stopped, "size=1m,mode=750,ro")
    status, said = refused(stopped)
    assert status == 1
    assert str(stopped["gateway"].gateway.state) in said
    assert "the file system is read-only" in said


def test_garbage_in_the_journals_is_kept_aside(stopped):
    """It is told, a copy stays, and the gateway serves; the copy is what was there."""
    daemon = started(stopped)
    stopped["pc1"].dhcp()
    assert daemon.stop() == 0
    journals = sorted(daemon.state.glob("*.journal"))
    assert journals
    for path in journals:
        first, _, _ = path.read_bytes().partition(b"\n")
        path.write_bytes(first + b"\n" + b"\xff\x00garbage\n" * 20 + b"more\n")
    damaged = {path.name: path.read_bytes() for path in journals}
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    for name, content in damaged.items():
        copy = daemon.state / name.replace(".journal", ".damaged")
        assert copy.read_bytes() == content
    assert daemon.log().count("store.damaged") == len(damaged)
    stopped["pc1"].dhcp()
    assert works(stopped)


def wrapper(lab, name, text):
    """A program before all others in the daemon's PATH."""
    directory = lab["gateway"].directory / "bin"
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return directory


@pytest.fixture
def with_nft(stopped):
    """A function that makes the daemon's nft a script; "real" in it is the real one."""
    gateway = stopped["gateway"]
    real = gateway.run(["sh", "-c", "command -v nft"]).stdout.strip()

    def install(text):
        directory = wrapper(stopped, "nft", "#!/bin/sh\n" + text.replace("real", real) + "\n")
        daemon = gateway.gateway
        if daemon.arguments[0] != "env":
            path = f"PATH={directory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            daemon.arguments = ["env", path, *daemon.arguments]
        return daemon

    return install


def change(lab):
    """Change the file so that the rule set is another one."""
    path = lab["gateway"].gateway.config_file
    path.write_text(
        path.read_text().replace("interface: eth1}", "interface: eth1, address: 192.168.7.1/24}", 1)
    )


FAILING = {
    "fails": ('echo "netlink: Error: Could not process rule: Device or resource busy" >&2; exit 1', "busy"),
    "dies": ("kill -9 $$", "nft failed"),
}


@pytest.mark.parametrize("how", FAILING)
def test_an_nft_that_fails_at_the_start(stopped, with_nft, how):
    """The start is refused with what nft said, and the machine is as before."""
    text, words = FAILING[how]
    with_nft(f'case "$*" in *"-f -"*) {text};; esac; exec real "$@"')
    status, said = refused(stopped)
    assert (status, words in said) == (1, True), said


@pytest.mark.parametrize("how", FAILING)
def test_an_nft_that_fails_at_a_reload(stopped, with_nft, how):
    """The old state stays in force, whole; when nft works again, so does the reload."""
    daemon = with_nft('exec real "$@"')
    started(stopped)
    stopped["pc1"].dhcp()
    before = stopped["gateway"].snapshot()
    text, words = FAILING[how]
    with_nft(f'case "$*" in *"-f -"*) {text};; esac; exec real "$@"')
    change(stopped)
    done = ics(stopped, "reload")
    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (1, True, False), (
        done.stderr
    )
    assert differences(before, stopped["gateway"].snapshot()) == []
    assert works(stopped)
    with_nft('exec real "$@"')
    assert ics(stopped, "reload").stdout == "LAN home changed\n"
    assert daemon.status_tree()["lans"][0]["address"] == "192.168.7.1/24"


def test_an_nft_that_hangs_is_stopped(stopped, with_nft):
    """After its time it is killed; meanwhile and afterwards the gateway serves."""
    with_nft('exec real "$@"')
    started(stopped)
    stopped["pc1"].dhcp()
    with_nft('case "$*" in *"-f -"*) exec sleep 1000;; esac; exec real "$@"')
    change(stopped)
    gateway = stopped["gateway"]
    reload = gateway.popen([ICS, "--socket", str(gateway.gateway.control_socket), "reload"])
    wait_for(lambda: "sleep" in str(gateway.processes()), 10, "the hanging child")
    assert works(stopped)
    _, said = reload.communicate(timeout=60)
    assert "nft did not end within 15 s" in said
    assert works(stopped)


def test_an_nft_that_is_gone(stopped, with_nft):
    """Removed while the daemon runs: a sentence, and the old state."""
    with_nft('exec real "$@"')
    started(stopped)
    stopped["pc1"].dhcp()
    (stopped["gateway"].directory / "bin" / "nft").unlink()
    change(stopped)
    done = ics(stopped, "reload")
    assert done.returncode == 1
    assert "nft" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert works(stopped)


def test_out_of_descriptors(stopped):
    """New connections wait or are hung up, nothing spins, what is there works on; with descriptors all is well again."""
    daemon = started(stopped)
    stopped["pc1"].dhcp()
    open_now = lasting(lambda: len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())))
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (open_now, hard))

    def cpu():
        fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    asking = stopped["pc1"].popen([sys.executable, "-c", CROWD, "192.168.0.1"])
    assert asking.stdout.readline() == "asked\n"
    before = cpu()
    change(stopped)
    stopped["gateway"].run(["sleep", "2"])
    assert cpu() - before < 100  # ticks of 10 ms: half of what spinning takes
    assert ping(stopped["pc1"])
    daemon.signal(1)
    wait_for(lambda: "gateway.reload_failed" in daemon.log(), 20, "a reload that fails for it")
    assert "oo many open files" in daemon.log()
    wait_for(lambda: "gateway.descriptors.low" in daemon.log(), 20, "the event")
    asking.kill()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: ics(stopped, "reload").returncode == 0, 20, "the reload")
    assert daemon.status_tree()["lans"][0]["address"] == "192.168.7.1/24"
    wait_for(lambda: "gateway.descriptors.enough" in daemon.log(), 20, "the end of it")


def lasting(look):
    """What ``look`` answers ten times in a row: pipes to nft, for example, come and go."""
    seen = []

    def again():
        seen.append(look())
        return len(seen) >= 10 and len(set(seen[-10:])) == 1

    wait_for(again, 20, "the same answer for a while")
    return seen[-1]


CROWD = """
import socket, sys, time
crowd = []
for _ in range(40):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex((sys.argv[1], 53))
    crowd.append(one)
print("asked", flush=True)
time.sleep(600)
"""


def test_a_storm_of_netlink_news_is_survived(stopped):
    """Thousands of address changes at once overrun the socket: the gateway looks for itself and goes on."""
    daemon = started(stopped)
    stopped["pc1"].dhcp()
    gateway = stopped["gateway"]
    batch = "".join(
        f"addr {verb} 10.77.{n // 250}.{n % 250}/32 dev lo\n" for verb in ("add", "del") for n in range(5000)
    )
    gateway.run(["ip", "-batch", "-"], input=batch, timeout=60)
    gateway.run(["ip", "link", "set", "eth2", "down"])
    assert works(stopped)
    assert daemon.status_tree()["gateway"]["state"] == "ready"
    assert daemon.uplink("cable")["state"] == "up"
    assert "Traceback" not in daemon.log()
