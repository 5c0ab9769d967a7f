"""``ics connect`` against the real server with a scripted gateway behind it."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from icsframework.control.client import ApiError, Client
from icsframework.control.connect import Terminal, connect
from icsframework.control.rights import Caller, Right
from icsframework.control.server import serve
from icsframework.errors import UplinkFailed
from icsframework.status import Instant, UplinkStatus
from icsframework.testing.control import ScriptedControl
from icsframework.testing.gateway import FakeClock, FakeEvents

MODEM = UplinkStatus(
    "modem", "dialup", "manual", "down", None, False, None, (), (), None, True, None, None, None, None, 0, 0
)


class Screen(Terminal):
    """A terminal of so many columns, or a file."""

    def __init__(self, columns: int | None) -> None:
        super().__init__(io.StringIO())
        self.text = ""
        self._columns = columns

    @property
    def columns(self) -> int | None:
        """See Terminal."""
        return self._columns

    def write(self, text: str) -> None:
        """See Terminal."""
        self.text += text


class Bench:
    """A served gateway with a modem, and the command at work in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path / "control.sock"
        self.control = ScriptedControl()
        self.control.uplinks = (MODEM, replace(MODEM, name="other"))
        self.events = FakeEvents("uplinks", FakeClock())
        self.now = 100.0
        self.screen = Screen(None)
        log = Logger()
        caller = Caller("somebody", Right.OPERATE)
        self.port = serve(reactor, self.path, self.control, self.events, log, lambda _: caller)

    def start(self, uplink: str | None = None, override: bool = False) -> Deferred[None]:
        """Run the command; fires when it is over."""
        client = Client(str(self.path))
        return deferToThread(connect, client, uplink, self.screen, lambda: self.now, override)

    async def dialling(self, uplink: str | None = None) -> tuple[Deferred[None], Deferred[Any]]:
        """Run it until the gateway has been asked; the command, and what it waits for."""
        waiting: Deferred[Any] = Deferred()
        self.control.waiting = waiting
        running = self.start(uplink)
        await until(lambda: bool(self.control.calls))
        return running, waiting

    async def stage(self, stage: str, seconds: float = 0.0, event: str = "uplink.stage") -> None:
        """The gateway tells of a stage, so much later; returns when it is shown."""
        self.now += seconds
        self.events.emit(event, uplink="modem", stage=stage)
        await until(lambda: stage in self.screen.text)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread or process does."""
    for _ in range(2000):
        if true():
            return
        await deferLater(reactor, 0.005)
    raise AssertionError("that has not happened within 10 s")


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """See Bench."""
    made = Bench(tmp_path)
    yield made
    pytest_twisted.blockon(made.port.stopListening())


@pytest_twisted.ensureDeferred
async def test_stages_as_lines(bench: Bench) -> None:
    """Of this uplink only, each as it begins, then the addresses; without a name it is the preferred one."""
    running, waiting = await bench.dialling()
    await bench.stage("starting", event="uplink.connecting")
    bench.events.emit("uplink.stage", uplink="other", stage="something else")
    await bench.stage("calling 123", 2.0)
    bench.now += 20
    bench.events.emit("uplink.up", uplink="modem")
    waiting.callback(bench.control.link)
    await running
    assert bench.control.calls == ["connect None command"]
    assert bench.screen.text == (
        "    0.0 s  modem: starting\n    2.0 s  modem: calling 123\nup:  on eth0 (22.0 s)\n"
    )


@pytest_twisted.ensureDeferred
async def test_whatever_the_limits_say(bench: Bench) -> None:
    """The gateway knows of it, and is asked so."""
    await bench.start("modem", override=True)
    assert bench.control.calls == ["connect modem command, override whatever"]


@pytest_twisted.ensureDeferred
async def test_one_line_on_a_terminal_goes_on_by_itself(bench: Bench) -> None:
    """Its seconds are written anew while nothing happens; no escape code, one line in the end."""
    bench.screen = Screen(80)
    running, waiting = await bench.dialling("modem")
    await bench.stage("calling 123")
    bench.now += 7
    await until(lambda: "calling 123 7 s" in bench.screen.text)
    bench.events.emit("uplink.up", uplink="modem")
    waiting.callback(bench.control.link)
    await running
    assert bench.screen.text.count("\n") == 1
    assert bench.screen.text.endswith("\rup:  on eth0 (7.0 s)  \n")
    assert "\x1b" not in bench.screen.text


@pytest_twisted.ensureDeferred
async def test_the_reason_of_a_failure(bench: Bench) -> None:
    """The stage that it came to stays on the terminal, the reason is raised for the caller with its exit status."""
    bench.screen = Screen(80)
    running, waiting = await bench.dialling("modem")
    await bench.stage("authenticating")
    bench.events.emit("uplink.failed", uplink="modem", reason="wrong password")
    waiting.errback(UplinkFailed("wrong password"))
    with pytest.raises(ApiError, match="wrong password") as caught:
        await running
    assert caught.value.exit_status == 1
    assert bench.screen.text.endswith("\rmodem: authenticating 0 s\n")


@pytest_twisted.ensureDeferred
async def test_the_last_stage_is_shown_though_the_answer_is_faster(bench: Bench) -> None:
    """The answer comes by another connection than the events; the command waits for the one that says the same."""
    running, waiting = await bench.dialling("modem")
    await bench.stage("calling 123")
    waiting.callback(bench.control.link)
    await deferLater(reactor, 0.1)
    assert not running.called
    await bench.stage("configuring")
    bench.events.emit("uplink.up", uplink="modem")
    await running
    assert "configuring" in bench.screen.text


@pytest_twisted.ensureDeferred
async def test_a_second_command_joins(bench: Bench) -> None:
    """It begins with the stage that the uplink is at, and its time."""
    then = {"since": Instant(0.0), "stage_since": Instant(8.0)}
    bench.control.uplinks = (replace(MODEM, state="connecting", stage="calling 123", **then),)
    running, waiting = await bench.dialling("modem")
    await until(lambda: "calling 123" in bench.screen.text)
    await bench.stage("authenticating")
    bench.events.emit("uplink.up", uplink="modem")
    waiting.callback(bench.control.link)
    await running
    lines = bench.screen.text.splitlines()
    assert lines[0] == "    8.0 s  modem: calling 123"
    assert float(lines[1].split()[0]) > 1e9  # since 1970, as the gateway says


@pytest_twisted.ensureDeferred
async def test_what_is_up_already_is_only_said(bench: Bench) -> None:
    """At once."""
    await bench.start("modem")
    assert bench.screen.text == "up:  on eth0\n"


@pytest_twisted.ensureDeferred
async def test_an_uplink_that_is_not_there(bench: Bench) -> None:
    """What the gateway says of it."""
    bench.control.error = UplinkFailed("there is no uplink 'x'")
    with pytest.raises(ApiError, match="there is no uplink"):
        await bench.start("x")
    assert bench.screen.text == ""


@pytest_twisted.ensureDeferred
async def test_interrupted_it_leaves_the_gateway_connecting(bench: Bench) -> None:
    """Ctrl-C ends the command with 130 and says what goes on and how to end it; nobody hangs up."""
    bench.control.waiting = Deferred()
    process = subprocess.Popen(
        [sys.executable, "-m", "icsframework.cli", "--socket", str(bench.path), "connect"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        await until(lambda: bool(bench.control.calls))
        bench.events.emit("uplink.connecting", uplink="modem", stage="starting")
        assert process.stdout is not None
        line = await deferToThread(process.stdout.readline)
        process.send_signal(signal.SIGINT)
        out, err = await deferToThread(process.communicate, timeout=20)
    assert (line, out) == ("    0.0 s  modem: starting\n", "")
    assert (process.returncode, err) == (
        130,
        "ics: the gateway goes on connecting modem; ics disconnect modem ends it\n",
    )
    assert bench.control.calls == ["connect None command"]


def test_a_file_is_no_terminal(tmp_path: Path) -> None:
    """It has no columns, and gets what is written at once."""
    with (tmp_path / "out").open("w") as out:
        terminal = Terminal(out)
        terminal.write("x\n")
        assert (terminal.columns, (tmp_path / "out").read_text()) == (None, "x\n")


def test_a_terminal_without_a_size() -> None:
    """It counts as one of 80 columns."""
    master, slave = os.openpty()
    with os.fdopen(master), os.fdopen(slave, "w") as out:
        assert Terminal(out).columns == 80
