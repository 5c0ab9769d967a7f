"""What a wish is to the rules that wake an uplink."""

from ipaddress import ip_address

import pytest

from icsframework.errors import HostError, UplinkFailed, UplinkRefused
from icsframework.uplinks.traffic import Traffic, TrafficRule, wake_rules
from icsframework.uplinks.wishes import answer_of, error_of, ruled, traffic
from icsframework.values import Cause, Failed, Refused

PC = ip_address("192.168.0.100")
WEB = ip_address("203.0.113.10")
WEB6 = ip_address("2001:db8::10")


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (
            Cause("x", PC, protocol="tcp", destination="203.0.113.10:80"),
            Traffic(PC, "tcp", WEB, 80, form="opening"),
        ),
        (
            Cause("x", PC, protocol="udp", destination="203.0.113.10:53", name="a.example"),
            Traffic(PC, "udp", WEB, 53, "a.example"),
        ),
        (
            Cause("x", PC, protocol="tcp", destination="[2001:db8::10]:443"),
            Traffic(PC, "tcp", WEB6, 443, form="opening"),
        ),
        (Cause("x", PC, protocol="udp", destination="2001:db8::10"), Traffic(PC, "udp", WEB6)),
        (
            Cause("x", PC, protocol="icmp", destination="203.0.113.10"),
            Traffic(PC, "icmp", WEB, form="echo"),
        ),
        (Cause("x", PC, protocol="udp", name="a.example"), Traffic(PC, "udp", None, 53, "a.example")),
        (
            Cause("x", protocol="udp", name="a.example"),
            Traffic(None, "udp", None, 53, "a.example", own=True),
        ),
        (Cause("x"), Traffic(None, "", own=True)),
    ],
)
def test_the_traffic_of_a_cause(cause: Cause, expected: Traffic) -> None:
    """Packets, connections and lookups; who names no client is the gateway itself."""
    assert traffic(cause) == expected


@pytest.mark.parametrize(
    "text", ["www.example.org:80", "203.0.113.10:", "203.0.113.10:http", "203.0.113.10:١", ":80", "203.0.113.10:999999", "nonsense"]
)  # fmt: skip
def test_a_destination_that_is_none_says_nothing(text: str) -> None:
    """It fits only rules that do not ask for one."""
    assert traffic(Cause("x", PC, protocol="tcp", destination=text)) == Traffic(PC, "tcp", form="opening")


def test_the_deciding_rule_is_named() -> None:
    """The operator's own one, or the built-in one."""
    wake = wake_rules((TrafficRule("allow", "wake[0]", protocol="gre"),))
    gre = Cause("demand.wake", PC, protocol="gre", destination="203.0.113.10")
    web = Cause("demand.wake", PC, protocol="tcp", destination="203.0.113.10:80")
    assert ruled(wake, gre) == Cause("wake[0]", PC, protocol="gre", destination="203.0.113.10")
    assert ruled(wake, web) == Cause(
        "demand.wake: built in", PC, protocol="tcp", destination="203.0.113.10:80"
    )


def test_a_refusal_begins_with_the_rule() -> None:
    """Noise by its group, the operator's own by its place in the file, and what no rule knows."""
    wake = wake_rules((TrafficRule("ignore", "wake[0]", name="*.ads.example"),), ("dns",))
    causes = [
        Cause("demand.wake", PC, protocol="udp", name="t.ads.example"),
        Cause("demand.wake", PC, protocol="udp", name="www.example"),
        Cause("demand.wake", PC, protocol="tcp", destination="203.0.113.10:445"),
        Cause("demand.wake", PC, protocol="esp", destination="203.0.113.10"),
        Cause("dns", protocol="udp", destination="203.0.113.10:99"),
    ]
    assert [getattr(ruled(wake, cause), "reason", None) for cause in causes] == [
        "wake[0]: such traffic does not dial",
        "demand.ignore: dns: such traffic does not dial",
        "never: netbios: such traffic does not dial",
        "demand.wake: no rule lets traffic of this kind dial",
        "demand.wake: no rule lets traffic of the gateway itself dial",
    ]


def test_without_rules_everything_may() -> None:
    """There is nothing to judge by, and the cause stays as it is."""
    assert ruled((), Cause("a plugin")) == Cause("a plugin")


@pytest.mark.parametrize(
    ("why", "kind"), [(Refused("hours", 5.0), UplinkRefused), (Failed("busy", 6.0), UplinkFailed)]
)
def test_answers_and_errors_are_the_same(why: Refused | Failed, kind: type[Exception]) -> None:
    """Both ways, with the time of the next try."""
    error = error_of(why)
    assert (type(error), answer_of(error)) == (kind, why)
    assert answer_of(HostError("no permission")) == Failed("no permission")
