"""LAN service plugins: started with their first LAN, stopped with their last."""

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from icsframework.errors import PluginError, PortTaken
from icsframework.gateway.services import LanServices
from icsframework.patience import PATIENCE
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.lan import ScriptedConfig, ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.values import Lan

HOME = Lan("home", "eth1", 3, "02:00:00:00:00:01", IPv4Interface("192.168.0.1/24"))
ATTIC = Lan("attic", "eth2", 4, "02:00:00:00:00:02", IPv4Interface("192.168.1.1/24"))
GREY = ScriptedConfig()


class View(FakeGateway):
    """A view that notes its release."""

    released = False

    def release(self) -> None:
        """Note it."""
        self.released = True


@pytest.fixture
def factory() -> ScriptedLanFactory:
    """The plugin."""
    return ScriptedLanFactory()


@pytest.fixture
def views() -> list[View]:
    """The views that were made."""
    return []


@pytest.fixture
def services(factory: ScriptedLanFactory, views: list[View]) -> LanServices:
    """Services with one plugin, ``scripted``."""

    def view(owner: str) -> Any:
        views.append(View(owner))
        return views[-1]

    return LanServices(FixedRegistry({("lan_service", "scripted"): factory}), view)


def test_one_object_serves_all_lans(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """The first LAN starts it, the last one stops it and releases its view."""
    services.serve("scripted", HOME, GREY)
    services.serve("scripted", ATTIC, GREY)
    services.withdraw("scripted", "home")
    assert not views[0].released
    services.withdraw("scripted", "attic")
    assert factory.calls == [
        "start",
        "serve home 192.168.0.1/24 grey",
        "serve attic 192.168.1.1/24 grey",
        "withdraw home",
        "withdraw attic",
        "stop",
    ]
    assert [view.released for view in views] == [True]


def test_one_that_is_prepared_is_started_when_it_serves(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """It is made once, however often it is prepared, and nothing else happens before the first LAN."""
    services.prepare("scripted")
    services.prepare("scripted")
    assert (factory.calls, len(views)) == ([], 1)
    services.serve("scripted", HOME, GREY)
    services.prepare("scripted")
    assert (factory.calls, len(views)) == (["start", "serve home 192.168.0.1/24 grey"], 1)


def test_one_that_is_prepared_and_never_served_is_released(services: LanServices, views: list[View]) -> None:
    """What it has acquired does not outlive the gateway."""
    services.prepare("scripted")
    services.stop()
    assert [view.released for view in views] == [True]
    with pytest.raises(PluginError):
        services.prepare("unknown")


def test_new_settings_go_to_the_running_object(services: LanServices, factory: ScriptedLanFactory) -> None:
    """``serve`` again is how a LAN's settings change, without a stop."""
    services.serve("scripted", HOME, GREY)
    services.serve("scripted", HOME, ScriptedConfig(colour="red"))
    assert factory.calls == ["start", "serve home 192.168.0.1/24 grey", "serve home 192.168.0.1/24 red"]


def test_a_lan_that_is_served_so_already_is_left_alone(
    services: LanServices, factory: ScriptedLanFactory
) -> None:
    """Until something of it is different, or the plugin failed at it."""
    for colour in ("red", "red", "blue"):
        services.serve("scripted", HOME, ScriptedConfig(colour=colour))
    assert factory.calls == ["start", "serve home 192.168.0.1/24 red", "serve home 192.168.0.1/24 blue"]
    assert factory.made is not None
    factory.made.serve_error = PortTaken("no")
    services.serve("scripted", HOME, ScriptedConfig(colour="red")).addErrback(lambda _: None)
    factory.made.serve_error = None
    services.serve("scripted", HOME, ScriptedConfig(colour="blue"))
    assert factory.calls[3:] == ["serve home 192.168.0.1/24 red", "serve home 192.168.0.1/24 blue"]


def test_a_lan_is_withdrawn_as_it_was_served_last(services: LanServices, factory: ScriptedLanFactory) -> None:
    """After it was renumbered the plugin is given the address that it knows now."""
    services.serve("scripted", HOME, GREY)
    assert factory.made is not None
    withdrawn: list[Lan] = []

    def withdraw(lan: Lan) -> Any:
        withdrawn.append(lan)

    factory.made.withdraw = withdraw  # type: ignore[method-assign]
    renumbered = replace(HOME, address=IPv4Interface("192.168.5.1/24"))
    services.serve("scripted", renumbered, GREY)
    services.withdraw("scripted", "home")
    assert withdrawn == [renumbered]


def test_a_service_that_cannot_serve_leaves_nothing(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """The error comes through, and the plugin that serves nobody is stopped."""
    factory.serve_error = PortTaken("port 67 is taken by dnsmasq (pid 12)")
    errors: list[Any] = []
    services.serve("scripted", HOME, GREY).addErrback(lambda failure: errors.append(str(failure.value)))
    assert errors == ["port 67 is taken by dnsmasq (pid 12)"]
    assert factory.calls[-2:] == ["withdraw home", "stop"]
    assert views[0].released


def test_new_settings_that_fail_keep_the_old_service(
    services: LanServices, factory: ScriptedLanFactory
) -> None:
    """A LAN that was served goes on being served when a change is refused."""
    services.serve("scripted", HOME, GREY)
    assert factory.made is not None
    factory.made.serve_error = PortTaken("no")
    services.serve("scripted", HOME, ScriptedConfig(colour="red")).addErrback(lambda failure: None)
    assert factory.calls[-1] == "serve home 192.168.0.1/24 red"


def test_stop_ends_all_even_if_one_plugin_fails(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """A plugin that raises while it withdraws does not keep anything alive."""
    services.serve("scripted", HOME, GREY)
    assert factory.made is not None

    def broken(lan: Lan) -> Any:
        raise RuntimeError("bug")

    factory.made.withdraw = broken  # type: ignore[method-assign]
    services.stop()
    assert factory.calls[-1] == "stop"
    assert views[0].released


def raising(*_: Any) -> Any:
    """A defect."""
    raise RuntimeError("bug")


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (
            "serve",
            "LAN service plugin 'scripted' failed (serve home): RuntimeError: bug; the log has the details",
        ),
        (
            "startService",
            "LAN service plugin 'scripted' failed (start): RuntimeError: bug; the log has the details",
        ),
    ],
)
def test_a_defect_names_its_plugin(
    services: LanServices, factory: ScriptedLanFactory, views: list[View], method: str, words: str
) -> None:
    """Whatever it raises while it starts or serves, the error says who, and nothing of it is left."""
    services.prepare("scripted")
    setattr(factory.made, method, raising)
    errors: list[Any] = []
    services.serve("scripted", HOME, GREY).addErrback(lambda failure: errors.append(failure.value))
    assert [(type(error), str(error)) for error in errors] == [(PluginError, words)]
    assert (factory.calls[-2:], views[0].released) == (["withdraw home", "stop"], True)
    services.serve("scripted", HOME, GREY)
    assert factory.calls[-2:] == ["start", "serve home 192.168.0.1/24 grey"]


def test_a_plugin_that_cannot_be_created_is_named(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """Its view is released, and the next try creates it anew."""
    factory.create = raising  # type: ignore[method-assign]
    with pytest.raises(
        PluginError, match="LAN service plugin 'scripted' cannot be created: RuntimeError: bug;"
    ):
        services.prepare("scripted")
    factory.create = lambda gateway: object()  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(PluginError, match="created an object that does not keep its contract"):
        services.prepare("scripted")
    assert [view.released for view in views] == [True, True]


def test_a_plugin_that_was_made_and_never_needed_is_released(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """Its LAN never appeared: there is nothing to stop."""
    services.prepare("scripted")
    services.prepare("scripted")
    services.stop()
    assert (factory.calls, [view.released for view in views]) == ([], [True])


def test_a_plugin_that_never_answers_does_not_stop_the_stop(
    services: LanServices, factory: ScriptedLanFactory, views: list[View]
) -> None:
    """Each call has its time."""
    services.serve("scripted", HOME, GREY)
    assert factory.made is not None
    factory.made.withdraw = lambda lan: Deferred()  # type: ignore[method-assign]
    done: list[Any] = []
    services.stop().addCallback(done.append)
    assert done == []
    views[0].advance(PATIENCE)
    assert (done, factory.calls[-1], views[0].released) == ([None], "stop", True)


def test_a_missing_plugin_is_named(services: LanServices) -> None:
    """The sentence of the registry comes through."""
    errors: list[Any] = []
    services.serve("scripts", HOME, GREY).addErrback(lambda failure: errors.append(failure.value))
    assert isinstance(errors[0], PluginError)
    assert "did you mean 'scripted'?" in str(errors[0])
