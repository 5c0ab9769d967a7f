"""What stands in replies (RFC 2131 table 3, RFC 2132, 3046, 6842)."""

from ics_plugins.lan.dhcp.replies import MAX_LISTS, wire_of
from icsframework.protocols.dhcp.message import Message


def test_the_request_list_decides_what_is_sent(paper):
    """RFC 2131 section 4.3.1 and RFC 2132 section 3.3: in the client's order, mask first, each once, none without a value."""
    lan = paper(ntp=["192.168.0.7"])
    lan.send("DISCOVER", options={55: bytes((42, 3, 6, 42, 44, 1))})
    assert list(lan.replies[0].options) == [53, 54, 51, 58, 59, 1, 42, 3, 6]


def test_a_client_that_asks_for_nothing_gets_the_usual(paper):
    """Without option 55: mask, router, DNS, domain, broadcast address."""
    lan = paper()
    lan.send("DISCOVER")
    assert list(lan.replies[0].options) == [53, 54, 51, 58, 59, 1, 3, 6, 15, 28]


def test_overrides_and_further_options(paper):
    """Router, DNS and domain can be set; an option of no value is not sent (RFC 5625 section 5.2)."""
    lan = paper(
        router="192.168.0.2", dns=["192.0.2.1", "192.0.2.2"], domain="example.org",
        options={"interface-mtu": 1400, "domain-search": ["a.example", "b.example"], "option-43": "01:02"},
    )  # fmt: skip
    lan.send("DISCOVER", options={55: bytes((3, 6, 15, 26, 119, 43, 42))})
    options = lan.replies[0].options
    assert options[3] == bytes((192, 168, 0, 2))
    assert options[6] == bytes((192, 0, 2, 1, 192, 0, 2, 2))
    assert (options[15], options[26], options[43]) == (b"example.org", b"\x05\x78", b"\x01\x02")
    assert options[119] == b"\x01a\x07example\0\x01b\x07example\0"
    assert 42 not in options


def test_the_client_identifier_is_echoed(paper):
    """RFC 6842 section 3: byte for byte in OFFER, ACK and NAK, and absent if it was not sent."""
    lan = paper()
    echoed = []
    for kind, more in (
        ("DISCOVER", {}),
        ("REQUEST", {"requested": "192.168.0.100"}),
        ("REQUEST", {"ciaddr": "10.0.0.1"}),
    ):
        lan.send("DISCOVER", client_id=b"\x00odd \xff")
        lan.send("REQUEST", client_id=b"\x00odd \xff", requested="192.168.0.100", server="192.168.0.1")
        lan.send(kind, client_id=b"\x00odd \xff", **more)
        echoed.append(lan.replies[0].options[61])
    assert echoed == [b"\x00odd \xff"] * 3
    lan.send("DISCOVER", 2)
    assert 61 not in lan.replies[0].options


def test_the_relays_option_is_echoed_last(paper):
    """RFC 3046 section 2.2: unchanged and last; never invented."""
    lan = paper()
    lan.send("DISCOVER", options={82: b"\x01\x04port", 61: b"\x01abc"})
    assert list(lan.replies[0].options.items())[-1] == (82, b"\x01\x04port")
    lan.send("DISCOVER", 2)
    assert 82 not in lan.replies[0].options


def test_option_81_is_answered_only_if_asked(paper):
    """RFC 4702: present in the reply if the client sent it."""
    lan = paper()
    lan.send("DISCOVER", options={81: b"\x01\0\0pc"})
    assert lan.replies[0].options[81][:3] == b"\x01\xff\xff"


def test_what_does_not_fit_is_left_out(paper):
    """A reply keeps to the size that the client accepts; what matters stays, the last asked for goes first."""
    lan = paper(options={"option-43": "ab" * 250, "root-path": "r" * 200, "option-224": "cd" * 100})
    lan.send("DISCOVER", options={55: bytes((43, 17, 224, 3)), 61: b"\x01" * 200, 82: b"\x02" * 100})
    wire = wire_of(lan.actions[0])
    assert len(wire) <= 548
    read = Message.from_wire(wire)
    assert {53, 54, 51, 1, 3, 61, 82} <= set(read.options)
    assert not {17, 224} <= set(read.options)


def test_kept_answers_are_bounded(paper):
    """Random request lists do not fill memory."""
    lan = paper()
    for n in range(MAX_LISTS + 50):
        lan.send("DISCOVER", options={55: n.to_bytes(2, "big") + b"\x03"})
        assert 3 in lan.replies[0].options
    assert len(lan.server._write._by_list) <= MAX_LISTS
