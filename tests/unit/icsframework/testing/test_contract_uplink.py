"""Each way in which an uplink can break its contract is named."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from icsframework.errors import UplinkFailed
from icsframework.testing.contract_uplink import check_uplink
from icsframework.testing.stage import ContractBroken
from icsframework.testing.uplink import ScriptedUplink, ScriptedUplinkConfig, ScriptedUplinkFactory
from icsframework.values import Absent, Connecting, Cooling, Down


def checked(uplink):
    """The sentence with which a factory of this uplink is refused, or ""."""

    class Factory(ScriptedUplinkFactory):
        def create(self, config, gateway, observer):
            return uplink(config, gateway, observer)

    try:
        check_uplink(Factory(), ScriptedUplinkConfig(), "wan0")
    except ContractBroken as refused:
        return str(refused)
    return ""


class Good(ScriptedUplink):
    """Waits for ever to be connected, and ends cleanly; the others below get one thing wrong."""

    gone = "wan0 is not here"

    def __init__(self, settings, gateway, observer):
        super().__init__(observer)
        self.settings, self.gateway = settings, gateway
        self.waiting, self.state, self.timer, self.unwatch = [], None, None, None

    def say(self, state):
        self.state = state
        self.report(state)

    def startService(self):
        self.unwatch = self.gateway.host.watch_interface(self.settings.interface, self.seen)

    def seen(self, info):
        self.end(self.gone, Absent(self.gone) if info is None else Down())

    def connect(self, cause):
        if isinstance(self.state, Absent):
            return fail(UplinkFailed(self.state.reason))
        if self.timer is None:
            self.say(Connecting("dialling"))
            self.timer = self.gateway.clock.call_later(90, self.end, "no answer", Down())
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def end(self, why, state):
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = None
        self.say(state)
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.errback(UplinkFailed(why))

    def disconnect(self, reason):
        if not isinstance(self.state, Absent):
            self.end(reason, Down(reason))
        return succeed(None)

    def stopService(self):
        self.unwatch()
        self.end("stopped", Down())
        return succeed(None)


class Talkative(Good):
    """Reports before it is started."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.say(Down())


class Silent(Good):
    """Reports nothing at its start."""

    def seen(self, info):
        self.state = Absent(self.gone) if info is None else Down()


class Hasty(Good):
    """Connects by itself."""

    def seen(self, info):
        self.say(Connecting("dialling"))


class Nameless(Good):
    gone = ""


class Optimist(Good):
    """Tries without a device."""

    def connect(self, cause):
        return succeed(None)


class Adopting(Good):
    """Takes any link for its own."""

    def adopt(self, saved):
        return succeed(saved)


class Ticking(Good):
    """Leaves its timer."""

    def end(self, why, state):
        self.timer = None
        super().end(why, state)


class Deaf(Good):
    """Leaves those who wait in the dark."""

    def end(self, why, state):
        self.waiting = []
        super().end(why, state)


class Stubborn(Good):
    """Does not say that it is down."""

    def disconnect(self, reason):
        return succeed(None)


class Undead(Good):
    """Speaks after its end."""

    def stopService(self):
        super().stopService()
        self.gateway.clock.clock.callLater(60, self.say, Down())
        self.gateway.host.probing.extend(
            self.gateway.clock.clock.getDelayedCalls()
        )  # hides it from the account
        return succeed(None)


class Policy(Good):
    """Says what only the policy may say."""

    def stopService(self):
        self.say(Cooling("later", 9.0))
        return super().stopService()


def test_a_good_uplink_is_accepted():
    """Absent, down, connecting and ended at any moment: nothing to say."""
    assert checked(Good) == ""


@pytest.mark.parametrize(
    ("uplink", "sentence"),
    [
        (Talkative, "create must not report anything; it says Down"),
        (Silent, "after the start it must report Absent or Down, not []"),
        (Hasty, "after the start it must report Absent or Down, not [Connecting"),
        (Nameless, "Absent must name the device in its reason"),
        (Optimist, "connect while Absent must fail with UplinkFailed, not None"),
        (Adopting, "adopt of a link whose interface is gone must answer None"),
        (Ticking, "stopService 0.0 s after connect leaves timer of Ticking.end"),
        (Deaf, "the Deferred of connect, ended by stopService never fires"),
        (Stubborn, "after disconnect it must be Down, not Connecting"),
        (Undead, "long after stopService it reports Down"),
        (Policy, "is nothing that an uplink may report"),
    ],
)
def test_a_fault_is_named(uplink, sentence):
    """Each with what is wrong, and when."""
    assert sentence in checked(uplink)
