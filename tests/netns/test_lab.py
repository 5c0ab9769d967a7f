"""The lab itself: what the other namespaced tests stand on."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import icsframework
from icsframework.lab.capture import Capture
from icsframework.lab.clients import LOST
from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.pattern import pattern
from icsframework.lab.privilege import is_machine_root
from icsframework.lab.snapshot import differences, take
from icsframework.lab.waiting import LabTimeout, wait_for

ROOT = Path(icsframework.__file__).parents[1]
PYTHONPATH = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

STANDIN = """
# A gateway made of the distribution's own programs.
segments: [home, isp]
hosts:
  pc1: {interfaces: {eth0: {segment: home, address: dhcp}}}
  pc2: {interfaces: {eth0: {segment: home, address: dhcp}}}
  gateway:
    forward: true
    interfaces:
      eth0: {segment: isp, address: 203.0.113.5/24}
      eth1: {segment: home, address: 192.168.0.1/24}
    dhcp:
      interface: eth1
      range: [192.168.0.100, 192.168.0.199]
      router: 192.168.0.1
      dns: [203.0.113.1]
      domain: home.arpa
      lease: 600
    run:
      - nft 'table ip nat { chain post { type nat hook postrouting priority srcnat; oifname eth0 masquerade; }; }'
  server:
    interfaces: {eth0: {segment: isp, address: 203.0.113.1/24}}
    dns: {names: {www.example.net: 203.0.113.1}}
    web: {page: hello}
"""


def needs(program):
    """Skip unless the program is installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def own(arguments):
    """Run a program in the machine's own network, for a snapshot of that."""
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def net_of(pid):
    """The network namespace of a process, as the text of its link."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def in_namespaces(namespaces):
    """The processes in any of the given network namespaces (link texts of /proc/PID/ns/net)."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if net_of(process.name) in namespaces:
                found.add(int(process.name))
        except OSError:
            continue
    return found


# -- hosts and wires -------------------------------------------------------------------------------------


def test_hosts_have_what_the_description_says(lab):
    """Every host has its interfaces with their addresses, and nobody else's."""
    for host in lab.hosts:
        snapshot = host.snapshot()
        for interface in host.spec.interfaces:
            link = next(link for link in snapshot["addresses"] if link["ifname"] == interface.name)
            found = {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"}
            assert found == {str(address) for address in interface.addresses}
            assert ("UP" in link["flags"]) == interface.up
        names = {link["ifname"] for link in snapshot["links"]}
        assert names == {"lo", *(interface.name for interface in host.spec.interfaces)}


def test_hosts_reach_each_other(lab):
    """Providers and the server reach each other over the backbone, in both versions of IP."""
    unreached = [
        (source, target)
        for source, target in [
            ("isp-a", "192.0.2.80"),
            ("isp-b", "192.0.2.80"),
            ("server", "203.0.113.1"),
            ("server", "198.51.100.1"),
            ("isp-a", "198.51.100.1"),
            ("server", "2001:db8:a::1"),
            ("isp-b", "2001:db8:f::80"),
        ]
        if lab[source].run(["ping", "-c", "1", "-W", "2", target]).returncode
    ]
    assert unreached == []


def test_segments_are_separate(lab):
    """A frame sent at home reaches the other hosts at home and no other segment."""
    for name, address in (("pc1", "192.168.0.11/24"), ("pc2", "192.168.0.12/24")):
        lab[name].run(["ip", "address", "add", address, "dev", "eth0"], check=True)
    with lab["isp-a"].capture("eth0") as outside, lab["pc2"].capture("eth0", "icmp") as inside:
        assert lab["pc1"].run(["ping", "-c", "2", "-i", "0.01", "192.168.0.12"]).returncode == 0
    assert len(inside.frames()) == 4
    assert [line for line in outside.lines() if "192.168.0" in line] == []


def test_hosts_are_apart_from_the_machine(lab):
    """A host has its own name, processes, /run and resolv.conf, and the machine's stay as they are."""
    before = Path("/etc/resolv.conf").read_bytes(), sorted(Path("/run").iterdir())
    pc1, pc2 = lab["pc1"], lab["pc2"]
    pc1.run(["/bin/sh", "-c", "echo nameserver 192.0.2.53 >/etc/resolv.conf; mkdir /run/ics"], check=True)
    assert pc1.run(["uname", "-n"]).stdout == "pc1\n"
    assert pc1.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 192.0.2.53\n"
    assert pc2.run(["cat", "/etc/resolv.conf"]).stdout == ""
    assert pc2.run(["ls", "/run/ics"]).returncode != 0
    assert pc1.processes() == {}
    assert pc1.run(["ls", "/sys/class/net"]).stdout.split() == ["eth0", "lo"]
    assert (Path("/etc/resolv.conf").read_bytes(), sorted(Path("/run").iterdir())) == before


def test_sysctls_of_a_description_hold(open_lab):
    """`forward` and `sysctls` are in force in that host only."""
    lab = open_lab(
        "segments: []\nhosts:\n  a: {forward: true, sysctls: {net.ipv4.ip_default_ttl: '77'}}\n  b: {}\n"
    )
    read = ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_default_ttl"]
    assert lab["a"].run(read).stdout.split() == ["1", "77"]
    assert lab["b"].run(read).stdout.split() == ["0", "64"]


def test_the_machine_is_untouched(open_lab):
    """The machine's own network is the same before, during and after a lab, and nothing of the lab stays."""
    before, descriptors = take(own), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        lab = open_lab(start_gateways=False)
        namespaces = {net_of(host.pid) for host in lab.hosts}
        assert len(namespaces) == len(lab.hosts)
        assert differences(before, take(own)) == []
        directory = lab.directory
        lab.close()
        assert in_namespaces(namespaces) == set()
        assert not directory.exists()
    assert differences(before, take(own)) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("lab")] == []


def test_a_lab_that_cannot_be_built_leaves_nothing(open_lab):
    """A description the kernel refuses ends with ip's own words, and no host stays."""
    broken = "segments: [a]\nhosts: {b: {interfaces: {eth0: {segment: a}}, routes: [{via: 192.0.2.1}]}}"
    before = in_children()
    with pytest.raises(
        LabError, match="the network of b cannot be built: Error: Nexthop has invalid gateway"
    ):
        open_lab(broken)
    assert in_children() == before


def in_children():
    """Our own child processes."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


# -- running things --------------------------------------------------------------------------------------


def test_run_reports_what_happened(lab):
    """Output, errors and status come back; check and time limit raise with the command in the sentence."""
    pc1 = lab["pc1"]
    done = pc1.run(["/bin/sh", "-c", "read x; echo out $x; echo err >&2; exit 3"], input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("out in\n", "err\n", 3)
    with pytest.raises(LabError, match="pc1: false: exit status 1"):
        pc1.run(["false"], check=True)
    with pytest.raises(LabTimeout, match="pc1: sleep 60: no end after"):
        pc1.run(["sleep", "60"], timeout=0.1)
    with pytest.raises(LabError, match="no-such-program is not installed"):
        pc1.run(["no-such-program"])
    assert pc1.python("import sys; print(sys.argv[1])", "word").stdout == "word\n"
    assert pc1.processes() == {}


def test_code_of_the_test_can_work_inside_a_host(lab):
    """A socket opened inside belongs to the host although this process uses it."""
    server, client = lab["server"], lab["isp-a"]
    listener = server.inside(lambda: socket.create_server(("192.0.2.80", 7777)))
    with listener, client.inside(lambda: socket.create_connection(("192.0.2.80", 7777), 5)) as connection:
        accepted, address = listener.accept()
        accepted.close()
        assert address == ("192.0.2.1", connection.getsockname()[1])
    with pytest.raises(ZeroDivisionError):
        server.inside(lambda: 1 / 0)


def test_a_daemon_is_stopped_killed_and_restarted(lab):
    """A daemon's log spans its starts, its status tells how it ended, and its orphans end with the lab."""
    host = lab["pc1"]
    script = "trap 'echo bye; exit 0' TERM; sleep 300 & echo here; while :; do sleep 0.01; done"
    daemon = Daemon(host, "loop", ["/bin/sh", "-c", script], lambda: "here" in daemon.log())
    daemon.start()
    daemon.wait_ready()
    assert daemon.running
    assert daemon.stop() == 0
    daemon.start()
    wait_for(lambda: daemon.log() == "here\nbye\nhere\n", what="the second start")
    daemon.kill()
    assert daemon.status == -signal.SIGKILL
    assert [words for words in host.processes().values() if words[0] == "sleep"] != []
    broken = Daemon(host, "broken", ["/bin/sh", "-c", "echo reason; exit 4"], lambda: False)
    broken.start()
    with pytest.raises(LabError, match="broken on pc1: it ended with status 4\nreason"):
        broken.wait_ready()


def test_a_host_outlives_its_orphans(open_lab):
    """A process whose parent has gone ends without a trace, and the host goes on."""
    host = open_lab("hosts: {a: {}}")["a"]
    host.run(["/bin/sh", "-c", "sleep 0.05 >/dev/null 2>&1 & exit 0"], check=True)
    assert [words[0] for words in host.processes().values()] == ["sleep"]
    wait_for(lambda: host.processes() == {}, what="the orphan to end")
    states = host.run(["/bin/sh", "-c", "grep -h ^State: /proc/[0-9]*/status"], check=True).stdout
    assert "zombie" not in states


def test_the_printed_command_enters_the_host(lab):
    """What `ics lab` prints for a person leads into the host."""
    # A person comes from outside; this process may be in the user namespace of the lab already.
    command = shlex.split(lab["pc1"].enter_command().replace(" --user --preserve-credentials", ""))
    done = subprocess.run([*command, "uname", "-n"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("pc1\n", "")


# -- observing -------------------------------------------------------------------------------------------


@needs("tcpdump")
def test_a_capture_holds_every_packet_and_nothing_else(lab, tmp_path):
    """All packets of the with block that match are there, while it runs and afterwards, and as text."""
    with lab["server"].capture("eth0", "udp port 9") as capture:
        sender = lab["isp-a"].inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with sender:
            for number in range(2000):
                sender.sendto(b"%04d" % number, ("192.0.2.80", 9))
                sender.sendto(b"other", ("192.0.2.80", 10))
            sender.sendto(b"long" * 2500, ("192.0.2.80", 9))
        running = capture.frames()
    assert [frame[42:46] for frame in running[:2000]] == [b"%04d" % number for number in range(2000)]
    assert capture.frames() == running
    assert capture.lines()[0].endswith(".9: UDP, length 4")
    times = [moment for moment, _ in capture.timed_frames()]
    assert times == sorted(times)


def test_a_capture_that_overflows_is_an_error(lab, tmp_path):
    """More frames than the capture has room for are never silently lost, however often it was looked at."""
    capture = Capture(lab["server"], "eth0", "udp", tmp_path / "small.pcap", frames=128)
    sentence = "was too small: 72 frames more came"
    with pytest.raises(LabError, match=sentence), capture:
        sender = lab["isp-a"].inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with sender:
            for _ in range(200):
                sender.sendto(b"x", ("192.0.2.80", 9))
        with pytest.raises(LabError, match=sentence):
            capture.frames()


@needs("tcpdump")
def test_a_capture_on_lo_counts_once(lab):
    """Each packet of a host to itself is one packet."""
    with lab["server"].capture("lo", "icmp[icmptype] = icmp-echo") as capture:
        lab["server"].run(["ping", "-c", "3", "-i", "0.01", "127.0.0.1"], check=True)
    assert len(capture.lines()) == 3


def test_a_snapshot_sees_every_kind_of_change(lab):
    """Addresses, routes, rules, sysctls, rule sets, links and sockets: each change shows, and undone it is gone."""
    host = lab["gateway"]
    before = host.snapshot()
    assert differences(before, host.snapshot()) == []
    changes = {
        "addresses": ("ip addr add 192.0.2.9/32 dev lo", "ip addr del 192.0.2.9/32 dev lo"),
        "routes4": ("ip route add table 7 unreachable 192.0.2.0/24", "ip route flush table 7"),
        "rules4": ("ip rule add fwmark 1 table 7", "ip rule del fwmark 1 table 7"),
        "links": ("ip link set eth0 mtu 1400", "ip link set eth0 mtu 1500"),
        "sysctls": ("echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 0 >/proc/sys/net/ipv4/ip_forward"),
        "ruleset": ("nft add table inet ics", "nft delete table inet ics"),
    }
    for part, (change, undo) in changes.items():
        if before[part] is None:
            continue
        host.run(["/bin/sh", "-c", change], check=True)
        assert part in {
            line.partition(".")[0].partition(":")[0] for line in differences(before, host.snapshot())
        }
        host.run(["/bin/sh", "-c", undo], check=True)
        assert differences(before, host.snapshot()) == []
    with host.inside(lambda: socket.create_server(("127.0.0.1", 7))):
        assert differences(before, host.snapshot()) == ["sockets: new: tcp 127.0.0.1:7"]


def test_a_pulled_cable_is_down_at_both_ends(lab):
    """set_link at the provider takes the carrier from the gateway's side."""
    lab["gateway"].set_link("eth0", True)
    carrier = ["cat", "/sys/class/net/eth0/carrier"]
    assert lab["gateway"].run(carrier).stdout == "1\n"
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
    assert lab["gateway"].run(carrier).stdout == "0\n"


# -- the provider ----------------------------------------------------------------------------------------


def use_resolver(host, address):
    (host.directory / "resolv.conf").write_text(f"nameserver {address}\n")


def test_the_providers_resolve(lab):
    """Each provider's DNS gives the addresses, aliases and reverse names of the description."""
    server = lab["server"]
    for provider in ("203.0.113.1", "198.51.100.1"):
        use_resolver(server, provider)
        assert server.resolve("www.example.net") == ("192.0.2.80",)
        assert server.resolve("ftp.example.net", 6) == ("2001:db8:f::80",)
        assert server.resolve("nothing.example.net") == ()
        assert server.run(["getent", "hosts", "192.0.2.80"]).stdout.split()[1] in {
            "www.example.net",
            "mail.example.net",
        }


@needs("dig")
def test_dns_answers_whole_by_tcp_and_truncated_by_udp(open_lab):
    """An answer beyond what the client can take is empty and truncated by UDP, and whole by TCP or with room."""
    lab = open_lab(
        "segments: [x]\nhosts:\n"
        "  a: {interfaces: {eth0: {segment: x, address: 192.0.2.1/24}}, dns: {names: {big.example: TXT %s}}}\n"
        "  b: {interfaces: {eth0: {segment: x, address: 192.0.2.2/24}}}\n" % ("x" * 2000)
    )

    def dig(*arguments):
        return lab["b"].run(["dig", "@192.0.2.1", "+tries=1", "+time=2", *arguments]).stdout

    small = dig("+noedns", "+ignore", "big.example", "TXT")
    assert "flags: qr tc rd ra;" in small
    assert "ANSWER: 0" in small
    for enough in ("+tcp", "+bufsize=4096"):
        assert dig(enough, "+short", "big.example", "TXT").replace('" "', "").strip() == f'"{"x" * 2000}"'
    for name, status in (("none.example", "NXDOMAIN"), ("big.example", "NOERROR")):
        nothing = dig(name, "A")
        assert f"status: {status}" in nothing
        assert f"SOA\tns.{name}." in nothing


def test_the_web_server_sends_exactly_the_file(lab):
    """A file of a given size arrives byte for byte, and `/ip` tells who asked."""
    done = lab["isp-a"].fetch("http://192.0.2.80/big?size=3000000")
    assert hashlib.sha256(done.body).digest() == hashlib.sha256(pattern(3_000_000)).digest()
    assert lab["isp-a"].fetch("http://192.0.2.80/ip").body.split()[0] == b"192.0.2.1"
    assert lab["isp-b"].fetch("http://[2001:db8:f::80]/ip").body.split()[0] == b"2001:db8:f::2"
    assert lab["isp-a"].fetch("http://192.0.2.80/nothing").status == 404
    with pytest.raises(LabError, match="refused"):
        lab["isp-a"].fetch("http://192.0.2.80:81/")


# -- DHCP clients ----------------------------------------------------------------------------------------


@needs("dnsmasq")
@pytest.mark.parametrize("program", ["udhcpc", "dhclient", "dhcpcd"])
def test_real_clients_get_a_lease(open_lab, program):
    """Each client configures address, route and resolver from what dnsmasq gives; the PC then reaches the site."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    lab = open_lab(STANDIN)
    pc = lab["pc1"]
    lease = pc.dhcp(program)
    assert lease.client == program
    assert 100 <= lease.address.ip.packed[3] < 200
    assert (str(lease.router), list(map(str, lease.dns)), lease.domain) == (
        "192.168.0.1",
        ["203.0.113.1"],
        "home.arpa",
    )
    assert (lease.seconds, str(lease.server)) == (600, "192.168.0.1")
    assert pc.run(["cat", "/etc/resolv.conf"]).stdout == "search home.arpa\nnameserver 203.0.113.1\n"
    assert pc.processes() == {}
    assert pc.fetch("http://www.example.net/").body == b"hello"
    assert pc.fetch("http://www.example.net/ip").body.split()[0] == b"203.0.113.5"
    assert "pc1" in (lab["gateway"].directory / "dnsmasq.leases").read_text()


@needs("dnsmasq")
def test_udhcpc_renews_and_releases(open_lab):
    """A client that stays renews on demand and gives its address back."""
    lab = open_lab(STANDIN)
    client = lab["pc1"].dhcp_client("udhcpc")
    first = client.lease()
    assert client.renew() == first
    client.release()
    assert client.events()[-1]["event"] in LOST
    wait_for(lambda: "DHCPRELEASE" in lab["gateway"].services["dnsmasq"].log(), what="the release at dnsmasq")
    assert lab["pc1"].processes() == {}


@needs("dnsmasq")
@needs("dhclient")
def test_dhclient_releases(open_lab):
    """dhclient gives its address back."""
    lab = open_lab(STANDIN)
    client = lab["pc2"].dhcp_client("dhclient")
    client.lease()
    client.release()
    wait_for(lambda: "DHCPRELEASE" in lab["gateway"].services["dnsmasq"].log(), what="the release at dnsmasq")


def test_a_client_that_gets_nothing_says_so(open_lab):
    """No server: the error names client and host and shows the client's own words."""
    lab = open_lab("segments: [a]\nhosts: {pc: {interfaces: {eth0: {segment: a, address: dhcp}}}}")
    with pytest.raises(LabError, match=r"udhcpc on pc to report [^\n]*\n(?s:.*)discover"):
        lab["pc"].dhcp("udhcpc", timeout=1.5)
    assert lab["pc"].processes() == {}


# -- the command -----------------------------------------------------------------------------------------


def command(*arguments, prefix=(), python=sys.executable, env=None):
    """Start `ics lab ...` as its own process."""
    return subprocess.Popen(
        [*prefix, python, "-m", "icsframework.lab", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, **(env or {"PYTHONPATH": PYTHONPATH})},
    )


def read_until(process, text):
    """Lines of a process up to one that contains ``text``."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError("".join(lines) + process.stderr.read())


@pytest.fixture
def standin(tmp_path):
    """The lab file of the stand-in gateway, readable by everybody."""
    file = tmp_path / "standin.yaml"
    file.write_text(STANDIN)
    return file


def opened(process):
    """Wait until `ics lab` has opened its lab; the hosts' network namespaces, and the lab's directory."""
    lines = read_until(process, "Ctrl-C ends it")
    pids = [line.split("--target")[1].split()[0] for line in lines if "--target" in line]
    assert len(pids) == 4
    directory = Path(lines[-1].split(": ")[1].split("/HOST")[0])
    assert directory.is_dir()
    return {net_of(pid) for pid in pids}, directory


@needs("dnsmasq")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_open_lab_ends_cleanly_by_signal(root, standin, number):
    """Ctrl-C, SIGTERM and a closed terminal end `ics lab` with status 0 and nothing left."""
    process = command(standin)
    namespaces, directory = opened(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert in_namespaces(namespaces) == set()
    assert not directory.exists()


@needs("dnsmasq")
def test_a_killed_lab_leaves_nothing(root, standin):
    """kill -9 of `ics lab`: every process of every host ends, so do the namespaces, and its files are removed."""
    process = command(standin)
    namespaces, directory = opened(process)
    assert len(in_namespaces(namespaces)) >= 4 + 2 + 2  # holders, dnsmasq and server, two DHCP clients
    process.kill()
    process.communicate()
    wait_for(lambda: in_namespaces(namespaces) == set(), 10, "every process of the lab to end")
    wait_for(lambda: not directory.exists(), 10, "the lab's directory to go")


def test_the_command_on_a_gateway_asks_its_daemon(root):
    """`ics lab --run 'gateway: ics status'` shows the lab's gateway, with its uplink up already."""
    environment = {"PYTHONPATH": PYTHONPATH, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    process = command("--run", "gateway: ics status | grep '[*] cable'", env=environment)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "203.0.113.5/24" in output.splitlines()[-1]


@needs("dnsmasq")
def test_commands_are_run_in_their_order(root, standin):
    """`ics lab --run`: PCs have their addresses, output comes through, the first failure ends it and is the status."""
    words = ["--run", "server: echo on $(hostname)", "--run", "pc1: exit 3"]
    process = command(standin, *words, "--run", "pc2: echo never")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    lines = output.splitlines()
    assert lines[0].startswith("pc1 has 192.168.0.1")
    assert lines[2:] == ["server$ echo on $(hostname)", "on server", "pc1$ exit 3"]
    assert errors == "ics lab: on pc1 this ended with status 3\n"


@needs("dnsmasq")
def test_the_demo_shows_every_step_with_its_time(root, standin):
    """Two PCs join, resolve and fetch through NAT: one line each, exit status 0."""
    process = command("--demo", standin)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert all(line[7:11] == " s  " and float(line[:7]) >= 0 for line in lines)
    assert [line[11:].split(" ")[:2] for line in lines] == [
        ["a", "small"],
        ["pc1", "got"],
        ["pc2", "got"],
        ["pc1", "resolved"],
        ["pc1", "fetched"],
        ["pc2", "resolved"],
        ["pc2", "fetched"],
        ["all", "of"],
    ]
    assert output.count("come from 203.0.113.5: NAT works") == 2


@needs("dnsmasq")
@pytest.mark.parametrize(
    ("line", "replacement", "reason"),
    [
        (
            "dns: {names: {www.example.net: 203.0.113.1}}",
            "dns: {names: {www.example.net: [203.0.113.1]}}",
            "",
        ),
        ("oifname eth0 masquerade", "oifname none masquerade", "pc1: getent .* no end after 10 s"),
        ("dns: [203.0.113.1]", "dns: []", "pc1 got .* but no router or no DNS server"),
        ("web: {page: hello}", "web:", "needs a host with `web`"),
    ],
)
def test_the_demo_fails_when_a_step_does_not_happen(root, standin, line, replacement, reason):
    """Whatever does not happen ends the demo with status 1 and the reason; the first case is the control."""
    assert line in STANDIN
    standin.write_text(STANDIN.replace(line, replacement))
    output, errors = (process := command("--demo", standin)).communicate(timeout=60)
    assert process.returncode == (1 if reason else 0), output
    assert re.search(reason, errors)
    assert "all of it" not in output or not reason


@needs("dnsmasq")
def test_the_demo_sees_missing_nat(root, standin):
    """A page that arrives without translation, over a route back to the LAN, is no success."""
    routed = STANDIN.replace("oifname eth0 masquerade", "oifname none masquerade").replace(
        "dns: {names", "routes: [{to: 192.168.0.0/24, via: 203.0.113.5}]\n    dns: {names"
    )
    standin.write_text(routed)
    _, errors = (process := command("--demo", standin)).communicate(timeout=60)
    assert process.returncode == 1
    assert "its address at home: nothing translated it" in errors


def test_a_wrong_lab_file_is_one_sentence(tmp_path):
    """Status 2, file, line and key path, before anything needs rights."""
    file = tmp_path / "lab.yaml"
    file.write_text("segments: [home]\nhosts:\n  pc1:\n    interfaces:\n      eth0: {segment: hoem}\n")
    output, errors = (process := command(file)).communicate(timeout=20)
    expected = f"{file}:5: hosts.pc1.interfaces.eth0.segment: there is no segment 'hoem'; there are: home\n"
    assert (process.returncode, output, errors) == (2, "", f"ics lab: {expected}")


# -- without root ----------------------------------------------------------------------------------------

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def nobody(tmp_path):
    """An interpreter and an environment with which an ordinary user can run the lab."""
    if not is_machine_root():
        pytest.skip("only the machine's root can become somebody else")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    site = Path(sys.modules["yaml"].__file__).parents[1]
    env = {"PYTHONPATH": f"{ROOT}:{site}", "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"}
    # What such a user may execute by name it may not find again as sys.executable, so the probe starts itself anew.
    probe = (
        "import subprocess, sys, icsframework.lab.command, icsframework.lab.privilege as p, yaml, twisted.web.server;"
        "subprocess.run([sys.executable, '-c', ''], check=True); print(p.why_unavailable())"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        done = subprocess.run(
            [*NOBODY, python, "-c", probe],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={**os.environ, **env},
        )
        if done.returncode == 0:
            if done.stdout.strip():
                pytest.skip(done.stdout.strip())
            return {"prefix": NOBODY, "python": python, "env": env}
    pytest.skip(f"an ordinary user cannot run the interpreter and its libraries: {done.stderr.strip()}")


@needs("dnsmasq")
def test_the_demo_works_without_root(nobody, standin):
    """An ordinary user gets the same demo in a user namespace."""
    for directory in (standin.parent, *standin.parent.parents[:2]):
        directory.chmod(0o755)
    output, errors = (process := command("--demo", standin, **nobody)).communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.count("NAT works") == 2


def test_ics_works_in_a_gateway_that_was_entered(root):
    """The printed command gives a shell that finds `ics`, and `ics` the lab's daemon."""
    process = command(env={"PYTHONPATH": PYTHONPATH, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    lines = read_until(process, "Ctrl-C ends it")
    enter = next(line.split(None, 1)[1] for line in lines if line.split()[:1] == ["gateway"])
    done = subprocess.run(
        ["/bin/sh", "-c", enter],
        input="ics status\n",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SHELL": "/bin/sh"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    process.terminate()
    process.communicate(timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cable" in done.stdout


@needs("dnsmasq")
def test_a_killed_lab_of_an_ordinary_user_leaves_nothing(nobody, standin):
    """The same promise without root; and the printed command enters a host from the user's own shell."""
    for directory in (standin.parent, *standin.parent.parents[:2]):
        directory.chmod(0o755)
    process = command(standin, **nobody)
    lines = read_until(process, "Ctrl-C ends it")
    enter = next(
        line.split(None, 1)[1] for line in lines if line.split()[:1] == ["pc2"] and "nsenter" in line
    )
    pid = enter.split("--target")[1].split()[0]
    done = subprocess.run(
        [*NOBODY, *shlex.split(enter), "uname", "-n"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("pc2\n", "")
    namespaces = {net_of(pid)}
    process.kill()
    process.communicate()
    wait_for(lambda: in_namespaces(namespaces) == set(), 10, "every process of the host to end")
