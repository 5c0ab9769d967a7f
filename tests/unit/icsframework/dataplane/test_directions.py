"""The chains of single directions; all of them stand in tests/golden."""

from ipaddress import ip_interface

from icsframework.dataplane.directions import entering, from_lan, leaving
from icsframework.dataplane.doors import Doors, KernelAid, Trigger
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.values import PortSpan

HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
CABLE = UplinkSide("cable", 1, "eth0")
PLAIN = DataPlane((HOME,), (CABLE,))
PPTP = KernelAid("pptp", "pptp", "tcp", (1723,))
GAME = Trigger("games", "x", (PortSpan("tcp", 1, 1),), (), 9.0)


def test_flows_out_pass_a_helpers_rules_only_where_there_are_some():
    """Without kernel helpers and triggers a new flow goes to its uplink in one step."""
    assert leaving(PLAIN) == ()
    assert "goto to_uplink_cable" in from_lan(HOME, PLAIN).rules[0].expression
    for doors in (Doors(kernel=(PPTP,)), Doors(triggers=(GAME,))):
        plane = DataPlane((HOME,), (CABLE,), doors=doors)
        leave, last = leaving(plane)
        assert "goto leave_cable" in from_lan(HOME, plane).rules[0].expression
        assert [rule.expression for rule in leave.rules][-1] == "goto leaving"
        assert [rule.expression for rule in last.rules][-1] == "accept"


def test_what_came_in_is_accepted_after_everything_else():
    """Expectations are used up, and helpers given, before the verdict; no earlier rule has one."""
    rules = [
        rule.expression for rule in entering(DataPlane((HOME,), (CABLE,), doors=Doors(kernel=(PPTP,)))).rules
    ]
    assert rules[-1] == "accept"
    assert not [rule for rule in rules[:-1] if rule.endswith(("accept", "drop", "return"))]
    assert 'ct helper set "pptp_tcp"' in rules[0]
    assert sum("delete @expect" in rule for rule in rules) == 4
