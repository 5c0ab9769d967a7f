"""A change that fails leaves what was in force in force, whole, whichever step fails and however."""

import gc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred

from icsframework.errors import HostError, IcsError, NftError, PortTaken, StoreError
from icsframework.patience import PATIENCE
from icsframework.values import Down, InterfaceInfo, RestartMe, Up

NEW = """
lans:
  - {name: home, interface: eth1, services: [{plugin: service, colour: blue}], address: 192.168.7.1/24}
uplinks:
  - {name: cable, plugin: uplink, interface: eth0, colour: blue}
  - {name: dsl, plugin: uplink, interface: eth2}
"""


@pytest.fixture
def bench(stand: Any, tmp_path: Path) -> Any:
    """The whole gateway on a machine in memory, not started."""
    return stand.Bench(tmp_path)


def outcome(bench: Any) -> Any:
    """Reload; the words or the error."""
    got: list[Any] = []
    bench.gateway.reload().addCallbacks(got.append, lambda failure: got.append(failure.value))
    [one] = got
    return one


def whole(bench: Any) -> Any:
    """Everything that is to be as before."""
    gateway = bench.gateway
    return (
        bench.machine.everything(),
        bench.tables.loaded[-1],
        gateway.config,
        dict(gateway.uplinks.sections),
        {name: (state.section, state.served) for name, state in gateway.lans.states.items()},
        [(runner.spec.name, runner.announced) for runner in gateway.supervisor.runners()],
        {name: gateway.uplinks.indices[name] for name in gateway.uplinks.sections},
    )


def boom(*_: Any, **__: Any) -> Any:
    """A stranger's defect."""
    raise RuntimeError("boom")


@pytest.fixture
def running(bench: Any, stand: Any) -> Any:
    """A gateway that serves, with its first uplink up."""
    bench.start()
    bench.plugins.made["cable"].report(Up(stand.link("eth0", "203.0.113.5/24")))
    bench.write(NEW)
    return bench


def serve_fails(bench: Any, error: Exception) -> None:
    made = bench.services.made
    serve = made.serve

    def blue_fails(lan: Any, config: Any) -> Any:
        return fail(error) if config.colour == "blue" else serve(lan, config)

    made.serve = blue_fails


def reconfigure_raises(bench: Any) -> None:
    made = bench.plugins.made["cable"]

    def once(new: Any) -> Any:
        del made.reconfigure
        raise RuntimeError("boom")

    made.reconfigure = once


def create_raises(bench: Any) -> None:
    create = bench.plugins.create

    def without_dsl(config: Any, gateway: Any, observer: Any) -> Any:
        return boom() if config.name == "dsl" else create(config, gateway, observer)

    bench.plugins.create = without_dsl


def nft_refuses(bench: Any) -> None:
    publish = bench.tables.publish

    def refuse(table: object) -> Any:
        del bench.tables.publish
        return fail(NftError("nft refused the rules"))

    assert publish
    bench.tables.publish = refuse


def netlink_refuses(bench: Any) -> None:
    bench.machine.fail_on("192.168.7.1", HostError("the kernel refused"))


def record_refused(bench: Any) -> None:
    """before.json cannot be written when something new is to be changed."""
    save = bench.before.save

    def refuse(owned: Any) -> None:
        bench.before.save = save
        raise StoreError("no space")

    bench.before.save = refuse


def out_of_descriptors(bench: Any) -> None:
    apply = bench.machine.apply

    def refuse(change: Any) -> None:
        bench.machine.apply = apply
        raise OSError(24, "Too many open files")

    bench.machine.apply = refuse


FAULTS = {
    "serve fails": (lambda bench: serve_fails(bench, PortTaken("taken")), "taken"),
    "serve has a defect": (lambda bench: serve_fails(bench, RuntimeError("boom")), "boom"),
    "reconfigure raises": (reconfigure_raises, "boom"),
    "create raises": (create_raises, "boom"),
    "nft refuses": (nft_refuses, "nft refused the rules"),
    "netlink refuses": (netlink_refuses, "the kernel refused"),
    "before.json refused": (record_refused, "no space"),
    "out of descriptors": (out_of_descriptors, "Too many open files"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_at_any_step_keeps_the_old_state_whole(running: Any, fault: str) -> None:
    """Machine, packet filter, LANs, uplinks, marks and configuration; the reason is told, and the next try succeeds."""
    before, plugin = whole(running), running.plugins.made["cable"]
    inject, words = FAULTS[fault]
    inject(running)
    error = outcome(running)
    assert isinstance(error, IcsError), error
    assert words in str(error)
    assert "Going back failed" not in str(error)
    assert whole(running) == before
    assert running.plugins.made["cable"] is plugin
    assert [event.id for event in running.events if event.id.startswith("gateway.reload")] == [
        "gateway.reload_failed"
    ]
    assert running.services.calls[-1] == "serve home 192.168.0.1/24 red" or fault != "serve fails"


def test_after_a_failure_the_next_reload_succeeds(running: Any) -> None:
    """Nothing of the failed one is left in the way."""
    nft_refuses(running)
    assert isinstance(outcome(running), NftError)
    assert (
        outcome(running) == "uplink modem removed; LAN home changed; uplink cable changed; uplink dsl added"
    )
    assert running.services.calls[-1] == "serve home 192.168.7.1/24 blue"


def test_what_was_not_reached_is_not_touched_on_the_way_back(bench: Any) -> None:
    """The first step fails: the plugins of later steps hear nothing at all."""
    bench.start()
    heard: list[Any] = []
    bench.plugins.made["cable"].reconfigure = heard.append
    made = bench.services.made
    made.serve_error = PortTaken("no")
    bench.write(NEW.replace("dsl", "modem"))
    made.serve = lambda lan, config: fail(PortTaken("no")) if config.colour == "blue" else boom()
    bench.gateway.reload().addErrback(lambda _: None)
    assert heard == []


def test_a_way_back_that_fails_too_is_told_and_goes_as_far_as_it_can(running: Any) -> None:
    """Both reasons, and what could be put back is."""
    running.services.made.serve = lambda lan, config: fail(PortTaken("taken for good"))
    running.gateway.lans.states["home"].section  # noqa: B018 - it is there
    error = outcome(running)
    assert str(error).count("taken for good") == 2
    assert "Going back failed as well: LAN home changed: " in str(error)
    assert running.gateway.config.lans[0].address.ip.exploded == "192.168.0.1"
    assert [runner.spec.name for runner in running.gateway.supervisor.runners()] == ["cable", "modem"]


def test_untouched_parts_are_the_same_objects(running: Any) -> None:
    """A reload that changes one part leaves plugins, sockets and links of the others alone; one that can, takes its new
    settings without a restart.
    """
    cable, service = running.plugins.made["cable"], running.services.made
    announced = running.gateway.supervisor.runner("cable").announced
    running.write(NEW.replace("blue", "red", 1).replace("address: 192.168.7.1/24", "address: 192.168.0.1/24"))
    calls = list(running.services.calls)
    assert outcome(running) == "uplink modem removed; uplink cable changed; uplink dsl added"
    assert running.plugins.made["cable"] is cable
    assert running.services.made is service
    assert running.services.calls == calls
    assert cable.calls == ["always"]
    assert running.gateway.supervisor.runner("cable").announced is announced


def test_a_plugin_that_wants_a_restart_gets_it(running: Any) -> None:
    """It is stopped and made anew, and keeps its place and its mark."""
    cable, indices = running.plugins.made["cable"], running.gateway.uplinks.indices["cable"]
    cable.reconfigure = lambda new: RestartMe()
    assert "uplink cable changed" in outcome(running)
    anew = running.plugins.made["cable"]
    assert anew is not cable
    anew.report(Down())
    assert anew.calls == ["always"]
    assert [runner.spec.name for runner in running.gateway.supervisor.runners()] == ["cable", "dsl"]
    assert running.gateway.uplinks.indices["cable"] == indices


def test_a_service_that_failed_is_tried_again_by_a_reload(running: Any, stand: Any) -> None:
    """The port is free now: the same file serves the LAN, and says so; then there is nothing to do."""
    running.write(stand.FILE)
    running.services.serve_error = PortTaken("port 53 is taken by dnsmasq (pid 12)")
    running.host.set_interface("eth1", None)
    running.host.set_interface("eth1", InterfaceInfo("eth1", 9, "02:00:00:00:00:01", 1500, True, True))
    assert running.gateway.lans.states["home"].services["service"].state == "failed"
    assert isinstance(outcome(running), PortTaken)
    running.services.serve_error = None
    assert outcome(running) == "LAN home tried again"
    assert running.gateway.lans.states["home"].services["service"].state == "serving"
    assert outcome(running) == "nothing has changed"


def test_an_uplink_whose_way_back_failed_is_tried_again_by_a_reload(running: Any, stand: Any) -> None:
    """When its plugin can begin again, the old file brings it back."""
    good = running.plugins.create
    running.plugins.create = boom
    running.write(stand.FILE.replace("interface: eth0", "interface: eth0, weight: 2"))
    assert "Going back failed as well" in str(outcome(running))
    running.plugins.create = good
    running.write(stand.FILE)
    assert outcome(running) == "uplink cable tried again"
    assert running.gateway.uplinks.runs("cable")
    assert outcome(running) == "nothing has changed"


def test_a_reload_during_the_start_waits_for_it(bench: Any) -> None:
    """SIGHUP before the start is complete: one start, then one reload, nothing twice."""
    serving: Deferred[None] = Deferred()
    create = bench.services.create

    def slow(gateway: Any) -> Any:
        made = create(gateway)
        serve, made.serve = made.serve, lambda lan, config: serving.addCallback(lambda _: serve(lan, config))
        return made

    bench.services.create = slow
    bench.gateway.startService()
    bench.write(NEW)
    got: list[Any] = []
    bench.gateway.reload().addBoth(got.append)
    assert (got, bench.plugins.made) == ([], {})
    serving.callback(None)
    assert got == ["uplink modem removed; LAN home changed; uplink cable changed; uplink dsl added"]
    assert [runner.spec.name for runner in bench.gateway.supervisor.runners()] == ["cable", "dsl"]


def test_a_stop_during_a_reload_gives_the_machine_back(running: Any) -> None:
    """Even if a plugin never answers: its call has its time, and then all is ended."""
    assert running.services.made is not None
    running.services.made.serve = lambda lan, config: Deferred()
    got: list[Any] = []
    running.gateway.reload().addErrback(lambda failure: got.append(str(failure.value)))
    stopped: list[Any] = []
    maybeDeferred(running.gateway.stopService).addCallback(stopped.append)
    assert (got, stopped) == ([], [])
    running.clock.clock.advance(PATIENCE)
    running.clock.clock.advance(PATIENCE)
    assert (len(got), stopped, running.closed) == (1, [None], True)
    assert running.machine.everything() == running.original


def test_a_stop_during_the_start_gives_the_machine_back(bench: Any) -> None:
    """It does not wait for a plugin that takes its time to begin."""
    create = bench.services.create

    def slow(gateway: Any) -> Any:
        made = create(gateway)
        made.serve = lambda lan, config: Deferred()
        return made

    bench.services.create = slow
    bench.gateway.startService()
    stopped: list[Any] = []
    maybeDeferred(bench.gateway.stopService).addCallback(stopped.append)
    assert (stopped, bench.closed, bench.fatal) == ([None], True, [])
    assert bench.machine.everything() == bench.original


@pytest.mark.slow
def test_a_thousand_reloads_leave_nothing_behind(running: Any, stand: Any) -> None:
    """Views, sockets' owners, uplinks, LANs, watches timers and journals are as many as after the first few."""
    counts = []
    for number in range(1000):
        running.write(NEW if number % 2 == 0 else stand.FILE)
        assert isinstance(outcome(running), str)
        running.clock.clock.advance(5)  # flows of what went are looked for once more a little later
        if number in (3, 999):
            gc.collect()
            alive = Counter(type(one).__name__ for one in gc.get_objects())
            kept = {
                name: alive[name] for name in ("GatewayView", "ScopedHost", "Runner", "LanState", "Deferred")
            }
            counts.append(
                (
                    kept,
                    len(running.clock.clock.getDelayedCalls()),
                    len(running.host.all_watchers),
                    running.gateway._machinery.store.open_journals,
                )
            )
    assert counts[0] == counts[1]
