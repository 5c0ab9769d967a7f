"""From an entry of uplinks: to the rules and times of dialling on demand."""

from ipaddress import ip_address

import pytest

from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.demands import hold_seconds, keep, on_demand, quiet, wake
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.uplinks.traffic import Traffic, judge

PC, TV = ip_address("192.168.0.100"), ip_address("192.168.0.50")
WEB = ip_address("192.0.2.80")


def modem(**keys):
    """An uplink that traffic dials."""
    return UplinkSection(plugin="dialup", name="modem", **{"connect": "demand"} | keys)


def syn(client=PC, port=80, **more):
    """The first packet of a connection."""
    return Traffic(client, "tcp", WEB, port, form="opening", **more)


def lookup(name, client=PC):
    """A question of the DNS proxy's."""
    return Traffic(client, "udp", None, 53, name)


def decided(rules, traffic):
    """(action, label) of the rule that decides, or None."""
    rule = judge(rules, traffic)
    return None if rule is None else (rule.action, rule.label)


@pytest.mark.parametrize("connect", ["always", "standby", "manual"])
def test_traffic_wakes_only_what_is_dialled_on_demand(connect):
    """An uplink of another mode has no rules for it, whatever the file says."""
    assert wake(modem(connect=connect, wake=[{"port": 80}])) == ()


def test_without_rules_of_the_operator_the_built_in_ones_hold():
    """A connection wakes and keeps, NTP does neither."""
    for rules in (wake(modem()), keep(modem())):
        assert decided(rules, syn()) == ("allow", "built in")
        assert decided(rules, Traffic(PC, "udp", WEB, 123)) == ("ignore", "never: ntp")


def test_groups_to_ignore_are_named_as_the_key_that_decides():
    """demand.ignore comes before what is built in."""
    rules = wake(modem(demand={"ignore": ["icmp", "netbios"]}))
    assert decided(rules, Traffic(PC, "icmp", WEB, form="echo")) == ("ignore", "demand.ignore: icmp")
    assert decided(rules, syn(port=445)) == ("ignore", "demand.ignore: netbios")


def test_the_first_rule_that_fits_decides_and_is_named_by_its_number():
    """One PC may, its network may not."""
    rules = wake(modem(wake=[{"client": str(PC)}, {"action": "ignore", "client": "192.168.0.0/24"}]))
    assert decided(rules, syn()) == ("allow", "wake[0]")
    assert decided(rules, syn(TV)) == ("ignore", "wake[1]")
    assert decided(rules, syn(ip_address("192.168.7.1"))) == ("allow", "built in")


@pytest.mark.parametrize("own", [{"client": str(PC)}, {"client": str(PC), "protocol": "tcp"}, {"port": 80}])
def test_what_a_rule_allows_must_begin_something(own):
    """Late packets of a connection that is over wake no link, though a rule allows their kind of traffic."""
    rules = wake(modem(wake=[own]))
    assert decided(rules, syn()) == ("allow", "wake[0]")
    for form in ("closing", None):
        late = Traffic(PC, "tcp", WEB, 80, form=form)
        assert decided(rules, late) == ("ignore", "never: not the beginning of a connection")


def test_a_rule_without_protocol_is_about_every_protocol():
    """Also those without ports; of ICMP, what asks and not what reports an error."""
    rules = wake(modem(wake=[{"client": str(PC)}]))
    assert decided(rules, Traffic(PC, "udp", WEB, 4000)) == ("allow", "wake[0]")
    assert decided(rules, Traffic(PC, "gre", WEB)) == ("allow", "wake[0]")
    assert decided(rules, Traffic(PC, "icmp", WEB, form="echo")) == ("allow", "wake[0]")
    assert decided(rules, Traffic(PC, "icmp", WEB)) == ("ignore", "never: errors")
    assert decided(rules, Traffic(TV, "gre", WEB)) is None


def test_one_rule_makes_no_more_than_it_needs():
    """Each of them costs the packet filter something."""
    made = [
        len([rule for rule in wake(modem(wake=[own])) if rule not in wake(modem())])
        for own in (
            {"protocol": "tcp"},
            {"protocol": "udp"},
            {"protocol": "icmp"},
            {"port": 80},
            {"client": str(PC)},
        )
    ]
    assert made == [2, 1, 2, 3, 5]


def test_a_rule_for_noise_comes_before_the_noise_is_left_out():
    """Who wants to dial for NTP may say so."""
    rules = wake(modem(wake=[{"protocol": "udp", "port": 123}], demand={"ignore": ["ntp"]}))
    assert decided(rules, Traffic(PC, "udp", WEB, 123)) == ("allow", "wake[0]")


def test_the_gateway_dials_only_by_a_rule_of_its_own():
    """No other rule is about it, and its own is about nobody else."""
    assert decided(wake(modem()), syn(own=True, client=None)) is None
    rules = wake(modem(wake=[{"client": "192.168.0.0/16"}, {"client": "gateway", "port": 80}]))
    assert decided(rules, syn(own=True, client=None)) == ("allow", "wake[1]")
    assert decided(rules, syn(own=True, client=None, port=25)) is None
    assert decided(rules, syn(ip_address("10.0.0.1"))) == ("allow", "built in")


def test_a_name_is_about_lookups_and_what_they_led_to():
    """Never dial for telemetry, neither to ask where it is nor to go there."""
    rules = wake(modem(wake=[{"action": "ignore", "name": "*.telemetry.example"}]))
    assert decided(rules, lookup("a.telemetry.example")) == ("ignore", "wake[0]")
    assert decided(rules, syn(name="a.telemetry.example")) == ("ignore", "wake[0]")
    assert decided(rules, lookup("www.example.net")) == ("allow", "built in")


@pytest.mark.parametrize(
    "own", [{"port": 993}, {"protocol": "tcp"}, {"protocol": "icmp"}, {"destination": "192.0.2.0/24"}]
)
@pytest.mark.parametrize("action", ["allow", "ignore"])
def test_a_lookup_of_a_name_counts_as_the_traffic_it_is_for(own, action):
    """A rule about the mail of one name is about its lookup too: without that nobody could find the server."""
    rules = wake(modem(wake=[{"action": action, "name": "mail.example", **own}, {"action": "ignore"}]))
    assert decided(rules, lookup("mail.example")) == (action, "wake[0]")
    assert decided(rules, lookup("www.example")) == ("ignore", "wake[1]")


def test_keep_rules_leave_out_what_ends_a_connection():
    """A rule that allows a host does not allow its goodbyes and complaints."""
    rules = keep(modem(keep=[{"client": str(PC)}, {"action": "ignore"}]))
    assert decided(rules, Traffic(PC, "tcp", WEB, 80)) == ("allow", "keep[0]")
    assert decided(rules, Traffic(PC, "tcp", WEB, 80, form="closing")) == (
        "ignore",
        "never: the end of a connection",
    )
    assert decided(rules, Traffic(PC, "icmp", WEB)) == ("ignore", "never: errors")
    assert decided(rules, Traffic(TV, "tcp", WEB, 80)) == ("ignore", "keep[1]")


def test_only_what_is_hung_up_for_quiet_has_keep_rules():
    """Else nothing needs to be counted."""
    assert keep(modem(demand={"idle": 0})) == ()
    assert keep(modem(connect="always", demand={"idle": "1m"})) == ()
    assert keep(modem(connect="manual")) == ()
    assert keep(modem(connect="manual", demand={"idle": "1m"})) != ()


def test_times_of_quiet():
    """Five minutes unless the file says otherwise; never for 0, and for a link that is not ours to hang up."""
    assert quiet(modem()) == Quiet(300)
    assert quiet(modem(demand={"idle": "90s", "min_up": "3m"})) == Quiet(90, 180)
    assert quiet(modem(demand={"idle": 0, "min_up": "3m"})) == NEVER_QUIET
    assert quiet(modem(connect="always", demand={"idle": "1m"})) == NEVER_QUIET
    assert quiet(modem(connect="manual", demand={"min_up": "1m"})) == NEVER_QUIET
    assert quiet(modem(connect="manual", demand={"idle": "1m"})) == Quiet(60)


def test_units_are_paid_only_if_the_file_says_so():
    """By a price, or by naming the unit; the default unit alone means nothing."""
    assert quiet(modem(limits={"time": "2h/day"})).unit == 0
    assert quiet(modem(limits={"price": 0.02})).unit == 60
    assert quiet(modem(limits={"charge_unit": "3m"})).unit == 180


def test_the_longest_wait_is_the_one_that_packets_have():
    """They do not say which uplink they wait for."""
    assert hold_seconds([]) == 0
    assert hold_seconds([modem(connect="always")]) == 0
    assert (
        hold_seconds([modem(demand={"hold": "30s"}), modem(), modem(connect="manual", demand={"hold": "5m"})])
        == 60
    )


def test_packets_have_a_device_to_go_to_however_long_they_are_kept():
    """That one of several is dialled on demand is enough, also with ``hold: 0s``."""
    assert not on_demand([])
    assert not on_demand([modem(connect="always"), modem(connect="manual", demand={"hold": "5m"})])
    assert on_demand([modem(connect="always"), modem(demand={"hold": "0s"})])
