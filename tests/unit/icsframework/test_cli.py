"""The ``ics`` command, as a function."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from icsframework.cli import main
from icsframework.errors import AlreadyRunning
from icsframework.host.lock import NamespaceLock

STATUS = {
    "gateway": {"version": "1", "state": "ready", "pid": 8, "since": "2026-11-25T10:00:00Z", "config": "/x"},
    "uplinks": [],
    "lans": [],
    "helpers": [],
    "warnings": [],
}
ANSWERS: dict[str, Any] = {
    "GET /v1/status": STATUS,
    "GET /v1/leases": [],
    "GET /v1/mappings": [],
    "POST /v1/mappings/add": {
        "added": [
            {
                "protocol": "tcp",
                "uplink": "cable",
                "external_port": 8080,
                "external_address": "203.0.113.5",
                "to": "192.168.0.10:80",
            }
        ]
    },
    "POST /v1/mappings/remove": {
        "removed": [{"protocol": "tcp", "uplink": "cable", "external_port": 8080, "to": "192.168.0.10:80"}]
    },
    "GET /v1/history": [],
    "POST /v1/connect": {"interface": "eth0", "addresses": ["203.0.113.5/24"]},
    "POST /v1/disconnect": {"uplink": "cable", "connect": "always", "until": None},
    "GET /v1/version": {
        "version": "1",
        "parameters": {"/v1/connect": ["override"], "/v1/disconnect": ["for"]},
    },
    "POST /v1/reload": {"changes": "nothing has changed"},
    "POST /v1/restart": {"pid": 1},
}


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gateway that answers every command; yields the requests it got."""
    path = tmp_path / "control.sock"
    monkeypatch.setenv("ICS_SOCKET", str(path))
    got: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65536).decode()
                words = " ".join(request.split()[:2])
                got.append(words + request.partition("\r\n\r\n")[2])
                if words not in ANSWERS:
                    connection.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n{}")
                    continue
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(ANSWERS[words]).encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield got
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.parametrize(
    ("arguments", "request_", "output"),
    [
        (["leases"], "GET /v1/leases", "no leases\n"),
        (["leases", "--json"], "GET /v1/leases", "[]\n"),
        (["history"], "GET /v1/history", "nothing has happened yet\n"),
        (["mappings"], "GET /v1/mappings", "no external ports are open\n"),
        (["mappings", "--json"], "GET /v1/mappings", "[]\n"),
        (
            ["mappings", "add", "tcp", "8080", "192.168.0.10:80"],
            'POST /v1/mappings/add{"protocol": "tcp", "port": "8080", "to": "192.168.0.10:80"}',
            "tcp 203.0.113.5 port 8080 leads to 192.168.0.10:80\n",
        ),
        (
            ["mappings", "add", "udp", "192.168.0.10:80", "--for", "192.0.2.80", "--lifetime", "2h"],
            'POST /v1/mappings/add{"protocol": "udp", "to": "192.168.0.10:80", "remote": "192.0.2.80", "lifetime": "2h"}',
            "tcp 203.0.113.5 port 8080 leads to 192.168.0.10:80\n",
        ),
        (
            ["mappings", "remove", "tcp", "8080", "--uplink", "cable", "--end"],
            'POST /v1/mappings/remove{"protocol": "tcp", "port": "8080", "uplink": "cable", "end": true}',
            "tcp port 8080 on cable is closed; it led to 192.168.0.10:80\n",
        ),
        (
            ["disconnect", "cable"],
            'POST /v1/disconnect{"uplink": "cable"}',
            "cable: hung up; it stays down until: ics connect cable\n",
        ),
        (["reload"], "POST /v1/reload{}", "nothing has changed\n"),
        (["reload", "--confirm", "60"], 'POST /v1/reload{"confirm": 60}', "nothing has changed\n"),
        (["reload", "--keep"], 'POST /v1/reload{"keep": true}', "kept: nothing has changed\n"),
    ],
)
def test_each_command_asks_one_question(
    requests: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], request_: str, output: str
) -> None:
    """And prints one answer, status 0."""
    assert main(arguments) == 0
    assert requests == [request_]
    assert capsys.readouterr().out == output


def test_what_was_added_and_removed_as_json(requests: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts that left the choice of the port to the gateway."""
    for action, result in (("add", "added"), ("remove", "removed")):
        words = ["tcp", "8080", *(["192.168.0.10:80"] if action == "add" else [])]
        assert main(["mappings", "--json", action, *words]) == 0
        assert json.loads(capsys.readouterr().out) == ANSWERS[f"POST /v1/mappings/{action}"][result]


@pytest.mark.parametrize(("arguments", "uplink"), [([], "null"), (["dsl"], '"dsl"')])
def test_connect_asks_and_says_what_it_got(
    requests: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], uplink: str
) -> None:
    """After the stream of events, which an older gateway may not have, and the status; more in control/test_connect."""
    assert main(["connect", *arguments]) == 0
    assert [request.partition("?")[0] for request in requests] == [
        "GET /v1/events",
        "GET /v1/status",
        f'POST /v1/connect{{"uplink": {uplink}}}',
    ]
    assert capsys.readouterr().out == "up: 203.0.113.5/24 on eth0\n"


def test_connect_whatever_the_limits_say(requests: list[str]) -> None:
    """Only a gateway that knows of it is asked."""
    assert main(["connect", "--override", "modem"]) == 0
    assert requests[0] == "GET /v1/version"
    assert requests[-1] == 'POST /v1/connect{"uplink": "modem", "override": true}'


def test_disconnect_for_a_time(requests: list[str]) -> None:
    """In seconds, whatever unit was typed."""
    assert main(["disconnect", "--for", "1h30m", "modem"]) == 0
    assert requests == ["GET /v1/version", 'POST /v1/disconnect{"uplink": "modem", "for": 5400.0}']


@pytest.mark.parametrize("arguments", [["connect", "--override"], ["disconnect", "--for", "2h"]])
def test_an_older_gateway_is_not_asked_for_what_it_would_overlook(
    requests: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    """It is told so instead, and nothing has happened."""
    monkeypatch.setitem(ANSWERS, "GET /v1/version", {"version": "0", "paths": []})
    assert main(arguments) == 1
    assert requests == ["GET /v1/version"]
    said = capsys.readouterr().err
    assert said == (
        f"ics: the running gateway is older than this command and knows no {arguments[1]}; restart it\n"
    )


@pytest.mark.parametrize(
    ("length", "sentence"),
    [
        ("soon", "'soon' is not a duration; write for example 90s, 12h, 1h30m or 7d"),
        ("0s", "0s is no time at all; leave it out"),
    ],
)
def test_a_time_that_is_none_is_a_wrong_command(
    requests: list[str], capsys: pytest.CaptureFixture[str], length: str, sentence: str
) -> None:
    """One sentence, status 2, and the gateway hears nothing of it."""
    assert main(["disconnect", "--for", length]) == 2
    assert (requests, capsys.readouterr().err) == ([], f"ics: --for: {sentence}\n")


def test_status_as_table_and_as_json(requests: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The same data, for people and for programs."""
    assert main(["status"]) == 0
    assert capsys.readouterr().out.startswith("ics 1  ready  since ")
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS


def test_restart_waits_for_another_process(requests: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It asks, and returns when another process is ready."""
    assert main(["restart"]) == 0
    assert requests == ["POST /v1/restart{}", "GET /v1/status"]
    assert capsys.readouterr().out.endswith("the gateway is now process 8\n")


def _interruptible() -> None:
    """A shell starts what runs in the background with SIGINT ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_watching_looks_again_until_interrupted(requests: list[str]) -> None:
    """Ctrl-C ends it quietly."""
    command = [sys.executable, "-m", "icsframework.cli", "status", "--watch", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_interruptible
    ) as watching:
        assert watching.stdout is not None
        assert [json.loads(watching.stdout.readline()) for _ in range(2)] == [STATUS, STATUS]
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) == (130, "")


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(requests: list[str]) -> None:
    """``ics status | head -1`` prints no traceback."""
    command = [sys.executable, "-m", "icsframework.cli", "status", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        watching.stdout.close()
        assert watching.stderr is not None
        assert watching.stderr.read() == ""
    assert watching.returncode == 0


@pytest.mark.slow
def test_a_reader_that_left_before_the_answer_is_no_error(requests: list[str]) -> None:
    """``ics leases | true`` is quiet: what was printed meets a closed pipe only at the end."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "icsframework.cli", "leases"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=buffered
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_gateway_is_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on standard error."""
    assert main(["--socket", str(tmp_path / "none"), "status"]) == 69
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"ics: no gateway answers at {tmp_path}/none;")


def test_bad_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command, or none."""
    for arguments in (["frobnicate"], []):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "usage: ics" in capsys.readouterr().err


def test_plugins_are_listed_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """The shape of --json has state and reason only after a check."""
    assert main(["plugins", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main(["plugins", "--check", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert {"name", "kind", "distribution", "version"} == set(plain[0])
    assert {"name", "kind", "distribution", "version", "state", "reason"} == set(checked[0])
    assert {row["name"]: row["state"] for row in checked}["ethernet"] == "ready"


@pytest.mark.slow
def test_a_broken_plugin_fails_the_check(tmp_path: Path) -> None:
    """Status 1, and the sentence says what is wrong with whose plugin; the plain list imports nothing and is 0."""
    information = tmp_path / "acme_chess-1.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-chess\nVersion: 1.2\n")
    (information / "entry_points.txt").write_text("[icsframework.uplink]\nchess = acme_chess:factory\n")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    outcomes = []
    for more in ([], ["--check"]):
        command = [sys.executable, "-m", "icsframework.cli", "plugins", "--json", *more]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths}
        )
        [row] = [row for row in json.loads(done.stdout) if row["name"] == "chess"]
        outcomes.append((done.returncode, row.get("state"), row.get("reason", "")))
    assert outcomes[0] == (0, None, "")
    assert outcomes[1][:2] == (1, "broken")
    assert outcomes[1][2].startswith(
        "uplink plugin 'chess' of acme-chess 1.2 cannot be imported: ModuleNotFound"
    )


def test_check_render_and_schema_read_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands that need no gateway."""
    path = tmp_path / "gateway.yaml"
    path.write_text("lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, interface: eth0}]\n")
    assert main(["check", str(path)]) == 0
    assert main(["render", str(path)]) == 0
    assert "table inet ics {" in capsys.readouterr().out
    assert main(["schema"]) == 0
    assert "ethernet" in capsys.readouterr().out
    path.write_text("lans: []\nuplinks: [{plugin: ethernot}]\n")
    assert main(["check", str(path)]) == 2


@pytest.mark.slow
def test_status_starts_fast_enough_to_be_a_reflex(requests: list[str]) -> None:
    """The command imports little: none of what the daemon is made of."""
    code = "import sys; from icsframework.cli import main; main(['status']); print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    loaded = set(done.stderr.split())
    assert not loaded & {
        "twisted",
        "pydantic",
        "yaml",
        "zope.interface",
        "pyroute2",
        "asyncio",
        "email",
        "http.client",
    }
    assert io.StringIO(done.stdout).readline().startswith("ics 1")


@pytest.mark.slow
def test_check_needs_neither_interfaces_nor_rights_nor_the_lock(tmp_path: Path) -> None:
    """Interfaces that are missing here are notes; anybody may check, beside a running gateway."""
    path = tmp_path / "gateway.yaml"
    path.write_text("lans: [{interface: nolan0}]\nuplinks: [{plugin: ethernet, interface: nowan0}]\n")
    command = [sys.executable, "-m", "icsframework.cli", "check", str(path)]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    lock = NamespaceLock()
    try:
        lock.acquire()
    except AlreadyRunning:
        lock = NamespaceLock()  # a gateway runs here: as good
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lock.release()
    notes = [line for line in done.stderr.splitlines() if "there is no interface" in line]
    assert notes == [
        "note: LAN nolan0: there is no interface nolan0 on this machine now; it is used as soon as it appears",
        "note: uplink nowan0: there is no interface nowan0 on this machine now; it is used as soon as it appears",
    ]
    assert done.returncode == 0
    assert done.stdout.startswith(f"{path}: ")
