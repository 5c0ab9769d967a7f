"""Who is where in the telephone network."""

import json
from pathlib import Path

from icsframework.lab.parse import parse_lab
from icsframework.lab.telephone.exchange import book_of, modem_daemon, provider_daemon, providers_of
from icsframework.lab.telephone.numbers import FAULTS

LAB = """
hosts:
  pc: {modems: {modem: {rate: 33600, latency: 60, numbers: {"123": busy, "555": "lost:2@b"}}}}
  a: {telephone: {numbers: "123", delay: 1500, address: 203.0.113.1, clients: [203.0.113.5], users: {gw: "007"}}}
  b: {telephone: {numbers: ["124", "*99#"], server: slirp, auth: pap, dns: 192.0.2.1, options: "-vj"}}
"""


def test_the_book():
    """The faults, the providers' numbers, and what the modem has of its own, which counts most."""
    spec = parse_lab(LAB)
    book = book_of(spec.hosts, spec.hosts["pc"].modems[0])
    assert book == {**FAULTS, "123": "busy", "124": "b", "*99#": "b", "555": "lost:2@b"}
    assert providers_of(spec.hosts, Path("/lab")) == {
        "a": "/lab/a/telephone.sock",
        "b": "/lab/b/telephone.sock",
    }


def test_the_programs(here):
    """Each has a file that says what it is; passwords are for root only."""
    hosts = parse_lab(LAB).hosts
    modem = modem_daemon(here, hosts["pc"].modems[0], {"1": "a"}, {"a": "/a.sock"})
    written = json.loads(Path(modem.arguments[-1]).read_text())
    assert (written["device"], written["rate"], written["latency"]) == ("/run/modem", 33600, 0.06)
    assert (written["book"], written["providers"]) == ({"1": "a"}, {"a": "/a.sock"})
    assert modem.control == here.directory / "modem.sock"
    provider = provider_daemon(here, hosts["a"].telephone)
    file = Path(provider.arguments[-1])
    assert file.stat().st_mode & 0o777 == 0o600
    written = json.loads(file.read_text())
    assert (written["users"], written["clients"], written["server"], written["delay"]) == (
        {"gw": "007"},
        ["203.0.113.5"],
        "ics",
        1.5,
    )
