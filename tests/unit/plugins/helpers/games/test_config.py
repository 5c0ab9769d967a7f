"""The keys of ``plugin: games``, as the file has them."""

from textwrap import indent

import pytest

from ics_plugins.helpers.games import factory, shipped
from ics_plugins.helpers.games.config import GamesConfig
from icsframework.config.loader import interpret
from icsframework.config.source import Source
from icsframework.fields import CheckContext
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkFactory

HEAD = """lans: [{interface: eth1, services: []}]
uplinks: [{plugin: scripted, interface: eth0}]
helpers:
- plugin: games
"""
CHESS = "custom: [{name: chess, outbound: {tcp: 5000}, inbound: {udp: 5001}}]"


def check(text):
    """What is said of a file with these keys: (line, sentence) without the file's name, and the games' own keys."""
    registry = FixedRegistry(
        {("uplink", "scripted"): ScriptedUplinkFactory(), ("nat_helper", "games"): factory}
    )
    file = interpret(Source("f", HEAD + indent(text, "  ")), registry)
    return [str(error) for error in file.errors], file.config and file.config.helpers[0].own


def names(config):
    """The profiles in force."""
    return [profile.name for profile in config.chosen()]


def test_all_shipped_ones_by_default():
    """Nothing has to be set."""
    assert names(GamesConfig()) == list(shipped.names())
    assert list(GamesConfig().check(CheckContext("nat_helper", "games"))) == []


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("profiles: [ident]", ["ident"]),
        ("profiles: [ident, battle.net]", ["ident", "battle.net"]),
        ("profiles: []", []),
        (CHESS, ["battle.net", "directplay", "ident", "chess"]),
        (f"profiles: []\n{CHESS}", ["chess"]),
        (f"profiles: [ident]\n{CHESS.replace('chess', 'battle.net')}", ["ident", "battle.net"]),
    ],
)
def test_which_are_in_force(text, chosen):
    """The shipped ones that are named, then one's own; an own one may have the name of one that is not used."""
    errors, config = check(text)
    assert errors == []
    assert names(config) == chosen
    assert GamesConfig.model_validate(config.model_dump(mode="json")) == config


OWN = "custom:\n- name: chess\n  outbound: {tcp: 5000}\n  inbound: {udp: 5001}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "profiles: [ident, battlenet]",
            "f:5:21: helpers[0].profiles[1]: there is no profile 'battlenet'; did you mean battle.net?",
        ),
        (
            "profiles: [ident, ident]",
            "f:5:21: helpers[0].profiles[1]: ident is there twice; remove one of the two",
        ),
        (
            OWN.replace("chess", "ident"),
            "f:6:11: helpers[0].custom[0].name: there is already a profile ident; choose another name, or do "
            "without ours: profiles: [battle.net, directplay]",
        ),
        (
            OWN + OWN.removeprefix("custom:\n"),
            "f:9:11: helpers[0].custom[1].name: there is already a profile chess; choose another name",
        ),
        (
            OWN.replace("5001", "6119-6125"),
            "f:8:5: helpers[0].custom[0].inbound: UDP 6119 is already opened by profile battle.net; a port can "
            "belong to one profile only: choose other ports, or do without ours: profiles: [directplay, ident]",
        ),
        (
            OWN + OWN.removeprefix("custom:\n").replace("chess", "go"),
            "f:11:5: helpers[0].custom[1].inbound: UDP 5001 is already opened by profile chess; a port can belong "
            "to one profile only: choose other ports",
        ),
        (
            OWN.replace("{udp: 5001}", "{}"),
            "f:8:5: helpers[0].custom[0].inbound: no ports are named; write for example {tcp: [6112], udp: "
            "[6112-6119]}",
        ),
        (
            OWN.replace("{tcp: 5000}", "{tcp: []}"),
            "f:7:5: helpers[0].custom[0].outbound: no ports are named; write for example {tcp: [6112], udp: "
            "[6112-6119]}",
        ),
        (
            OWN + "  lifetime: 2d\n",
            "f:9:15: helpers[0].custom[0].lifetime: ports stay open for one second to one day; for a game choose "
            "10m",
        ),
        (
            OWN + "  lifetime: 500ms\n",
            "f:9:15: helpers[0].custom[0].lifetime: ports stay open for one second to one day; for a game choose "
            "10m",
        ),
        (
            OWN.replace("5001", "5001-70000"),
            "f:8:20: helpers[0].custom[0].inbound.udp: '5001-70000' is not a port or port range; write a port such "
            "as 80, or a range such as 6112-6119",
        ),
    ],
)
def test_each_mistake_has_its_line_and_its_advice(text, says):
    """One sentence that names the place, the problem and the way out."""
    assert check(text)[0] == [says]


def test_a_port_below_1024_is_the_operator_s_choice():
    """A data file or the configuration may open one (ident does); nothing from the network can."""
    errors, config = check(OWN.replace("5001", "22"))
    assert errors == []
    assert names(config)[-1] == "chess"
