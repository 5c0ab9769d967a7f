"""Golden cases: one file each with words, input and expected output.

A case is a text file of sections that begin with a line `--- name`; what stands
before the first one says what the case shows.  `python -m pytest tests/golden
--update` writes the output that the program gives now into the cases; read the
difference in git before you commit it.
"""

from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest
import yaml

from icsframework.addresses import parse_port_range
from icsframework.dataplane.doors import Doors, KernelAid, Published, Redirect, Scope, Trigger
from icsframework.dataplane.marks import DEFAULT_MASK, Marks
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.uplinks.traffic import TrafficRule, keep_rules, wake_rules
from icsframework.values import Endpoint, Family, Link, PortSpan

HERE = Path(__file__).parent


def pytest_addoption(parser):
    """`--update` rewrites the expected output of every case."""
    parser.addoption("--update", action="store_true", help="write the output of now into the golden cases")


@dataclass
class Case:
    """A case file."""

    path: Path
    words: str
    sections: dict[str, str]

    @property
    def plane(self):
        """The DataPlane that the section `data plane` describes."""
        return data_plane(yaml.safe_load(self.sections["data plane"]))

    def save(self, **outputs):
        """Write the file with these sections changed."""
        sections = self.sections | {name.replace("_", " "): text for name, text in outputs.items()}
        parts = [self.words, *(f"--- {name}\n{text.rstrip()}\n" for name, text in sections.items())]
        self.path.write_text("\n".join(part.rstrip("\n") + "\n" for part in parts))


def read(path):
    """The case in a file."""
    words, *rest = ("\n" + path.read_text()).split("\n--- ")
    parts = [part.partition("\n") for part in rest]
    return Case(path, words.strip() + "\n", {name: body.strip("\n") + "\n" for name, _, body in parts})


def data_plane(described):
    """The DataPlane of a YAML description."""
    return DataPlane(
        tuple(
            LanSide(**{**lan, "address": ip_interface(lan["address"]), "reach": tuple(lan.get("reach", ()))})
            for lan in described.get("lans", ())
        ),
        tuple(
            UplinkSide(up["name"], up["index"], up["interface"], _link(up["interface"], up.get("link")))
            for up in described.get("uplinks", ())
        ),
        described.get("active"),
        Marks(described.get("mark", DEFAULT_MASK)),
        _doors(described.get("doors", {})),
        _hold(described.get("hold")),
        {name: keep_rules(*_rules(rules)) for name, rules in described.get("keep", {}).items()},
    )


def _hold(described):
    """The hold device: the fields of its value; ``wake`` has for each uplink its own rules and the groups to ignore."""
    if described is None:
        return None
    wake = {name: wake_rules(*_rules(rules)) for name, rules in described.get("wake", {}).items()}
    return HoldSide(**{**described, "wake": wake})


def _rules(described):
    """Rules of the operator's, which are TrafficRules with networks and ports as text, and groups of noise."""
    makers = {
        "client": ip_network,
        "destination": ip_network,
        "ports": lambda texts: tuple(map(parse_port_range, texts)),
    }
    own = [
        TrafficRule(**{key: makers.get(key, lambda value: value)(value) for key, value in rule.items()})
        for rule in described.get("rules", ())
    ]
    return own, described.get("ignore", ())


def _doors(described):
    """Doors: the fields of their values, with spans as "tcp 6112-6119" and endpoints as "192.168.0.10:80"."""
    return Doors(
        redirects=tuple(Redirect(**_door(door)) for door in described.get("redirects", ())),
        kernel=tuple(KernelAid(**_door(door)) for door in described.get("kernel", ())),
        triggers=tuple(Trigger(**_door(door)) for door in described.get("triggers", ())),
        published=tuple(Published(**_door(door)) for door in described.get("published", ())),
    )


def _door(described):
    makers = {
        "ports": tuple,
        "uplinks": tuple,
        "clients": lambda texts: tuple(map(ip_network, texts)),
        "to": _endpoint,
        "outbound": lambda texts: tuple(map(_span, texts)),
        "inbound": lambda texts: tuple(map(_span, texts)),
        "scope": _scope,
    }
    return {key: makers.get(key, lambda value: value)(value) for key, value in described.items()}


def _scope(described):
    networks = {key: tuple(map(ip_network, described.get(key, ()))) for key in ("clients", "servers")}
    return Scope(tuple(described.get("lans", ())), uplinks=tuple(described.get("uplinks", ())), **networks)


def _endpoint(text):
    address, _, port = text.rpartition(":")
    return Endpoint(ip_address(address), int(port))


def _span(text):
    protocol, _, ports = text.partition(" ")
    first, _, last = ports.partition("-")
    return PortSpan(protocol, int(first), int(last or first))


def _link(interface, described):
    if described is None:
        return None
    addresses = tuple(ip_interface(text) for text in described["addresses"])
    gateway = ip_address(described["gateway"]) if "gateway" in described else None
    family = Family(addresses, gateway)
    return Link(interface, 2, None, "ethernet", "kernel", described.get("mtu", 1500), False, 0.0, family)


def cases():
    """All case files, in order."""
    return sorted(HERE.glob("*/*.txt"))


def pytest_generate_tests(metafunc):
    """A test with an argument `case` runs on each of them."""
    if "case" in metafunc.fixturenames:
        found = cases()
        metafunc.parametrize(
            "case", [read(path) for path in found], ids=[f"{path.parent.name}/{path.stem}" for path in found]
        )


@pytest.fixture
def update(request):
    """Whether to rewrite the cases."""
    return request.config.getoption("--update", default=False)
