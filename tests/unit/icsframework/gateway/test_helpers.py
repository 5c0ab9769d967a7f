"""NAT helpers: from sections to plugins, shells and doors."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from icsframework.config.helpers import HelperLimits, HelperSection
from icsframework.dataplane.doors import Doors, KernelAid, Published, Redirect, Scope, Trigger
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import HostError
from icsframework.gateway.helpers import MAX_ATTACHMENTS, Helpers
from icsframework.patience import PATIENCE
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.helper import (
    ScriptedFigures,
    ScriptedHelperConfig,
    ScriptedHelperFactory,
    ScriptedShells,
)
from icsframework.testing.registry import FixedRegistry
from icsframework.values import (
    Endpoint,
    EndpointIndependent,
    KernelHelper,
    PortSpan,
    PortTrigger,
    Readiness,
    StreamProxy,
    SystemInfo,
)

FTP = StreamProxy((21,), lambda flow: None)
IDENT = PortTrigger("ident", (PortSpan("tcp", 6667, 6667),), (PortSpan("tcp", 113, 113),), 60.0)


class View(FakeGateway):
    """A view that notes its release."""

    released = False

    def release(self) -> None:
        """Note it."""
        self.released = True


class Bench:
    """Helpers on fakes; the kernel lacks what ``lacking`` says."""

    def __init__(self) -> None:
        self.factory, self.shells = ScriptedHelperFactory(), ScriptedShells()
        self.views: list[View] = []
        self.asked: list[list[str]] = []
        self.lacking: dict[str, str] = {}
        self.published: list[Published] = []
        self.events = FakeEvents("helpers", FakeClock())
        self.helpers = Helpers(
            FixedRegistry({("nat_helper", "scripted"): self.factory}),
            self.view,
            self.shells,
            self.probe,
            SystemInfo(True, "6.1", lambda name: None),
            lambda: self.published,
            self.events,
        )

    def view(self, owner: str) -> Any:
        """A plugin's view."""
        self.views.append(View(owner))
        return self.views[-1]

    def probe(self, names: Any) -> Deferred[Mapping[str, str]]:
        """Ask the kernel."""
        self.asked.append(list(names))
        return succeed({name: self.lacking.get(name, "") for name in names})

    def start(self, section: HelperSection, optional: bool = False) -> str:
        """Start one; the error or ""."""
        return outcome(self.helpers.start(section, optional))


def outcome(done: Deferred[Any]) -> str:
    """The error of what is done at once, or "" ."""
    said: list[str] = []
    done.addCallbacks(lambda _: said.append(""), lambda failure: said.append(str(failure.value)))
    assert said, "it is not done yet"
    return said[0]


def section(**keys: Any) -> HelperSection:
    """An entry of helpers:."""
    keys = {"plugin": "scripted", "name": "one", **keys}
    own = keys.pop("own", ScriptedHelperConfig())
    return HelperSection(**keys).model_copy(update={"own": own})


@pytest.fixture
def bench() -> Bench:
    """See Bench."""
    return Bench()


def test_what_a_helper_wants_becomes_doors(bench: Bench) -> None:
    """Each attachment is a door with the scope of its section; a stream proxy's leads to its shell's listener."""
    bench.factory.wants = [FTP, IDENT]
    where = {"lans": ("home",), "servers": (IPv4Network("192.0.2.0/24"),), "uplinks": ("cable",)}
    assert bench.start(section(**where)) == ""
    scope = Scope(("home",), (), (IPv4Network("192.0.2.0/24"),), ("cable",))
    assert bench.helpers.doors() == Doors(
        redirects=(Redirect("one", (21,), 40000, "outbound", "closed", scope),),
        kernel=(KernelAid("one", "pptp", "tcp", (1723,), scope),),
        triggers=(Trigger("one", "ident", IDENT.outbound, IDENT.inbound, 60.0, scope),),
    )
    assert bench.factory.calls == ["create", "start", "attachments"]
    assert bench.views[0].owner == "helper.one"


def test_the_section_decides_how_it_fails(bench: Bench) -> None:
    """``fail`` of the file wins over the plugin's."""
    bench.factory.wants = [FTP]
    bench.start(section(fail="open"))
    assert bench.helpers.doors().redirects[0].fail == "open"


def test_the_end_of_a_helper_leaves_nothing(bench: Bench) -> None:
    """Shells stop first, then the plugin, and its view is released."""
    bench.factory.wants = [FTP]
    bench.start(section())
    assert outcome(bench.helpers.stop_all()) == ""
    assert not bench.shells.made[0].running
    assert bench.factory.calls[-1] == "stop"
    assert bench.views[0].released
    assert bench.helpers.doors() == Doors()


def test_a_kernel_without_its_helper_is_told(bench: Bench) -> None:
    """The helper is unsupported with the reason, has no door, and nothing fails."""
    bench.lacking = {"pptp/tcp": "this kernel has no conntrack helper pptp"}
    bench.factory.wants = [FTP]
    assert bench.start(section()) == ""
    assert bench.helpers.doors() == Doors()
    assert bench.helpers.warnings() == (
        "helper one is unsupported: this kernel has no conntrack helper pptp",
    )
    assert bench.events.ids() == ["helper.unavailable"]


def test_the_kernel_is_asked_once(bench: Bench) -> None:
    """A second helper that wants the same does not ask again."""
    bench.start(section())
    bench.start(section(name="two"))
    assert bench.asked == [["pptp/tcp"]]


def test_the_same_name_for_udp_is_another_question(bench: Bench) -> None:
    """A kernel may have a helper for TCP only: one that is wanted for UDP is unsupported, and breaks no rule set."""
    bench.lacking = {"pptp/udp": "this kernel has no conntrack helper pptp/udp"}
    bench.start(section())
    bench.factory.wants = [KernelHelper("pptp", "udp", (1723,))]
    bench.start(section(name="two"))
    assert bench.asked == [["pptp/tcp"], ["pptp/udp"]]
    assert [one.state for one in bench.helpers.running.values()] == ["ready", "unsupported"]
    assert [aid.owner for aid in bench.helpers.doors().kernel] == ["one"]


def test_attachments_that_no_rule_can_be_made_of_are_the_plugin_s_fault(bench: Bench) -> None:
    """The sentence names helper, plugin and attachment; the packet filter never hears of it."""
    bench.factory.wants = [FTP, PortTrigger("game", (PortSpan("tcp", 5, 4),), (), 60.0)]
    said = bench.start(section())
    assert said.startswith("helper one: NAT helper plugin 'scripted'")
    assert (
        "asks for what cannot be: PortTrigger 'game': 5 to 4 are no ports; PortTrigger 'game': it needs"
        in said
    )
    assert bench.helpers.doors() == Doors()


def test_an_attachment_that_this_version_cannot_carry_is_told(bench: Bench) -> None:
    """It is unsupported as a whole: half a helper would surprise."""
    bench.factory.wants = [FTP, EndpointIndependent((), ())]
    bench.start(section())
    assert bench.helpers.running["one"].reason == "this version has no EndpointIndependent"
    assert bench.shells.made == []


def test_a_helper_that_is_not_ready_is_not_made(bench: Bench) -> None:
    """What ``prepare`` says is its state; a reload asks again."""
    bench.factory.readiness = Readiness.missing("there is no chess server", "install it")
    bench.start(section(), optional=True)
    assert bench.helpers.warnings() == ("helper one is missing: there is no chess server; install it",)
    assert bench.factory.calls == []
    bench.factory.readiness = Readiness.ready()
    assert outcome(bench.helpers.change(section(lans=("home",)), True)) == ""
    assert bench.helpers.running["one"].state == "ready"
    assert bench.helpers.warnings() == ()


@pytest.mark.parametrize("call", ["create", "start", "attachments"])
def test_a_defect_names_the_helper_and_leaves_nothing(bench: Bench, call: str) -> None:
    """Whichever call raises; one that nobody named stays as failed instead."""
    bench.factory.broken = {call: ValueError("a defect")}
    said = bench.start(section())
    assert "'scripted'" in said and "ValueError: a defect" in said
    assert bench.helpers.running == {}
    assert all(view.released for view in bench.views)
    assert bench.start(section(), optional=True) == ""
    assert bench.helpers.running["one"].state == "failed"
    assert bench.helpers.doors() == Doors()


def test_a_listener_that_cannot_be_had_fails_the_helper(bench: Bench) -> None:
    """The plugin is stopped again."""
    bench.factory.wants = [FTP]
    bench.shells.error = HostError("no descriptors are left")
    assert bench.start(section()) == "no descriptors are left"
    assert bench.factory.calls[-1] == "stop"


def test_nonsense_is_no_attachment(bench: Bench) -> None:
    """Neither something else than values.Attachment nor hundreds of them."""
    bench.factory.wants = ["port 21"]  # type: ignore[list-item]
    assert "must be a list of values.Attachment" in bench.start(section())
    bench.factory.wants = [IDENT] * MAX_ATTACHMENTS
    assert f"wants {MAX_ATTACHMENTS + 1} attachments" in bench.start(section())


def test_a_plugin_that_never_answers_is_given_up(bench: Bench) -> None:
    """The start fails by name when its patience is over."""
    silent: Deferred[None] = Deferred()
    plugin_start = bench.helpers.start(section(own=ScriptedHelperConfig()))
    assert outcome(plugin_start) == ""
    bench.helpers.running["one"].plugin.reconfigure = lambda new: silent  # type: ignore[union-attr,method-assign]
    said: list[str] = []
    changing = bench.helpers.change(section(own=ScriptedHelperConfig(ports=(99,))))
    changing.addErrback(lambda failure: said.append(str(failure.value)))
    bench.views[0].clock.clock.advance(PATIENCE)
    assert said and "helper one: reconfigure of NAT helper plugin 'scripted' did not end" in said[0]


def test_an_inbound_shell_runs_while_its_port_is_published(bench: Bench) -> None:
    """Nothing listens for services that nobody offers; a range of ports counts whole."""
    bench.factory.wants = [FTP, StreamProxy((21,), lambda flow: None, "inbound")]
    bench.start(section())
    assert [shell.proxy.direction for shell in bench.shells.made] == ["outbound"]
    bench.published = [
        Published("a", "udp", 21, 21, Endpoint(IPv4Address("192.168.0.10"), 21)),
        Published("b", "tcp", 2120, 2129, Endpoint(IPv4Address("192.168.0.10"), 20)),
    ]
    assert outcome(bench.helpers.arrange([])) == ""
    assert [door.direction for door in bench.helpers.doors().redirects] == ["outbound", "inbound"]
    bench.published = bench.published[:1]
    assert outcome(bench.helpers.arrange([])) == ""
    assert [door.direction for door in bench.helpers.doors().redirects] == ["outbound"]
    assert [shell.running for shell in bench.shells.made] == [True, False]


def test_the_first_in_the_file_is_served_first(bench: Bench) -> None:
    """Whenever it came: an entry that a reload puts before another has its doors before those of the other."""
    bench.factory.wants = [FTP]
    bench.start(section(name="all"))
    bench.start(section(name="some", clients=(IPv4Network("192.168.0.16/28"),)))
    assert outcome(bench.helpers.arrange(["some", "absent", "all"])) == ""
    assert [door.owner for door in bench.helpers.doors().redirects] == ["some", "all"]
    assert bench.helpers.warnings() == ()
    assert outcome(bench.helpers.arrange(["all", "some"])) == ""
    assert bench.helpers.warnings()[0].startswith(
        "helper some gets nothing of outbound TCP port 21: helper all "
    )


def test_a_change_of_scope_keeps_the_sessions(bench: Bench) -> None:
    """Only the doors are others."""
    bench.factory.wants = [FTP]
    bench.start(section())
    assert outcome(bench.helpers.change(section(lans=("home",)))) == ""
    assert len(bench.shells.made) == 1
    assert bench.shells.made[0].running
    assert bench.helpers.doors().redirects[0].scope == Scope(("home",))


def test_a_change_of_limits_keeps_the_sessions(bench: Bench) -> None:
    """The shell is told; another way to fail makes a new one; the plugin is not touched."""
    bench.factory.wants = [FTP]
    bench.start(section())
    few = HelperLimits(sessions=5)
    assert outcome(bench.helpers.change(section(limits=few))) == ""
    assert [(shell.running, shell.limits) for shell in bench.shells.made] == [(True, few)]
    assert outcome(bench.helpers.change(section(limits=few, fail="open"))) == ""
    assert [shell.running for shell in bench.shells.made] == [False, True]
    assert "stop" not in bench.factory.calls


def test_shells_wake_when_the_lans_are_served(bench: Bench) -> None:
    """Not before; one that comes later is awake at once."""
    bench.factory.wants = [FTP]
    bench.start(section())
    assert not bench.shells.made[0].awake
    assert outcome(bench.helpers.wake()) == ""
    bench.start(section(name="two"))
    assert [shell.awake for shell in bench.shells.made] == [True, True]


def test_own_keys_are_for_the_plugin_to_take(bench: Bench) -> None:
    """It is asked again what it wants; one that wants a restart gets it."""
    bench.start(section())
    bench.helpers.change(section(own=ScriptedHelperConfig(ports=(99,))))
    assert bench.helpers.doors().kernel[0].ports == (99,)
    assert bench.factory.calls == ["create", "start", "attachments", "reconfigure", "attachments"]
    bench.helpers.change(section(own=ScriptedHelperConfig(ports=(98,), restart=True)))
    assert bench.factory.calls[5:] == ["reconfigure", "stop", "create", "start", "attachments"]
    assert bench.helpers.doors().kernel[0].ports == (98,)


def test_shells_are_told_what_is_in_force(bench: Bench) -> None:
    """Those that run and those that come later."""
    bench.factory.wants = [FTP]
    bench.start(section())
    first = DataPlane()
    bench.helpers.in_force(first)
    bench.start(section(name="two"))
    assert [shell.planes for shell in bench.shells.made] == [[first], [first]]


def test_figures_start_at_nothing() -> None:
    """A shell that did nothing shows zeros."""
    assert ScriptedFigures() == ScriptedFigures(0, 0, 0, {})
