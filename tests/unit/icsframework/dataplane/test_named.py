"""Sets of what names led to."""

from ipaddress import ip_address

from icsframework.dataplane.named import make_set, name_set, name_sets, named_element, patterns
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.uplinks.traffic import TrafficRule


def rule(name, **fields):
    """A rule about a name."""
    return TrafficRule("ignore", "wake[0]", name=name, **fields)


def test_patterns_of_all_rules():
    """Of waking and of keeping, each once whatever its case; not of rules about the gateway itself, whose names nobody knows."""
    plane = DataPlane(
        hold=HoldSide(wake={"modem": (rule("*.B.example"), rule(""), rule("own.example", gateway=True))}),
        keep={"modem": (rule("*.b.example"),), "lte": (rule("a.example"),)},
    )
    assert patterns(plane) == ("*.b.example", "a.example")
    assert [item.name for item in name_sets(plane)] == [name_set("*.b.example"), name_set("a.example")]
    assert patterns(DataPlane()) == name_sets(DataPlane()) == ()


def test_a_set_has_the_same_name_from_load_to_load():
    """By its pattern, in any case; a reload keeps what is in it, and a stranger's pattern is another set."""
    assert name_set("*.Example.net") == name_set("*.example.net") != name_set("example.net")
    item = make_set(name_set("a.example"), "a.example")
    assert (item.dynamic, item.flags) == (True, {"dynamic", "timeout"})
    assert len(name_set("x" * 253)) < 32


def test_elements_have_the_type_of_the_set():
    """Client and address, for a time."""
    name, element = named_element("a.example", ip_address("192.168.0.9"), ip_address("192.0.2.80"), 60.0)
    assert (name, len(element.key), element.timeout) == (
        name_set("a.example"),
        len(make_set(name).type),
        60.0,
    )
