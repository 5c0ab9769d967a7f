"""Which connections to forget."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from icsframework.dataplane import flows
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.values import Link

LANS = [ip_network("192.168.0.0/24")]
PC, SERVER, OUTSIDE = map(ip_address, ("192.168.0.10", "192.0.2.80", "203.0.113.5"))
UNTRANSLATED = flows.Tracked(17, PC, SERVER, SERVER, PC)


def test_filters():
    """Flows are chosen by the uplink field of their mark, under its mask."""
    assert flows.of_uplink(UplinkSide("dsl", 2, "eth2"), Marks()) == flows.MarkFilter(0x00020000, 0x001F0000)
    assert flows.of_any_uplink(Marks(), {3, 1}) == (
        flows.MarkFilter(0x00010000, 0x001F0000),
        flows.MarkFilter(0x00030000, 0x001F0000),
    )


def test_stranded():
    """A LAN host's flow to the outside without translation is stranded; translated, foreign and local ones are not."""
    assert flows.is_stranded(UNTRANSLATED, LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_destination=OUTSIDE), LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, source=SERVER, reply_destination=SERVER), LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_source=ip_address("192.168.0.11")), LANS, [])
    assert not flows.is_stranded(UNTRANSLATED, LANS, [ip_network("192.0.2.0/24")])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_source=ip_address("224.0.0.251")), LANS, [])


# --- several uplinks ----------------------------------------------------------------------------


def plane(*uplinks):
    """A data plane from words like "cable1", "-cable1" (down) and "$cable1" (up, metered), in order of preference."""
    sides = []
    for word in uplinks:
        name, index = word.lstrip("-$")[:-1], int(word[-1])
        link = Link(name, 2, None, "ethernet", "kernel", 1500, word[0] == "$", 0.0, None)
        sides.append(UplinkSide(name, index, name, None if word[0] == "-" else link))
    return DataPlane(uplinks=tuple(sides))


@pytest.mark.parametrize(
    ("before", "after", "forgotten"),
    [
        # it dies: only its flows, and only if there is another one
        (["cable1", "dsl2"], ["-cable1", "dsl2"], (1,)),
        (["cable1", "dsl2"], ["cable1", "-dsl2"], (2,)),
        (["cable1"], ["-cable1"], ()),
        (["cable1", "-dsl2"], ["-cable1", "-dsl2"], ()),
        # the other one comes later
        (["-cable1", "-dsl2"], ["-cable1", "dsl2"], (1,)),
        # it was only a short break
        (["-cable1", "-dsl2"], ["cable1", "-dsl2"], (2,)),
        # the better one returns: flows stay where they are, but not on a metered link
        (["-cable1", "dsl2"], ["cable1", "dsl2"], ()),
        (["-cable1", "$modem2"], ["cable1", "$modem2"], (2,)),
        (["-cable1", "$modem2", "$umts3"], ["cable1", "$modem2", "$umts3"], (2, 3)),
        # a metered one that is preferred is preferred
        (["$modem1", "-cable2"], ["$modem1", "cable2"], ()),
        (["-cable1", "$modem2"], ["$cable1", "$modem2"], ()),
        # nothing has changed
        (["cable1", "$modem2", "-dsl3"], ["cable1", "$modem2", "-dsl3"], ()),
        # no longer configured; its index is another one's
        (["cable1", "dsl2"], ["cable1"], (2,)),
        (["dsl2"], ["-cable1"], ()),
        (["dsl1"], ["-cable1"], (1,)),
        (["cable1", "dsl2"], ["dsl2", "cable1"], ()),
        # a start that knows nothing
        ([], ["cable1", "-dsl2"], (2,)),
        ([], ["-cable1"], ()),
    ],
)
def test_what_a_change_makes_the_kernel_forget(before, after, forgotten):
    """Dead uplinks' flows if there is another one, metered ones' when a better one is back, nothing else."""
    assert flows.to_forget(plane(*before), plane(*after)) == forgotten


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (["-cable1", "dsl2"], (1,)),
        (["cable1", "dsl2"], ()),
        (["-cable1", "-dsl2"], ()),
        (["dsl2"], (1,)),
        ([], ()),
    ],
)
def test_the_second_look_is_at_what_is_true_then(later, left):
    """An uplink that is back a second later keeps its flows."""
    assert flows.still_to_forget((1,), plane(*later)) == left
