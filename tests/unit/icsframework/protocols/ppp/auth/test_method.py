"""What the ends bring along."""

from icsframework.protocols.ppp.auth.method import Credentials, Method


def test_each_method_has_its_option_and_its_title():
    """The values are those that LCP negotiates (RFC 1661 section 6.2, RFC 1994 section 3, RFC 2759 section 3)."""
    assert {method.title: method.value.hex() for method in Method} == {
        "PAP": "c023",
        "CHAP": "c22305",
        "MS-CHAPv2": "c22381",
    }


def test_a_password_is_never_shown():
    """Neither repr nor str nor a format has it."""
    credentials = Credentials("guest", "open sesame")
    assert "sesame" not in f"{credentials!r} {credentials}"
    assert "guest" in repr(credentials)
