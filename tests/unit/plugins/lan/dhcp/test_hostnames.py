"""Names that clients give themselves (RFC 952, 1123, 4702)."""

import pytest

from ics_plugins.lan.dhcp.hostnames import E, N, NameBook, O, S, fqdn_answer, hostname_of, sanitised


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b"pc", "pc"),
        (b"PC.home.arpa", "pc"),
        (b"Anna's iPhone", "annas-iphone"),
        (b"living_room tv\0\0", "living-room-tv"),
        (b"-x-", "x"),
        (b"--", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"a\x1b[2Jb\n", "a2jb"),
        (b"a" * 62 + b"-bc", "a" * 62),
        (b"a" * 300, "a" * 63),
        (b"localhost", ""),
        (b"WPAD", ""),
        (b".pc", ""),
    ],
)
def test_a_name_is_made_fit_for_dns(said, name):
    """One label of letters, digits and inner hyphens, at most 63; names with power over others are refused."""
    assert sanitised(said) == name


def test_option_12_goes_before_option_81():
    """The client's name is that of option 12, else of option 81 in either encoding."""
    assert hostname_of({12: b"one", 81: b"\0\0\0two"}) == "one"
    assert hostname_of({81: b"\0\0\0two.example"}) == "two"
    assert hostname_of({81: b"\x04\0\0\x03two\x07example\0"}) == "two"
    assert [hostname_of(o) for o in ({}, {81: b"\0\0\0"}, {81: b""}, {81: b"\x04\0\0\xc0\x0c"})] == [""] * 4


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (bytes((S, 0, 0)) + b"pc", bytes((S, 255, 255)) + b"pc.home.arpa"),
        (bytes((0, 0, 0)) + b"pc", bytes((S | O, 255, 255)) + b"pc.home.arpa"),
        (bytes((N, 0, 0)), bytes((N, 255, 255)) + b"pc.home.arpa"),
        (bytes((E | S, 0, 0)) + b"\x02pc", bytes((E | S, 255, 255)) + b"\x02pc\x04home\x04arpa\0"),
        (b"\0\0", None),
    ],
)
def test_option_81_is_answered(asked, answer):
    """RFC 4702 section 4: we do the A update and say so, unless the client wants none; same encoding back."""
    assert fqdn_answer(asked, "pc", "home.arpa") == answer


def test_without_a_name_option_81_has_none():
    """A client whose name we do not publish gets flags and no name."""
    assert fqdn_answer(b"\x01\0\0pc", "", "home.arpa") == b"\x01\xff\xff"


def test_first_come_first_served():
    """A name belongs to the address that has it until it is released."""
    book = NameBook()
    assert [book.claim(1, "pc"), book.claim(2, "pc"), book.claim(1, "pc")] == ["pc", "", "pc"]
    assert book.release(1) == "pc"
    assert (book.claim(2, "pc"), book.name_of(1), book.name_of(2)) == ("pc", "", "pc")


def test_a_reservation_takes_its_name_back():
    """By right a name is taken from whoever has it."""
    book = NameBook()
    book.claim(1, "printer")
    assert book.claim(2, "printer", by_right=True) == "printer"
    assert (book.name_of(1), book.release(1), book.name_of(2)) == ("", "", "printer")


def test_a_client_that_changes_its_name_frees_the_old_one():
    """One name an address; no name is no name."""
    book = NameBook()
    book.claim(1, "old")
    assert book.claim(1, "new") == "new"
    assert book.claim(2, "old") == "old"
    assert (book.claim(1, ""), book.name_of(1)) == ("", "")
