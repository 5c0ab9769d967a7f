"""`ics lab --demo` and `ics lab` with the real daemon: what `make demo` runs."""

import subprocess
import sys
from pathlib import Path

import pytest

import icsframework
from icsframework.lab.parse import default_text
from icsframework.lab.waiting import wait_for

ROOT = Path(icsframework.__file__).parents[1]

STEPS = [
    "a small Internet is up",
    "gateway runs, its uplink cable is up with 203.0.113.5/24",
    "pc1 got 192.168.0.",
    "pc2 got 192.168.0.",
    "pc1 resolved www.example.net to 192.0.2.80",
    "pc1 fetched http://www.example.net/",
    "pc2 resolved www.example.net to 192.0.2.80",
    "pc2 fetched http://www.example.net/",
    "pc1 fetched ftp://ftp.example.net/big in active mode, 5000000 bytes in ",
    "gateway stopped and left its network as it had found it",
    "all of it",
]


def ics_lab(*arguments):
    """`ics lab` as its own process."""
    return subprocess.Popen(
        [sys.executable, "-m", "icsframework.cli", "lab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_the_demo(root):
    """Every step happens, in order, each with its time; status 0."""
    output, errors = (process := ics_lab("--demo")).communicate(timeout=90)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert [line[11 : 11 + len(step)] for line, step in zip(lines, STEPS, strict=True)] == STEPS
    assert all(float(line[:7]) >= 0 and line[7:11] == " s  " for line in lines)
    assert output.count("come from 203.0.113.5: NAT works") == 2


DIAL_UP = [
    "a small Internet is up: 4 hosts on the networks home, backbone; gateway has a modem for 33600 bit/s",
    "gateway runs; nobody needs the Internet yet, and its uplink phone is down",
    "pc got 192.168.0.",
    "pc's first packet, tcp to 192.0.2.80:80 (demand.wake: built in), made phone call 123: up with 203.0.113.5/32; its page came ",
    "pc resolved www.example.net to 192.0.2.80",
    "pc fetched http://www.example.net/, 44 bytes; server saw it come from 203.0.113.5: NAT works",
    "gateway stopped and left its network as it had found it",
    "all of it",
]


def test_the_demo_by_telephone(root):
    """A PC behind a gateway whose only way out is a modem: its first packet dials."""
    output, errors = (process := ics_lab("--demo", "etc/dialup-lab.yaml")).communicate(timeout=90)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert [line[11 : 11 + len(step)] for line, step in zip(lines, DIAL_UP, strict=True)] == DIAL_UP


def test_the_demo_fails_without_the_helper(root, tmp_path):
    """Active mode is what the helper makes possible: switched off, the demo ends there, with the reason and status 1."""
    file = tmp_path / "lab.yaml"
    file.write_text(default_text().replace("        lans:\n", "        helpers: []\n        lans:\n"))
    output, errors = (process := ics_lab("--demo", str(file))).communicate(timeout=90)
    assert process.returncode == 1
    assert "pc2 fetched http://www.example.net/" in output.splitlines()[-1]
    assert "ics lab: pc1 could not fetch ftp://ftp.example.net/big in active mode: curl: " in errors


def test_a_killed_lab_takes_the_daemon_with_it(root):
    """kill -9 of `ics lab` ends the gateway's daemon and everything else in the lab."""
    process = ics_lab()
    pid = None
    for line in process.stdout:
        if line.split()[:1] == ["gateway"]:
            pid = line.split("--target")[1].split()[0]
        if "Ctrl-C ends it" in line:
            break
    else:
        pytest.fail(process.stderr.read())
    namespace = Path(f"/proc/{pid}/ns/net").readlink()
    inside = processes_in(namespace)
    assert any("twistd" in Path(f"/proc/{number}/cmdline").read_text() for number in inside)
    process.kill()
    process.communicate()
    wait_for(lambda: processes_in(namespace) == [], 10, "every process of the gateway to end")


def processes_in(namespace):
    """The processes in a network namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns/net").readlink() == namespace:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_the_fixture_has_the_daemon_running(gateway_lab):
    """Tests get a gateway that is up, and can ask it and restart it; flows go on while it is killed."""
    gateway, pc = gateway_lab["gateway"].gateway, gateway_lab["pc1"]
    assert gateway.uplink("cable")["addresses"] == ["203.0.113.5/24"]
    pc.dhcp()
    gateway.kill()
    assert pc.fetch("http://192.0.2.80/ip").body.split()[0] == b"203.0.113.5"
    gateway.start()
    gateway.wait_ready()
    assert pc.fetch("http://www.example.net/ip").body.split()[0] == b"203.0.113.5"
    assert gateway.stop() == 0
