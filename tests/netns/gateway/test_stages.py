"""A connect is followed from stage to stage: on the screen, in the status, in the history."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]
uplinks:
  - {name: dsl, plugin: ethernet, interface: eth2, address: dhcp, connect: manual}
"""


class Command:
    """``ics connect`` in the gateway's host, its output in a file."""

    def __init__(self, host, out):
        self._out = out
        # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
        command = [
            "env",
            "--default-signal=INT",
            ICS,
            "--socket",
            str(host.gateway.control_socket),
            "connect",
            "dsl",
        ]
        self._process = host.popen(command, stdout=out.open("wb"), stderr=subprocess.STDOUT)

    @property
    def text(self):
        """What it has said so far."""
        return self._out.read_text()

    def interrupt(self):
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self):
        """Its exit status."""
        return self._process.wait(20)


@pytest.fixture
def world(open_lab):
    """The lab, a daemon whose only uplink is down, and the provider's DHCP server, which does not answer."""
    lab = open_lab(gateway_config=CONFIG)
    lab["gateway"].gateway.wait_uplink("dsl", "down")
    server = lab["isp-b"].services["dnsmasq"]
    server.signal(signal.SIGSTOP)
    yield lab, lab["gateway"].gateway, server
    server.signal(signal.SIGCONT)


def test_a_server_that_answers_late(world, tmp_path):
    """Two commands wait and a third is interrupted; status and history tell where the time went."""
    lab, daemon, server = world
    first = Command(lab["gateway"], tmp_path / "first")
    wait_for(lambda: "dsl: dhcp" in first.text, 10, "the stage")
    given_up = Command(lab["gateway"], tmp_path / "given_up")
    joined = Command(lab["gateway"], tmp_path / "joined")
    for command in (given_up, joined):
        wait_for(lambda command=command: "dsl: dhcp" in command.text, 10, "the stage that is joined")
    given_up.interrupt()
    assert given_up.end() == 130
    assert given_up.text.endswith("ics: the gateway goes on connecting dsl; ics disconnect dsl ends it\n")
    shown = daemon.uplink("dsl")
    assert (shown["state"], shown["stage"].partition(" ")[0]) == ("connecting", "dhcp")
    assert shown["stage_since"] >= shown["since"]
    server.signal(signal.SIGCONT)
    assert (first.end(), joined.end()) == (0, 0)
    for command in (first, joined):
        assert re.search(r"\nup: 198\.51\.100\.\d+/24 on eth2 \(\d+\.\d s\)\n\Z", command.text)
    assert re.search(
        r"\A    0\.\d s  dsl: starting\n.* s  dsl: dhcp.*\n(.*\n)*.* s  dsl: configuring\nup", first.text
    )
    up = daemon.api("GET", "/v1/history")[-1]
    stages = {step["stage"].partition(" ")[0]: step["seconds"] for step in up["steps"]}
    assert (up["event"], {"dhcp", "configuring"} <= set(stages)) == ("up", True)
    took = float(re.search(r"\((\d+\.\d) s\)", first.text)[1])
    assert sum(step["seconds"] for step in up["steps"]) == pytest.approx(took, abs=0.5)
    told = lab["gateway"].run([ICS, "--socket", str(daemon.control_socket), "history"]).stdout
    assert re.search(r"\n    dhcp \d+\.\ds, dhcp discover \d+\.\ds, [^-]*configuring\s\d+\.\ds", told)


def test_a_hang_up_ends_the_command_with_its_reason(world, tmp_path):
    """And on a terminal it is one line, which shows how far it came."""
    lab, daemon, _ = world
    master, slave = os.openpty()
    command = [ICS, "--socket", str(daemon.control_socket), "connect", "dsl"]
    process = lab["gateway"].popen(command, stdout=slave, stderr=slave)
    os.close(slave)
    text = b""
    while not re.search(rb"dsl: dhcp[^\r\n]* 2 s", text):
        text += os.read(master, 4096)
    daemon.api("POST", "/v1/disconnect", {"uplink": "dsl"})
    assert process.wait(20) == 1
    text += os.read(master, 4096)
    os.close(master)
    *_, last, reason, rest = re.split(rb"[\r\n]+", text)
    assert re.fullmatch(rb"dsl: dhcp.* \d+ s *", last)
    assert (reason[:24], rest) == (b"ics: disconnected by roo", b"")
    assert text.count(b"\n") == 2
    assert b"\x1b" not in text
    down = daemon.api("GET", "/v1/history")[-1]
    assert (down["event"], down["reason"][:15]) == ("down", "disconnected by")
    assert down["steps"][-1]["stage"].startswith("dhcp")
