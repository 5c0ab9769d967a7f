"""The contract of an uplink: says what it is, connects when asked, and ends from anywhere without a trace."""

from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

from icsframework.errors import IcsError, PortTaken, UplinkFailed
from icsframework.interfaces import IUplink
from icsframework.testing.contract_life import QUIET, attempt, check_life, check_reconfigure, created, whole
from icsframework.testing.stage import ContractBroken, Stage
from icsframework.values import Absent, Cause, Down, Link, UplinkSettings, UplinkState

__all__ = ["check_uplink"]

CAUSE = Cause("manual")
DELAY = 0.5
"""Seconds that host and store take where a test stops in the midst of it."""
MOMENTS = (0.0, 0.25, 0.75, 1.25, 1.75, 5.0)
"""Seconds after ``connect`` at which it is ended."""
OPENINGS = (
    "interface",
    "bind_udp",
    "listen",
    "open_packet",
    "open_tun",
    "open_serial",
    "connect",
    "neighbour_in_use",
)
GONE = Link("gone0", 4242, None, "ethernet", "kernel", 1500, False, 0.0, None)
"""A link from before, of whose interface nothing is left."""


class _Trial:
    """One uplink on one stage, and what it reported."""

    def __init__(self, factory: Any, settings: UplinkSettings, stage: Stage) -> None:
        self.stage, self.settings = stage, settings
        self.states: list[UplinkState] = []
        self._make: Callable[[Stage], Any] = lambda stage: factory.create(
            settings, stage.gateway, self.states.append
        )

    def life(self) -> None:
        check_life(self.stage, self._make, IUplink)

    def start(self) -> Any:
        self.uplink = created(self.stage, self._make, IUplink)
        if self.states:
            raise ContractBroken(f"create must not report anything; it says {self.states[0]}")
        self.uplink.startService()
        self.stage.wait(3 * DELAY)
        if not self.states or not isinstance(self.states[0], Absent | Down):
            raise ContractBroken(f"after the start it must report Absent or Down, not {self.states[:1]}")
        return self.uplink

    @property
    def state(self) -> UplinkState:
        return self.states[-1]

    def ended(self, connecting: Any, how: str) -> None:
        """A connect that was ended meanwhile tells those who wait for it."""
        answer = attempt(self.stage, connecting, f"connect, ended by {how}")
        if not isinstance(answer, UplinkFailed | Link):
            raise ContractBroken(f"connect, ended by {how}, must fail with UplinkFailed, not {answer!r}")

    def stop(self, after: str) -> None:
        self.stage.stop(self.uplink)
        self.stage.expect(Counter(), f"stopService {after}")
        said = len(self.states)
        self.stage.wait(QUIET)
        self.stage.expect(Counter(), f"time after stopService {after}")
        if self.states[said:]:
            raise ContractBroken(f"long after stopService it reports {self.states[said]}")
        strange = [state for state in self.states if not isinstance(state, get_args(UplinkState))]
        if strange:
            raise ContractBroken(f"{strange[0]!r} is nothing that an uplink may report")


def check_uplink(factory: Any, config: Any, interface: str = "") -> None:
    """Everything that interfaces.py says of an IUplink; ``interface`` is the one that the example names, or ""."""
    settings = UplinkSettings("example", interface or "eth0", config, mark=0x00010000)
    for interfaces in ((), ("eth0", settings.interface)):
        with whole(Stage(interfaces)) as stage:
            _Trial(factory, settings, stage).life()
        with whole(Stage(interfaces)) as stage:
            _check_idle(_Trial(factory, settings, stage))
    for end in (_stop, _disconnect, _pull):
        for moment in MOMENTS:
            with whole(Stage(("eth0", settings.interface), DELAY)) as stage:
                _check_end(_Trial(factory, settings, stage), end, moment)
    for method in OPENINGS:
        with whole(Stage(("eth0", settings.interface))) as stage:
            _check_refused(_Trial(factory, settings, stage), method)


def _check_idle(trial: _Trial) -> None:
    """Asked in vain, told to go down when it is, shown a link that is none of its own, given other settings."""
    uplink, stage = trial.start(), trial.stage
    idle = stage.held(journals=False)
    stage.result(uplink.disconnect("a test"), "disconnect while down")
    stage.expect(idle, "disconnect while down", journals=False)
    if isinstance(trial.state, Absent):
        answer = attempt(stage, uplink.connect(CAUSE), "connect while Absent")
        if not isinstance(answer, UplinkFailed):
            raise ContractBroken(f"connect while Absent must fail with UplinkFailed, not {answer!r}")
        if not trial.state.reason:
            raise ContractBroken("Absent must name the device in its reason")
    adopted = attempt(stage, uplink.adopt(GONE), "adopt")
    if adopted is not None:
        raise ContractBroken(f"adopt of a link whose interface is gone must answer None, not {adopted!r}")
    check_reconfigure(stage, uplink, trial.settings)
    trial.stop("while down")


def _check_end(trial: _Trial, end: Callable[[_Trial], str], moment: float) -> None:
    """Two ask for the Internet; at any moment it is over, and nothing remembers."""
    uplink, stage = trial.start(), trial.stage
    idle = stage.held(journals=False)
    asked = [uplink.connect(CAUSE), uplink.connect(CAUSE)]
    stage.wait(moment)
    how = end(trial)
    for connecting in asked:
        trial.ended(connecting, how)
    stage.wait(10 * DELAY)
    if end is _stop:
        stage.expect(Counter(), f"{how} {moment} s after connect")
    else:
        stage.expect(idle, f"{how} {moment} s after connect", journals=False)
        trial.stop(f"after {how}")


def _stop(trial: _Trial) -> str:
    trial.stage.stop(trial.uplink)
    return "stopService"


def _disconnect(trial: _Trial) -> str:
    trial.stage.result(trial.uplink.disconnect("a test"), "disconnect")
    if not isinstance(trial.state, Absent | Down):
        raise ContractBroken(f"after disconnect it must be Down, not {trial.state}")
    return "disconnect"


def _pull(trial: _Trial) -> str:
    trial.stage.gateway.host.set_interface(trial.settings.interface, None)
    trial.stage.wait(30.0)
    trial.stage.result(trial.uplink.disconnect("a test"), "disconnect without the device")
    return "losing its device"


def _check_refused(trial: _Trial, method: str) -> None:
    """What the host refuses fails the connect with an error for people, or does not matter."""
    uplink, stage = trial.start(), trial.stage
    stage.gateway.host.fail[method] = PortTaken(f"{method} is refused by the test.")
    connecting = uplink.connect(CAUSE)
    stage.wait(5.0)
    stage.result(uplink.disconnect("a test"), "disconnect")
    answer = attempt(stage, connecting, f"connect, with {method} refused")
    if isinstance(answer, IcsError) and not isinstance(answer, UplinkFailed):
        raise ContractBroken(f"connect must fail with UplinkFailed, not {answer!r}")
    trial.stop(f"after {method} was refused")
