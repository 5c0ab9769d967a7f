"""Words of nft's language: whatever comes from outside cannot become another statement."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane import text
from icsframework.dataplane.ruleset import Element
from icsframework.errors import ConfigurationError


def test_interface_names():
    """Every name is quoted, a star at the end escaped."""
    assert [text.quote(name) for name in ("eth0", "it's", "accept", "a*b", "x*")] == [
        '"eth0"',
        '"it\'s"',
        '"accept"',
        '"a*b"',
        '"x\\*"',
    ]


@pytest.mark.parametrize(
    "name", ["", "sixteen-bytes-xx", 'a"b', "a b", "a\nb", "a/b", "a:b", "fourteen-bytes*", "ä" * 8, "a\\*"]
)
def test_interface_names_that_nft_cannot_say(name):
    """They are refused with a sentence that names the interface and the way out."""
    with pytest.raises(ConfigurationError, match="rename it with: ip link set"):
        text.quote(name)


@given(st.text(max_size=300))
def test_any_comment_is_one_string(words):
    """A comment has its two quotes and none inside, no control characters, and fits the kernel's limit."""
    said = text.comment(words)
    assert said[0] == said[-1] == '"'
    assert '"' not in said[1:-1]
    assert said[1:-1].isprintable()
    assert len(said[1:-1].encode()) <= text.MAX_COMMENT


@given(st.text(max_size=40))
def test_any_word_is_harmless(word):
    """A word of an element is refused unless it is plain letters, digits and a few signs."""
    try:
        said = text.atom(word, "inet_proto")
    except ValueError:
        return
    assert not set(said) & set(" \t\n;{},\"'#@$&|=!<>*\\")


def test_elements():
    """An element is written with everything it carries, in nft's order."""
    key = (0x00030000, ip_address("192.0.2.1"), "tcp", 80)
    kinds, data = ("mark", "ipv4_addr", "inet_proto", "inet_service"), ("ipv4_addr", "inet_service")
    item = Element(key, (ip_address("192.168.0.9"), 8080), 60, 41.5, 'owner="ftp"')
    assert text.element(item, kinds, data) == (
        "0x00030000 . 192.0.2.1 . tcp . 80 timeout 60s expires 41s500ms comment \"owner='ftp'\" : 192.168.0.9 . 8080"
    )
    assert text.element(Element((ip_network("10.0.0.0/8"),)), ("ipv4_addr",), ()) == "10.0.0.0/8"
    assert text.element(Element(("eth0",)), ("ifname",), ()) == '"eth0"'
    with pytest.raises(ValueError, match="2 fields for the type mark"):
        text.element(Element((1, 2)), ("mark",), ())


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "1ms"), (-3, "1ms"), (0.25, "250ms"), (60, "60s"), (86400.001, "86400s1ms")]
)
def test_durations(seconds, said):
    """Times are written to the millisecond, and never as nothing, which would mean for ever."""
    assert text.duration(seconds) == said


def test_priorities():
    """A priority has its name only at the hooks where nft knows it, and an offset when it is near one."""
    said = [
        text.priority(*pair)
        for pair in [
            (-150, "output"),
            (-100, "prerouting"),
            (-100, "output"),
            (110, "postrouting"),
            (110, "input"),
            (-5, "forward"),
            (3, "forward"),
        ]
    ]
    assert said == ["mangle", "dstnat", "-100", "srcnat + 10", "110", "-5", "filter + 3"]
