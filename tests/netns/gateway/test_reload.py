"""Reloads of the running daemon: looked at, tried, kept, one after the other, under traffic."""

import sys
from pathlib import Path

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))
SERVER, ECHO, FILES = "192.0.2.80", 7, 8000
UPLINK = "{name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}"
BASE = f"lans:\n- {{name: home, interface: eth1}}\nuplinks:\n- {UPLINK}\n"
GUESTS = "- {name: guests, interface: eth2, address: 192.168.9.1/24}\n"
RELOADS = 200
"""Of the measured run; the whole gateway in memory does a thousand (tests/unit, test_change.py)."""


def ics(lab, *arguments, check=True):
    """The command, in the gateway's host."""
    gateway = lab["gateway"]
    return gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), *arguments], check=check)


@pytest.fixture
def base(open_lab):
    """A lab whose gateway has one LAN and one uplink, which is up, and a PC with a lease."""
    lab = open_lab(gateway_config=BASE)
    lab["gateway"].gateway.wait_uplink("cable")
    lab["pc1"].dhcp()
    return lab


def write(lab, old, new):
    """Change the daemon's file; returns what it was."""
    path = lab["gateway"].gateway.config_file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text


def with_guests(lab):
    """A second LAN in the file; returns what it was."""
    return write(lab, "uplinks:\n", f"{GUESTS}uplinks:\n")


def lans(lab):
    """The LANs in force."""
    return [lan["name"] for lan in lab["gateway"].gateway.status_tree()["lans"]]


def descriptors(pid):
    """What a process has open, sockets by their inode."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(link.readlink()))
        except FileNotFoundError:
            continue
    return found


def load_of(pid):
    """Descriptors, threads, and resident kB."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return len(descriptors(pid)), int(status["Threads"]), int(status["VmRSS"].split()[0])


def test_a_look_ahead_says_what_comes_and_changes_nothing(base):
    """In words and as nft; what the reload then loads is what was shown."""
    gateway = base["gateway"]
    before = gateway.snapshot()
    with_guests(base)
    done = ics(base, "reload", "--dry-run")
    assert done.stdout.startswith("LAN guests added\n\non the machine:\n")
    assert "192.168.9.1/24" in done.stdout
    assert "\nin the packet filter:\n--- in force\n+++ to come\n" in done.stdout
    assert differences(before, gateway.snapshot()) == []
    assert lans(base) == ["home"]
    ics(base, "reload")
    assert lans(base) == ["home", "guests"]
    assert ics(base, "reload", "--dry-run").stdout == "nothing has changed\n"
    base["gateway"].gateway.config_file.write_text("lans: [{intreface: eth1}]\n")
    done = ics(base, "reload", "--dry-run", check=False)
    assert done.returncode == 2
    assert "did you mean interface?" in done.stderr


def test_a_trial_goes_back_by_itself(base):
    """Shown with the time left, a second reload refused; afterwards the machine is as before, and no packet was lost."""
    gateway, pc = base["gateway"], base["pc1"]
    flow = pc.popen(["ping", "-i0.02", "-q", SERVER])
    before = gateway.snapshot()
    with_guests(base)
    done = ics(base, "reload", "--confirm", "3")
    assert done.stdout == (
        "LAN guests added\nwhat was before comes back in 3 s, unless you say: ics reload --keep\n"
    )
    assert 0 < gateway.gateway.status_tree()["gateway"]["pending"]["seconds_left"] <= 3
    assert "on trial: LAN guests added; what was before comes back in" in ics(base, "status").stdout
    second = ics(base, "reload", check=False)
    assert second.returncode == 1
    assert "A reload waits to be confirmed (LAN guests added)" in second.stderr
    wait_for(lambda: not gateway.gateway.status_tree()["gateway"]["pending"], 10, "what was before")
    assert lans(base) == ["home"]
    assert differences(before, gateway.snapshot()) == []
    assert "nobody confirmed it" in ics(base, "status").stdout
    flow.send_signal(2)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]


def test_a_trial_is_kept_from_another_terminal(base):
    """And nothing goes back, nor at the next start."""
    with_guests(base)
    ics(base, "reload", "--confirm", "2")
    assert ics(base, "reload", "--keep").stdout == "kept: LAN guests added\n"
    wait_for(lambda: "gateway.reload_confirmed" in base["gateway"].gateway.log(), 5, "the event")
    assert ics(base, "reload", "--keep", check=False).returncode == 1
    daemon = base["gateway"].gateway
    daemon.kill()
    daemon.start()
    daemon.wait_ready()
    assert lans(base) == ["home", "guests"]
    assert not (daemon.run / "unconfirmed.json").exists()


def test_a_kill_during_a_trial_starts_with_what_was_before(base):
    """The record is for root only; a reload takes the file as it is."""
    daemon = base["gateway"].gateway
    with_guests(base)
    ics(base, "reload", "--confirm", "600")
    assert (daemon.run / "unconfirmed.json").stat().st_mode & 0o777 == 0o600
    assert not any("unconfirmed" in path.name for path in daemon.state.iterdir())
    for _ in range(2):
        daemon.kill()
        daemon.start()
        daemon.wait_ready()
        assert lans(base) == ["home"]
        assert "the gateway ended before somebody confirmed it" in daemon.log()
        assert "192.168.9.1" not in base["gateway"].run(["ip", "addr"]).stdout
    assert ics(base, "reload").stdout == "LAN guests added\n"
    daemon.restart()
    assert lans(base) == ["home", "guests"]


def test_what_did_not_change_is_not_touched(base):
    """Sockets of the LAN that stays, its lease, the DNS cache: all the same after others came, changed and went."""
    gateway, pc = base["gateway"], base["pc1"]
    daemon = gateway.gateway
    assert pc.resolve("www.example.net") == (SERVER,)
    leases, before = daemon.api("GET", "/v1/leases"), descriptors(daemon.pid)
    text = with_guests(base)
    write(base, "interface: eth0,", "interface: eth0, metered: true,")
    assert ics(base, "reload").stdout == "uplink cable changed; LAN guests added\n"
    assert daemon.uplink("cable")["metered"] is True
    sockets = {name for name in before if name.startswith("socket:")}
    ours = {name for name in descriptors(daemon.pid) if name.startswith("socket:")}
    # A connection to the control socket may have ended meanwhile; nothing of the LAN or the uplink may.
    assert len(sockets - ours) <= 1
    daemon.config_file.write_text(text)
    assert ics(base, "reload").stdout == "LAN guests removed; uplink cable changed\n"
    assert len(sockets - descriptors(daemon.pid)) <= 1
    assert daemon.api("GET", "/v1/leases") == leases
    with base["gateway"].capture("eth0", "udp port 53") as questions:
        assert pc.resolve("www.example.net") == (SERVER,)
    assert questions.frames() == []
    assert daemon.log().count("uplink.connecting") == 1


def test_leftovers_and_a_changed_hook_are_put_right_by_a_reload(base):
    """A chain of somebody's that drops everything goes in the same transaction; one of ours that hangs elsewhere is
    made anew; the flow goes on.
    """
    gateway, pc = base["gateway"], base["pc1"]

    def spoil(text):
        gateway.run(["nft", text])
        assert pc.run(["ping", "-c1", "-W1", SERVER], check=False).returncode != 0

    spoil("add chain inet ics leftover { type filter hook forward priority 50; policy drop; }")
    with_guests(base)
    ics(base, "reload")
    assert pc.run(["ping", "-c1", "-W2", SERVER], check=False).returncode == 0
    listing = gateway.run(["nft", "list", "table", "inet", "ics"]).stdout
    assert "leftover" not in listing
    gateway.run(
        ["nft", "flush chain inet ics forward; delete chain inet ics forward; "
         "add chain inet ics forward { type filter hook forward priority 77; policy accept; }"]
    )  # fmt: skip
    write(base, GUESTS, "")
    ics(base, "reload")
    assert "priority 77" not in gateway.run(["nft", "list", "table", "inet", "ics"]).stdout
    assert pc.run(["ping", "-c1", "-W2", SERVER], check=False).returncode == 0


def test_many_reloads_lose_nothing_and_leave_nothing(base, traffic, record_property):
    """Two configurations in turn under 1000 datagrams a second and a download: none lost, each byte right.

    Descriptors, threads and memory do not grow.
    """
    daemon, pc, server = base["gateway"].gateway, base["pc1"], base["server"]
    first = daemon.config_file.read_text()
    with_guests(base)
    write(base, "{name: home, interface: eth1}", "{name: home, interface: eth1, services: [{plugin: dhcp, lease: 1h}, dns]}"
          .replace(", dns]", ", {plugin: dns}]"))  # fmt: skip
    second = daemon.config_file.read_text()
    echo, files = traffic(server, "echo", ECHO), traffic(server, "serve", FILES)
    download = traffic(pc, "download", SERVER, FILES)
    stream = traffic(pc, "stream", SERVER, ECHO)

    def reloads(count):
        for _ in range(count // 2):
            for text in (second, first):
                daemon.config_file.write_text(text)
                answer = daemon.api("POST", "/v1/reload", {})
                assert answer["changes"] != "nothing has changed"

    reloads(20)
    before = load_of(daemon.pid)
    reloads(RELOADS)
    after = load_of(daemon.pid)
    seen = stream.end()
    echo.end()
    bytes_ = files.end()["bytes"]
    figures = {"reloads": RELOADS + 20, "stream": seen, "before": before, "after": after, "bytes": bytes_}
    record_property("reloads", figures)
    print(figures)
    assert (seen["missing"], seen["refused"]) == (0, 0), seen
    assert download.end() == {"bytes": bytes_, "exact": True, "error": ""}
    # A probe for foreign servers, or an answer to the control socket, may be open at this very moment.
    wait_for(lambda: load_of(daemon.pid)[0] <= before[0], 10, "the descriptors of before the reloads")
    assert after[1] == before[1]
    assert after[2] <= before[2] + 4096
    assert daemon.log().count("uplink.connecting") == 1


def test_two_reloads_at_once_are_both_answered(base):
    """One after the other, each with what it changed."""
    daemon = base["gateway"].gateway
    with_guests(base)
    command = [ICS, "--socket", str(daemon.control_socket), "reload"]
    both = [base["gateway"].popen(command) for _ in range(2)]
    said = sorted(one.communicate(timeout=20)[0] for one in both)
    assert said == ["LAN guests added\n", "nothing has changed\n"]


def test_a_hangup_before_the_start_is_complete_is_carried_out_after_it(base):
    """Whenever it comes after the process took its signals over, the daemon lives and takes the file."""
    daemon = base["gateway"].gateway
    for delay in (0.0, 0.05, 0.1, 0.2):
        daemon.stop()
        marker = daemon.log().count("gateway.starting")
        daemon.start()
        wait_for(lambda n=marker: daemon.log().count("gateway.starting") > n, 20, "the first line")
        base["gateway"].run(["sleep", str(delay)])
        reloads = daemon.log().count("gateway.reloaded")
        daemon.signal(1)
        daemon.wait_ready()
        wait_for(lambda n=reloads: daemon.log().count("gateway.reloaded") > n, 10, "the reload")
        assert daemon.log().rindex("gateway.reloaded") > daemon.log().rindex("gateway.ready")


def test_a_stop_at_any_moment_of_the_start_leaves_nothing(lab):
    """SIGTERM after 50, 100, ... ms: it ends, and the machine is as it was; before it takes signals over it dies of it."""
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    before = gateway.snapshot()
    ended = set()
    for step in range(16):
        daemon.start()
        gateway.run(["sleep", str(0.05 * step)])
        try:
            daemon.signal(15)
        except (LabError, ProcessLookupError):
            pass
        ended.add(daemon.wait_end(20))
        assert differences(before, gateway.snapshot()) == []
    assert ended <= {0, -15}
    assert "Traceback" not in daemon.log()
