"""Default routes as the kernel shows them."""

from icsframework.host.defaultroutes import DefaultRoute, parse, read_default_routes

SHOWN = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth9\t00000000\t010AA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
half\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
icsh0\t00000000\t00000000\t0001\t0\t0\t2147483647\t00000000\t0\t0\t0
*\t00000000\t00000000\t0201\t0\t0\t-1\t00000000\t0\t0\t0
nonsense
"""


def test_only_whole_default_routes_count():
    """Neither subnets nor halves of the Internet, nor a route that leads nowhere."""
    assert parse(SHOWN) == (DefaultRoute("eth9", 100), DefaultRoute("icsh0", 2147483647))


def test_the_kernel_shows_it_in_this_shape():
    """Whatever routes this machine has, they can be read."""
    assert all(route.interface and route.metric >= 0 for route in read_default_routes())
