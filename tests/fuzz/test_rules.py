"""Rules of waking and keeping: what is said of them holds for any traffic."""

from ipaddress import ip_address
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from icsframework.config.check_rules import check_rules
from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.demands import keep, wake
from icsframework.uplinks.traffic import Traffic, fits_name, judge

RULES = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from(["allow", "ignore"])},
        optional={
            "client": st.sampled_from(["gateway", "192.168.0.0/24", "192.168.0.7", "fd00::7"]),
            "protocol": st.sampled_from(["tcp", "udp", "icmp"]),
            "port": st.sampled_from([53, 85, "80-90"]),
            "destination": st.sampled_from(["198.51.100.0/24", "198.51.100.7"]),
            "name": st.sampled_from(["*.x.example", "a.x.example", "example"]),
        },
    ),
    min_size=1,
    max_size=5,
)
CLIENTS = st.sampled_from([None, "192.168.0.7", "192.168.0.8", "192.168.7.7", "fd00::7"])


@st.composite
def traffics(draw):
    """A packet, a connection or a lookup, of a LAN host or of the gateway itself."""
    client = draw(CLIENTS)
    name = draw(st.sampled_from(["", "a.x.example", "b.x.example", "example"]))
    who = {"client": client and ip_address(client), "own": client is None, "name": name}
    if name and draw(st.booleans()):
        return Traffic(protocol="udp", port=53, **who)
    where = ip_address(draw(st.sampled_from(["198.51.100.7", "198.51.100.8", "203.0.113.9"])))
    protocol = draw(st.sampled_from(["tcp", "udp", "icmp", "gre"]))
    forms = {"tcp": ["opening", "closing", None], "icmp": ["echo", None]}.get(protocol, [None])
    port = draw(st.sampled_from([53, 85, 90, 443])) if protocol in ("tcp", "udp") else None
    return Traffic(protocol=protocol, destination=where, port=port, form=draw(st.sampled_from(forms)), **who)


def section(rules):
    """An uplink on demand with these rules for both."""
    return UplinkSection(plugin="dialup", connect="demand", wake=rules, keep=rules)


def action(rules, traffic):
    """What is decided; nothing is "ignore"."""
    rule = judge(rules, traffic)
    return "ignore" if rule is None else rule.action


@given(made=st.sampled_from([wake, keep]), rules=RULES, traffic=traffics())
def test_a_rule_that_is_said_never_to_decide_never_does(made, rules, traffic):
    """Without it everything is as with it."""
    lists = section(rules).wake
    for finding in check_rules(SimpleNamespace(lans=()), lists, ()):
        if "never decides" in finding.problem:
            (index,) = finding.path
            without = [rule for number, rule in enumerate(rules) if number != index]
            assert action(made(section(without)), traffic) == action(made(section(rules)), traffic)


def fit(rule, traffic):
    """Does a rule of the file fit?  Written down as the guide says it, without what the code does."""
    client = rule.get("client")
    if (client == "gateway") != traffic.own:
        return False
    if client not in (None, "gateway") and not (
        traffic.client == ip_address(client.partition("/")[0])
        or (client.endswith("/24") and str(traffic.client).startswith("192.168.0."))
    ):
        return False
    if "name" in rule and not fits_name(rule["name"], traffic.name):
        return False
    if "name" in rule and (traffic.protocol, traffic.port) == ("udp", 53):
        return True  # a lookup of it; or what is as good as one, a datagram to port 53 of what it led to
    if rule.get("protocol", traffic.protocol) != traffic.protocol:
        return False
    low, _, high = str(rule.get("port", "0-65535")).partition("-")
    if "port" in rule and (traffic.port is None or not int(low) <= traffic.port <= int(high or low)):
        return False
    where = rule.get("destination")
    return where is None or (
        traffic.destination is not None
        and (
            str(traffic.destination) == where
            or (where.endswith("/24") and str(traffic.destination)[:10] == where[:10])
        )
    )


@given(rules=RULES, traffic=traffics())
def test_the_first_rule_of_the_file_that_fits_decides(rules, traffic):
    """It allows what begins something, and ignores all that it is told to; also a lookup of a name that it is about."""
    first = next((rule for rule in rules if fit(rule, traffic)), None)
    begins = not (
        (traffic.protocol == "tcp" and traffic.form != "opening")
        or (traffic.protocol == "icmp" and traffic.form != "echo")
    )
    decided = judge(wake(section(rules)), traffic)
    if first is not None and (begins or first["action"] == "ignore"):
        assert decided is not None
        assert (decided.action, decided.label) == (first["action"], f"wake[{rules.index(first)}]")
    elif not begins:
        assert decided is None or decided.action == "ignore"
    elif traffic.own:
        assert decided is None
