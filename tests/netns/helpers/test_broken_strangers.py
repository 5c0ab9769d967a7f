"""Broken strangers in the running gateway: a start that is refused in one sentence, a flow that ends; nobody else is harmed."""

import json
import os
import socket
import sys

import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

SERVER = "192.0.2.80"
CONFIG = """
lans: [{interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
helpers: HELPERS
"""
REFUSED = {
    "import-error": "cannot be imported: ModuleNotFoundError",
    "prepare-raises": "cannot be prepared: Defect: prepare has a bug",
    "create-raises": "cannot be created: Defect: create has a bug",
    "create-talks": "created an object that does not keep its contract",
    "start-raises": "failed: Defect: start has a bug",
    "attachments-raise": "failed: Defect: attachments have a bug",
    "attachments-talk": "must be a list of values.Attachment",
}
"""What is configured and cannot start."""
SESSIONS = [
    "session-raises",
    "session-talks",
    "session-floods",
    "session-misses",
    "session-forgets",
    "session-none",
    "session-unborn",
]
"""What starts, and fails when a client says a word."""
PORTS = {name: 7001 + number for number, name in enumerate(SESSIONS)}
OPEN = 50
"""A helper with ``fail: open`` has its port so far behind the other's."""
GOOD = 7100
"""The port of a helper that is whole."""
ECHO = f"""
import socket, threading
def serve(port):
    with socket.create_server(("", port)) as listener:
        while True:
            threading.Thread(target=echo, args=listener.accept()[:1], daemon=True).start()
def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
ports = [*range(7001, 7100), {GOOD}]
for port in ports:
    threading.Thread(target=serve, args=(port,), daemon=True).start()
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def lab(open_module_lab, broken_site):
    """A lab whose gateway has the broken distribution on its path; the daemon is not started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(broken_site), prepend=os.pathsep)
        lab = open_module_lab(gateway_config=CONFIG.replace("HELPERS", "[]"), start_gateways=False)
        lab["pc1"].run(["ip", "address", "add", "192.168.0.11/24", "dev", "eth0"], check=True)
        lab["pc1"].run(["ip", "route", "add", "default", "via", "192.168.0.1"], check=True)
        echo = Daemon(
            lab["server"],
            "echo",
            [sys.executable, "-c", ECHO],
            lambda: f":{GOOD} " in lab["server"].run(["ss", "-Hlnt"]).stdout,
        )
        echo.start()
        echo.wait_ready()
        yield lab


def configure(lab, helpers):
    """Write the daemon's file."""
    daemon = lab["gateway"].gateway
    daemon.config_file.write_text(
        CONFIG.replace("HELPERS", json.dumps(helpers))
        + f"gateway: {{state: {daemon.state}, run: {daemon.run}}}\n"
    )
    return daemon


@pytest.mark.parametrize("name", ["import-error", "create-raises", "start-raises", "attachments-talk"])
def test_one_that_cannot_start_is_refused(lab, name):
    """One sentence with plugin and distribution, status 2, and the machine as it was."""
    daemon = configure(lab, [{"plugin": name}])
    before = lab["gateway"].snapshot()
    done = lab["gateway"].run(daemon.arguments, timeout=30)
    (sentence,) = [line for line in done.stderr.splitlines() if f"plugin '{name}'" in line]
    assert done.returncode == 2, done.stderr
    assert f"NAT helper plugin '{name}' of acme-broken 0.9" in sentence
    assert REFUSED[name] in sentence
    assert differences(before, lab["gateway"].snapshot()) == []


def talk(lab, port, *words):
    """What a client on the PC hears from the echo server for each of its words; "" when the connection is over."""

    def work():
        with socket.create_connection((SERVER, port), timeout=10) as connection:
            heard = []
            for word in words:
                try:
                    connection.sendall(word)
                    heard.append(connection.recv(100))
                except ConnectionError:
                    heard.append(b"")
            return heard

    return lab["pc1"].inside(work)


HELPERS = [
    *({"plugin": name, "port": port} for name, port in PORTS.items()),
    *(
        {"plugin": name, "name": f"{name}-open", "port": port + OPEN, "fail": "open"}
        for name, port in PORTS.items()
    ),
    {"plugin": "stop-raises", "name": "whole", "port": GOOD},
    {"plugin": "reconfigure-raises", "name": "rigid", "port": 7090},
]
"""Every helper whose sessions fail, closed and open, and two that are whole as long as they run unchanged."""


@pytest.fixture(scope="module")
def running(lab):
    """The daemon with all of them."""
    daemon = configure(lab, HELPERS)
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    return daemon


def status(daemon, name):
    """What `ics status` says of a helper."""
    return next(one for one in daemon.status_tree()["helpers"] if one["name"] == name)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_failed_session_ends_its_flow(lab, running, name):
    """The client's connection is over, the failure is counted and told by name, and others go on."""
    born = name not in ("session-none", "session-unborn")
    heard = talk(lab, PORTS[name], b"hello", b"trouble")
    assert heard == [b"hello" if born else b"", b""]
    wait_for(lambda: status(running, name)["details"]["failed"] == 1, 5, "the failure to be counted")
    assert status(running, name)["sessions"] == 0
    assert f"helper {name}: the session of 192.168.0.11:" in running.log()
    assert talk(lab, GOOD, b"hello") == [b"hello"]
    assert status(running, "whole")["details"]["failed"] == 0


@pytest.mark.parametrize("name", SESSIONS)
def test_with_fail_open_its_flow_goes_on(lab, running, name):
    """Untouched: nothing that was said is lost, nothing is said twice."""
    assert talk(lab, PORTS[name] + OPEN, b"hello", b"trouble", b"more") == [b"hello", b"trouble", b"more"]
    wait_for(
        lambda: status(running, f"{name}-open")["details"]["failed"] == 1, 5, "the failure to be counted"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_reload_with_one_that_cannot_start_changes_nothing(lab, running, name):
    """`ics reload` says the same sentence, and the gateway goes on as it was."""
    configure(lab, [*HELPERS, {"plugin": name, "port": 7095}])
    with pytest.raises(LabError) as refused:
        running.api("POST", "/v1/reload")
    assert f"NAT helper plugin '{name}' of acme-broken 0.9" in str(refused.value)
    assert REFUSED[name] in str(refused.value)
    assert [one["name"] for one in running.status_tree()["helpers"]] == [
        one.get("name", one["plugin"]) for one in HELPERS
    ]
    assert talk(lab, GOOD, b"hello") == [b"hello"]


def test_a_reload_that_one_cannot_take_leaves_its_old_settings(lab, running):
    """Its sessions are where they were, and the operator is told whose fault it is."""
    configure(lab, [one | {"port": 7095} if one.get("name") == "rigid" else one for one in HELPERS])
    with pytest.raises(
        LabError, match=r"reconfigure of NAT helper plugin 'reconfigure-raises' of acme-broken 0\.9"
    ):
        running.api("POST", "/v1/reload")
    before = status(running, "rigid")["details"]["total"]
    assert talk(lab, 7090, b"hello") == talk(lab, GOOD, b"hello") == [b"hello"]
    assert status(running, "rigid")["details"]["total"] == before + 1


def test_one_that_cannot_stop_stops_nobody(lab, running):
    """The gateway ends as asked, with status 0, says whose fault it was, and leaves nothing."""
    assert running.stop() == 0
    assert (
        "stop of NAT helper plugin 'stop-raises' of acme-broken 0.9 failed: Defect: stop has a bug"
        in running.log()
    )
    assert lab["gateway"].run(["nft", "list", "tables"]).stdout == ""
