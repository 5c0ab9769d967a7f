"""A stranger's helper that never answers is given up, by name; whatever it answered, nothing of it is left."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from icsframework.config.helpers import HelperSection
from icsframework.gateway.helpers import Helpers
from icsframework.patience import PATIENCE
from icsframework.registry import PluginEntry
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.helper import (
    ScriptedHelper,
    ScriptedHelperConfig,
    ScriptedHelperFactory,
    ScriptedShells,
)
from icsframework.testing.registry import FixedRegistry
from icsframework.values import StreamProxy, SystemInfo

SECTION = HelperSection(plugin="acme", name="one").model_copy(update={"own": ScriptedHelperConfig()})


class Silent(ScriptedHelper):
    """``startService`` or ``stopService`` answers with a Deferred that never fires."""

    silent = ""

    def startService(self) -> Any:
        """See IPlugin."""
        super().startService()
        return Deferred() if self.silent == "start" else None

    def stopService(self) -> Deferred[None]:
        """See IPlugin."""
        done = super().stopService()
        return Deferred() if self.silent == "stop" else done


class SilentFactory(ScriptedHelperFactory):
    """Makes them."""

    silent = ""

    def create(self, config: Any, gateway: Any) -> ScriptedHelper:
        """See INatHelperFactory."""
        self.note("create")
        made = Silent(self, config, gateway)
        made.silent = self.silent
        return made


class Acme(FixedRegistry):
    """As if the factory were installed."""

    def __init__(self, factory: Any) -> None:
        super().__init__({("nat_helper", "acme"): factory})
        self._entries = (PluginEntry("nat_helper", "acme", "acme:factory", "acme-broken", "0.9"),)


class View(FakeGateway):
    """A view that notes its release."""

    released = False

    def release(self) -> None:
        """Note it."""
        self.released = True


class Bench:
    """Helpers on fakes, with one view for all."""

    def __init__(self) -> None:
        self.factory, self.shells, self.view = SilentFactory(), ScriptedShells(), View("helper.one")
        self.factory.wants = [StreamProxy((7000,), lambda flow: None)]
        self.helpers = Helpers(
            Acme(self.factory),
            lambda owner: self.view,  # type: ignore[arg-type,return-value]
            self.shells,  # type: ignore[arg-type]
            lambda names: succeed(dict.fromkeys(names, "")),
            SystemInfo(True, "6.1", lambda name: None),
            lambda: (),
            FakeEvents("helpers", FakeClock()),
        )


@pytest.fixture
def bench() -> Bench:
    """See Bench."""
    return Bench()


def said(done: Deferred[Any]) -> list[str]:
    """Gets the error of ``done``, or "", when it fires."""
    words: list[str] = []
    done.addCallbacks(lambda _: words.append(""), lambda failure: words.append(str(failure.value)))
    return words


def test_a_start_that_never_ends_is_refused(bench: Bench) -> None:
    """With plugin and distribution; its listener was never opened, its view is released."""
    bench.factory.silent = "start"
    words = said(bench.helpers.start(SECTION))
    bench.view.advance(PATIENCE - 1)
    assert words == []
    bench.view.advance(1)
    assert words == [
        "helper one: start of NAT helper plugin 'acme' of acme-broken 0.9 did not end within 20 s; "
        "restart it, and tell its author"
    ]
    assert bench.shells.made == []
    assert bench.view.released
    assert bench.helpers.running == {}


def test_a_stop_that_never_ends_holds_nobody_up(bench: Bench) -> None:
    """The listener is closed at once, the gateway waits its patience and goes on."""
    bench.factory.silent = "stop"
    assert said(bench.helpers.start(SECTION)) == [""]
    words = said(bench.helpers.stop_all())
    assert not bench.shells.made[0].running
    bench.view.advance(PATIENCE)
    assert words == [""]
    assert bench.view.released
