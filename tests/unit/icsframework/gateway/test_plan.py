"""What changes between two files, as steps and in words."""

from pathlib import Path

import pytest

from icsframework.config.configuration import Configuration
from icsframework.config.loader import load
from icsframework.errors import ConfigurationError
from icsframework.gateway.plan import changes, in_words
from icsframework.testing.helper import ScriptedHelperFactory
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkFactory

TWO = """
lans:
  - {name: home, interface: eth1, address: 192.168.0.1/24}
  - {name: attic, interface: eth2, address: 192.168.1.1/24}
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0}
  - {name: dsl, plugin: ethernet, interface: eth3}
"""


def words(configure, old: str, new: str) -> str:
    """The difference in words."""
    return in_words(changes(configure(old), configure(new)))


def test_the_same_file_changes_nothing(configure) -> None:
    """Reading a file again restarts nothing."""
    assert words(configure, TWO, TWO + "\n# a comment\n") == "nothing has changed"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("eth2, address: 192.168.1.1/24", "eth2, address: 192.168.2.1/24", "LAN attic changed"),
        ("  - {name: attic, interface: eth2, address: 192.168.1.1/24}\n", "", "LAN attic removed"),
        ("  - {name: dsl, plugin: ethernet, interface: eth3}\n", "", "uplink dsl removed"),
        ("interface: eth3}", "interface: eth3, metered: true}", "uplink dsl changed"),
        ("interface: eth3}", "interface: eth3, enabled: false}", "uplink dsl removed"),
        ("name: attic", "name: cellar", "LAN attic removed; LAN cellar added"),
    ],
)
def test_each_change_is_named(configure, old: str, new: str, expected: str) -> None:
    """Only the part that changed is touched."""
    assert words(configure, TWO, TWO.replace(old, new)) == expected


def test_a_new_order_of_preference_is_a_change(configure) -> None:
    """Swapping two uplinks restarts neither."""
    lines = TWO.rstrip().splitlines()
    swapped = "\n".join([*lines[:-2], lines[-1], lines[-2]])
    assert words(configure, TWO, swapped) == "uplinks in the order dsl, cable"


def test_what_a_plugin_can_take_is_left_to_it(configure) -> None:
    """DNS servers, MTU and the like are for the plugin to take in place, mode, limits and the rules of dialling for the
    core; another interface takes a restart.
    """
    in_place = ("dns: 9.9.9.9", "mtu: 1400", 'mac: "02:00:00:00:00:09"', "metered: true", "tags: [x]")
    in_place += (
        "limits: {dials: 3/day}",
        "demand: {idle: 1m}",
        "wake: [{protocol: tcp}]",
        "keep: [{port: 80}]",
        "connect: manual",
    )
    anew = ("interface: eth4", "vlan: 7")

    def restarts(key: str) -> list[bool]:
        own = "plugin: ethernet" if key.startswith("interface") else "plugin: ethernet, interface: eth3"
        new = TWO.replace("plugin: ethernet, interface: eth3}", f"{own}, {key}}}")
        return [step.restart for step in changes(configure(TWO), configure(new))]

    assert [restarts(key) for key in in_place] == [[False]] * len(in_place)
    assert [restarts(key) for key in anew] == [[True]] * len(anew)


@pytest.mark.parametrize("section", ["state: /var/lib/other", "run: /run/other", "mark: 0xff000000"])
def test_what_needs_a_restart_is_refused(configure, section: str) -> None:
    """Directories and mark bits cannot change under a running gateway."""
    with pytest.raises(ConfigurationError, match="stop it and start it again"):
        words(configure, TWO, f"gateway: {{{section}}}\n{TWO}")


HELPER = '  - {plugin: "tests.helper:factory", name: one}\n'
LAST = HELPER.replace("one", "last")
HELPED = f"""{TWO}
helpers:
{HELPER}{LAST}publish:
  - {{name: web, protocol: tcp, port: 80, to: "192.168.0.10:8080"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: one}", "name: one, lans: [home]}", "helper one changed"),
        ("name: one}", "name: one, enabled: false}", "helper one removed"),
        ("name: one", "name: two", "helper one removed; helper two added"),
        (HELPER, "", "helper one removed"),
        (HELPER, HELPER + HELPER.replace("one", "new"), "helper new added"),
        (f"{HELPER}{LAST}", f"{LAST}{HELPER}", "helpers in the order last, one"),
        ("port: 80,", "port: 81,", "published service web changed"),
        ("name: web", "name: www", "published service web removed; published service www added"),
    ],
)
def test_helpers_and_published_services_are_steps_too(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each is named by what it is called in the file."""
    registry = FixedRegistry(
        {
            ("nat_helper", "tests.helper:factory"): ScriptedHelperFactory(),
            ("uplink", "ethernet"): ScriptedUplinkFactory(),
            ("lan_service", "dhcp"): ScriptedLanFactory(),
            ("lan_service", "dns"): ScriptedLanFactory(),
        }
    )

    def read(text: str) -> Configuration:
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        result = load(path, registry)
        assert result.config is not None, result.errors
        return result.config

    before, after = read(HELPED), read(HELPED.replace(old, new))
    assert in_words(changes(before, after)) == expected
    assert in_words(changes(after, after)) == "nothing has changed"


def test_another_time_zone_is_a_change(configure) -> None:
    """Nothing is restarted for it, and it is told."""
    assert words(configure, TWO, "gateway: {timezone: Asia/Kolkata}" + TWO) == "time zone Asia/Kolkata"
