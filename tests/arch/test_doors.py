"""Doors that stay open for what comes later: IPv6, eBPF data paths, a passive node, shaping (docs/architecture.md)."""

import ast
import dataclasses
import inspect
import types
import typing
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address

import pytest
from zope.interface.verify import Invalid, verifyClass

from icsframework import values
from icsframework.dataplane.marks import DEFAULT_MASK, Marks
from icsframework.fields import LanServiceConfig, NatHelperConfig, UplinkConfig
from icsframework.interfaces import IJournal, ILanService

ONLY_V4 = {IPv4Address, IPv4Interface, IPv4Network}


def parts_of(annotation):
    """The types an annotation is made of, without those of containers: tuple[A | B, ...] gives [A | B]."""
    if isinstance(annotation, list):  # the arguments of a Callable
        return [part for argument in annotation for part in parts_of(argument)]
    if typing.get_origin(annotation) in (None, typing.Union, types.UnionType, typing.Literal):
        return [annotation]
    return [part for argument in typing.get_args(annotation) for part in parts_of(argument)]


def v4_only(cls):
    """The fields of a value that hold an IPv4 address and could not hold an IPv6 one."""
    found = []
    for name, annotation in typing.get_type_hints(cls).items():
        for part in parts_of(annotation):
            choices = set(typing.get_args(part)) if isinstance(part, types.UnionType) else {part}
            v6 = any(getattr(c, "__name__", "").startswith("IPv6") for c in choices)
            if choices & ONLY_V4 and not v6:
                found.append(f"{cls.__name__}.{name}")
    return found


def the_values():
    """Every dataclass that crosses contracts."""
    return [cls for _, cls in inspect.getmembers(values, dataclasses.is_dataclass) if isinstance(cls, type)]


def test_no_value_is_for_ipv4_only():
    """Whatever holds an address can hold one of either family."""
    assert len(the_values()) > 20
    assert [field for cls in the_values() for field in v4_only(cls)] == []


def test_the_ipv4_rule_can_fail():
    """A plain IPv4 field is found, also inside a container or beside None; one of either family is not."""

    @dataclasses.dataclass
    class Bad:
        one: IPv4Address
        maybe: IPv4Network | None
        many: tuple[IPv4Interface, ...]
        either: IPv4Address | IPv6Address
        name: str

    assert v4_only(Bad) == ["Bad.one", "Bad.maybe", "Bad.many"]


def test_a_link_may_be_carried_by_ebpf():
    """Link.carrier has room for every data path that is planned, and a link for both families."""
    hints = typing.get_type_hints(values.Link)
    assert set(typing.get_args(hints["carrier"])) == {"kernel", "inline", "pump", "ebpf"}
    assert values.Family in typing.get_args(hints["v4"])
    assert values.Family in typing.get_args(hints["v6"])


def test_family_has_prefixes_with_lifetimes():
    """Prefix delegation needs no new value."""
    assert typing.get_args(typing.get_type_hints(values.Family)["prefixes"])[0] is values.Prefix
    assert {"net", "preferred_until", "valid_until"} <= set(typing.get_type_hints(values.Prefix))


def test_a_mark_bit_is_kept_for_offload():
    """The mark has a bit for flows that a faster path has taken over, apart from the uplink's and inside ours."""
    marks = Marks()
    assert marks.offload.bit_count() == 1
    assert marks.offload & marks.uplink_mask == 0
    assert marks.offload & marks.mask == marks.offload


def numbers_of_marks(module):
    """Places that know the position of our mark bits by a number of their own."""
    known = {DEFAULT_MASK, Marks().uplink_mask, Marks().offload}
    return [
        f"{module.path}:{node.lineno} knows {node.value:#x}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in known
        if module.name != "icsframework.dataplane.marks"
    ]


def test_mark_bits_are_known_in_one_place(modules):
    """Everybody asks marks.py, so that its layout can change for the offload bit or a second field."""
    assert [place for module in modules for place in numbers_of_marks(module)] == []


def test_the_mark_rule_can_fail(module):
    """The default mask, written out elsewhere, is seen."""
    assert numbers_of_marks(module("icsframework/a.py", "MASK = 0x00ff0000"))
    assert not numbers_of_marks(module("icsframework/dataplane/marks.py", "MASK = 0x00ff0000"))


def test_a_lan_service_can_be_withdrawn():
    """A LAN can be taken away from a running service: for renumbering, reload and a passive node."""
    methods = {
        name: method.getSignatureString()
        for name, method in ILanService.namesAndDescriptions(all=True)
        if hasattr(method, "getSignatureString")
    }
    assert methods["serve"] == "(lan, config)"
    assert methods["withdraw"] == "(lan)"


def test_withdraw_is_demanded():
    """zope refuses a LAN service class without withdraw, so the contract is more than words."""

    class NoWithdraw:
        def serve(self, lan, config):
            """Serve."""

    with pytest.raises(Invalid, match="withdraw"):
        verifyClass(ILanService, NoWithdraw, tentative=True)


def test_a_second_node_can_follow_a_journal():
    """store.follow is part of the contract from the first day."""
    assert "follow" in IJournal


LATER = {
    UplinkConfig: {"shaping", "ipv6", "vlan", "weight", "tags"},
    LanServiceConfig: {"ipv6", "tags"},
    NatHelperConfig: {"fail", "uplinks", "tags"},
}
"""Keys that the core keeps for itself before it has a use for all of them."""


@pytest.mark.parametrize("base", LATER, ids=lambda base: base.__name__)
def test_keys_for_later_are_reserved(base):
    """No plugin can take a key that the core will need, so that using it one day breaks nobody's file."""
    assert LATER[base] <= base.reserved


def test_a_plugin_cannot_declare_shaping():
    """The reservation is enforced when the plugin's class is made, and the error names class and key."""
    with pytest.raises(TypeError, match=r"Greedy declares shaping, reserved"):

        class Greedy(UplinkConfig):
            shaping: int = 0
