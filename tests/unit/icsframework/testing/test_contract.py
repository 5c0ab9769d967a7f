"""The checks see a plugin that breaks its contract, and say how; the scripted plugins keep it."""

import os
import threading
from types import SimpleNamespace

import pytest
from pydantic import Field
from zope.interface import implementer

from icsframework.fields import Duration, HostName, LanServiceConfig, NatHelperConfig, Section
from icsframework.interfaces import ILanServiceFactory
from icsframework.testing import contract
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.values import Readiness


class TestScriptedLan(contract.PluginContract):
    """What a stranger writes to have all the checks as tests."""

    kind, factory, text = "lan_service", ScriptedLanFactory(), "colour: green"


def broken(check, *arguments):
    """The sentence with which a check refuses."""
    with pytest.raises(contract.ContractBroken) as refused:
        check(*arguments)
    return str(refused.value)


def test_the_scripted_lan_service_keeps_everything():
    """One call does all."""
    contract.check_plugin("lan_service", ScriptedLanFactory(), "colour: green")


@implementer(ILanServiceFactory)
class Faceless:
    """Says that it provides the contract; ``prepare`` and ``create`` are missing."""

    api_version = 1
    Config = ScriptedLanFactory.Config


class WrongVersion(ScriptedLanFactory):
    api_version = 2


class WrongKind(ScriptedLanFactory):
    Config = NatHelperConfig


class Grabbing(LanServiceConfig):
    """Forgets what is reserved for the core."""

    reserved = frozenset()
    enabled: bool = True


class Greedy(ScriptedLanFactory):
    Config = Grabbing


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        (ScriptedLanFactory, "must name an object, not a class"),
        (WrongVersion(), "api_version is 2, this is 1"),
        (SimpleNamespace(api_version=1), "Does not declaratively implement the interface"),
        (Faceless(), "attribute was not provided"),
        (ScriptedUplinkFactory(), "Does not declaratively implement the interface"),
        (WrongKind(), "Config must be a subclass of LanServiceConfig"),
        (Greedy(), "Config declares enabled, reserved for the core"),
    ],
)
def test_a_wrong_factory_is_named(factory, sentence):
    """Class instead of object, other version, nothing provided, methods missing, another kind, reserved keys."""
    assert sentence in broken(contract.check_factory, "lan_service", factory)


class Mute(LanServiceConfig):
    """A key of which nobody knows what it means."""

    said: bool = True
    """This one is described."""
    wait: Duration = 5.0


class Inner(Section):
    """A section with such a key."""

    inside: str = ""


class Outer(LanServiceConfig):
    """It stands deep inside."""

    entries: tuple[Inner, ...] | None = None
    """Described."""


class Limits(Section):
    """Called like a section of the core, and described."""

    calls: int = 3
    """How many calls."""


class Namesake(LanServiceConfig):
    """It uses such a section."""

    budget: Limits = Limits()
    """Described."""


class Hidden(LanServiceConfig):
    """A key that no schema shows."""

    ghost: str = Field(default="", exclude=True, alias="spirit")
    """Described."""


@pytest.mark.parametrize(
    ("config", "key"), [(Mute, "wait of Mute"), (Outer, "inside of Inner"), (Hidden, None), (Namesake, None)]
)
def test_an_undocumented_key_is_named(config, key):
    """What to write is no description of what it means, at any depth; a described key under another name is well."""
    factory = ScriptedLanFactory()
    factory.Config = config
    if key is None:
        contract.check_schema("lan_service", factory)
    else:
        assert f"the key {key} has no description" in broken(contract.check_schema, "lan_service", factory)


class OneWay(LanServiceConfig):
    """Writes what it does not read."""

    name_of_host: HostName = ""
    """A default that is no host name."""


class Lossy(LanServiceConfig):
    """Forgets a key when it is written."""

    kept: int = Field(default=1, exclude=True)
    """Not written."""


@pytest.mark.parametrize(
    ("config", "text", "sentence"),
    [
        (OneWay, "", "cannot be read again"),
        (Lossy, "kept: 2", "changes when written and read again"),
        (Lossy, "kept: two", "the example is refused: example.yaml:6:11"),
    ],
)
def test_a_configuration_that_does_not_come_back_is_refused(config, text, sentence):
    """An example that is refused, one that cannot be read again, and one that has changed."""
    factory = ScriptedLanFactory()
    factory.Config = config
    assert sentence in broken(contract.check_config, "lan_service", factory, text)


def test_an_example_is_read_as_in_the_file():
    """The core's keys are the core's, for each kind; the plugin gets its own."""
    uplink = contract.check_config("uplink", ScriptedUplinkFactory(), "interface: wan0\ncolour: red")
    assert (uplink.interface, uplink.own.colour) == ("wan0", "red")
    helper = contract.check_config("nat_helper", SimpleNamespace(Config=NatHelperConfig), "tags: [old]")
    assert isinstance(helper.own, NatHelperConfig)


STAY = threading.Event()


def write(path):
    path.write_text("I was here")


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        (write, "for writing"),
        (lambda path: os.open("/proc/self/stat", os.O_RDONLY), "leaves descriptor"),
        (lambda path: threading.Thread(target=STAY.wait, args=(9,)).start(), "leaves thread"),
        (lambda path: path.parent.joinpath("d").mkdir(), "calls os.mkdir"),
        (lambda path: os.environ.update(ICS_TEST="1"), "calls os.putenv"),
    ],
)
def test_a_prepare_that_does_something_is_caught(deed, sentence, tmp_path, monkeypatch):
    """Files, descriptors, threads, directories, environment."""
    monkeypatch.setenv("ICS_TEST", "0")
    opened = []
    STAY.clear()

    class Busy(ScriptedLanFactory):
        def prepare(self, config, system):
            opened.append(deed(tmp_path / "f"))
            return Readiness.ready()

    try:
        said = broken(contract.check_prepare, Busy(), Busy.Config())
    finally:
        STAY.set()
        for one in opened:
            if isinstance(one, int):
                os.close(one)
    assert "prepare must look only; it " in said
    assert sentence in said


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(True, "must answer a Readiness, not True"), (Readiness("missing"), "says missing without a reason")],
)
def test_a_prepare_that_answers_badly_is_caught(answer, sentence):
    """Something else, and a refusal without a reason."""

    class Odd(ScriptedLanFactory):
        def prepare(self, config, system):
            return answer

    assert sentence in broken(contract.check_prepare, Odd(), Odd.Config())
