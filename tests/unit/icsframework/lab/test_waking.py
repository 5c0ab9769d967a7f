"""The step of the demo in which a PC's first packet dials: what it must show to be one."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from icsframework.lab.clients import Fetched, Lease
from icsframework.lab.errors import LabError
from icsframework.lab.parse import parse_lab
from icsframework.lab.waking import armed_uplink, described, wake

SITE = parse_lab(
    "segments: [a]\nhosts: {s: {interfaces: {e: {segment: a, address: 192.0.2.80/24}}, web: {page: x}}}"
).hosts["s"]
LEASE = Lease(
    "udhcpc",
    IPv4Interface("192.168.0.100/24"),
    IPv4Address("192.168.0.1"),
    (IPv4Address("192.168.0.1"),),
    "home.arpa",
    600,
    IPv4Address("192.168.0.1"),
)
CAUSE = {
    "client": "192.168.0.100",
    "hostname": "pc",
    "protocol": "tcp",
    "destination": "192.0.2.80:80",
    "rule": "demand.wake: built in",
}


class Box:
    """A gateway whose modem dials when the page is fetched, and a PC that fetches it."""

    name = "box"

    def __init__(self, calls=("123",), status=200, **cause):
        self.calls, self.status, self.cause = calls, status, CAUSE | cause
        self.gateway = self.modem = self
        self.dialled, self.state = ["200"], "armed"

    def fetch(self, url, timeout):
        assert (url, timeout > 10) == ("http://192.0.2.80:80/", True)
        self.dialled = [*self.dialled, *self.calls]
        return Fetched(self.status, b"x", 1.25)

    def look(self):
        return {"dialled": self.dialled}

    def api(self, method, path):
        assert (method, path) == ("GET", "/v1/history")
        other = {"uplink": "phone", "event": "up", "cause": CAUSE | {"client": "192.168.0.7"}}
        new = {"uplink": "phone", "event": "up", "cause": self.cause}
        return [other, new, {"uplink": "cable", "event": "up", "cause": {}}]

    def uplink(self, name):
        return {"name": name, "addresses": ["203.0.113.5/32"]}

    def status_tree(self):
        return {"uplinks": [{"name": "cable", "state": "up"}, {"name": "phone", "state": self.state}]}


def test_the_first_packet():
    """Who, what, where to, by which rule, which number, which address, and how long the page took."""
    box = Box()
    assert wake(box, SITE, box, "phone", LEASE) == (
        "pc's first packet, tcp to 192.0.2.80:80 (demand.wake: built in), made phone call 123: "
        "up with 203.0.113.5/32; its page came after 1.250 s"
    )


@pytest.mark.parametrize(
    ("box", "failure"),
    [
        (Box(calls=()), "box dialled 0 times"),
        (Box(calls=("123", "123")), "box dialled 2 times"),
        (Box(status=500), "status 500"),
        (Box(client="192.168.0.9"), r"because of .*192\.168\.0\.9"),
        (Box(protocol="udp", destination=""), "because of .*udp"),
    ],
)
def test_what_does_not_count(box, failure):
    """No call or too many, another cause than the PC's own packet, or no page."""
    with pytest.raises(LabError, match=failure):
        wake(box, SITE, box, "phone", LEASE)


def test_which_line_is_down():
    """The first that waits for traffic; none if all are up."""
    box = Box()
    assert armed_uplink(box) == "phone"
    box.state = "up"
    assert armed_uplink(box) == ""


def test_a_pc_without_a_name():
    """Its address stands for it."""
    assert described(CAUSE | {"hostname": ""}).startswith("192.168.0.100's first packet, tcp")
