"""Every installed plugin keeps the contract of its kind; one that is installed later is tried as well.

A first-party plugin has an example in EXAMPLES: the shortest entry of the file that makes sense, and further ones
where another key takes another way through the code.  A stranger's is tried with what its kind always needs.
"""

import pytest

from icsframework.registry import Registry
from icsframework.testing import contract

EXAMPLES = {
    ("lan_service", "dhcp"): [
        "",
        "authoritative: true\nprobe: 0\n"
        'reservations: [{mac: "02:00:5e:00:53:01", address: 192.168.0.10, hostname: printer}]',
    ],
    ("lan_service", "dns"): ["", "upstream: [192.0.2.53]\nhosts: {printer: 192.168.0.10}\nserve_stale: 0"],
    ("nat_helper", "ftp"): ["", "ports: [21, 2121]\nlifetime: 5m\npublished: false"],
    ("nat_helper", "games"): [
        "",
        "profiles: [ident]\n"
        "custom: [{name: chess, outbound: {tcp: 5000}, inbound: {udp: 5001-5003}, lifetime: 5m}]",
    ],
    ("nat_helper", "pptp"): ["", "ports: [1723, 1724]"],
    ("uplink", "dialup"): [
        'device: /dev/ttyS0\nnumbers: ["5551234"]',
        "device: /dev/ttyUSB2\nmodem: cellular\npin: {env: HOME}\napn: internet\nredial: 10s",
        "device: /dev/ttyS0\nmodem: null-modem\nwindows: true\naccm: 655360\nvj: false",
        'device: /dev/ttyS0\nmodem: {chat: ["", ATZ, OK, "ATDT\\\\T", CONNECT, "\\\\c"]}\nnumbers: ["1", "2"]\n'
        "user: guest\npassword: {env: HOME}\nauth: chap",
    ],
    ("uplink", "ethernet"): [
        "interface: eth0",
        "interface: wan0\nhostname: gateway",
        "interface: eth0\naddress: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}",
    ],
}
"""Kind and name of a plugin to entries of the file, without ``plugin:``."""
USUAL = {"uplink": ["interface: eth0"], "lan_service": [""], "nat_helper": [""]}
"""What a stranger's plugin is tried with."""
OURS = "icsframework"
"""The distribution of the first-party plugins."""
REGISTRY = Registry.installed()
PLUGINS = [pytest.param(entry, id=f"{entry.kind}-{entry.name}") for entry in REGISTRY.entries()]


TRIALS = [
    pytest.param(entry, text, id=f"{entry.kind}-{entry.name}-{number}")
    for entry in REGISTRY.entries()
    for number, text in enumerate(EXAMPLES.get((entry.kind, entry.name), USUAL[entry.kind]))
]
"""Each plugin with each of its examples."""


def factory_of(entry):
    """The factory, as the gateway gets it."""
    return REGISTRY.get(entry.kind, entry.name)


def test_all_first_party_plugins_have_an_example():
    """The table names every plugin of this distribution, and none that is gone."""
    ours = {(entry.kind, entry.name) for entry in REGISTRY.entries() if entry.distribution == OURS}
    assert ours, "no first-party plugin is installed: make venv"
    missing, gone = ours - set(EXAMPLES), set(EXAMPLES) - ours
    assert not missing, f"add to EXAMPLES the shortest entry of the file for {sorted(missing)}"
    assert not gone, f"take {sorted(gone)} out of EXAMPLES"


@pytest.mark.parametrize("entry", PLUGINS)
def test_factory(entry):
    """It provides its kind's interface, names the version of the contracts, and its keys are none of the core's."""
    contract.check_factory(entry.kind, factory_of(entry))


@pytest.mark.parametrize("entry", PLUGINS)
def test_schema(entry):
    """Every key is in the JSON schema and says what it means."""
    contract.check_schema(entry.kind, factory_of(entry))


@pytest.mark.parametrize(("entry", "text"), TRIALS)
def test_configuration(entry, text):
    """A short entry is accepted, and is the same when it was written and read again."""
    contract.check_config(entry.kind, factory_of(entry), text)


@pytest.mark.parametrize(("entry", "text"), TRIALS)
def test_prepare(entry, text):
    """It answers, privileged or not, with programs or without, and only looks."""
    factory = factory_of(entry)
    contract.check_prepare(factory, contract.check_config(entry.kind, factory, text).own)


@pytest.mark.parametrize(("entry", "text"), TRIALS)
def test_life(entry, text):
    """Created idle; does what its kind should; ends at any moment; leaves nothing; begins again."""
    factory = factory_of(entry)
    contract.check_service(entry.kind, factory, contract.check_config(entry.kind, factory, text))
