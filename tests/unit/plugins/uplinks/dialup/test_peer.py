"""What PPP is told, and the link that comes of it."""

from ipaddress import IPv4Address, IPv4Interface

from ics_plugins.uplinks.dialup.config import DialupConfig
from ics_plugins.uplinks.dialup.peer import agreed, link_settings, make_link
from icsframework.protocols.ppp.actions import Result
from icsframework.protocols.ppp.auth.method import Method
from icsframework.values import Family, UplinkSettings

RESULT = Result(
    IPv4Address("10.0.0.2"),
    IPv4Address("10.0.0.1"),
    (IPv4Address("10.0.0.53"),),
    1400,
    1500,
    "CHAP",
    "",
    "x" * 200,
    16,
    0,
)


def config(**keys):
    return DialupConfig.model_validate({"device": "/dev/ttyS0", "numbers": "1", **keys})


def test_the_settings_of_ppp():
    """Each key has its place; without a user there are no credentials."""
    plain = link_settings(config(), None, None)
    assert (plain.credentials, plain.mtu, plain.lcp.mru, plain.lcp.echo.interval) == (None, 1500, 1500, 20.0)
    assert plain.ipcp.vj is not None
    made = link_settings(
        config(user="u", password="p", auth=["chap"], mru=576, vj=False, accm=655360, echo=0), "p", 1000
    )
    assert (made.credentials.user, made.credentials.password) == ("u", "p")
    assert (made.lcp.accept, made.lcp.mru, made.lcp.accm, made.lcp.echo.interval) == (
        (Method.CHAP_MD5,),
        576,
        655360,
        0,
    )
    assert (made.ipcp.vj, made.mtu) == (None, 1000)


def test_the_link():
    """A /32 and no gateway: the route needs the interface only; DNS servers of the file come before the provider's."""
    settings = UplinkSettings("modem", "icsu-modem", config(), metered=True)
    link = make_link(settings, 7, RESULT, 12.5)
    assert (link.interface, link.ifindex, link.parent, link.kind, link.carrier) == (
        "icsu-modem",
        7,
        None,
        "ppp",
        "inline",
    )
    assert (link.mtu, link.metered, link.since, link.v6) == (1400, True, 12.5, None)
    assert link.v4 == Family((IPv4Interface("10.0.0.2/32"),), None, RESULT.dns)
    own = UplinkSettings("modem", "icsu-modem", config(), dns=(IPv4Address("192.0.2.1"),))
    assert make_link(own, 7, RESULT, 0.0).v4.dns == (IPv4Address("192.0.2.1"),)


def test_what_status_shows():
    """Peer, servers, how we proved who we are; a long welcome is cut."""
    shown = agreed(RESULT)
    assert shown == {"peer": "10.0.0.1", "dns": ["10.0.0.53"], "authentication": "CHAP", "message": "x" * 80}
