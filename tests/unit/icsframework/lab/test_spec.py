from ipaddress import ip_address, ip_interface

import pytest

from icsframework.lab.errors import LabSpecError
from icsframework.lab.spec import GatewayService, HostSpec, InterfaceSpec, LabSpec


def test_the_address_of_a_host_is_its_first():
    """The first static address, whatever interface has it; a host without one says so."""
    first = InterfaceSpec("eth0", "a", dhcp=True)
    second = InterfaceSpec("eth1", "a", (ip_interface("192.0.2.7/24"), ip_interface("192.0.2.8/24")))
    assert HostSpec("h", (first, second)).address == ip_address("192.0.2.7")
    with pytest.raises(LabSpecError, match="host h has no static address"):
        HostSpec("h", (first,)).address  # noqa: B018


def test_labs_are_varied_without_changing_them():
    """with_host and with_gateway_config give a new lab; the rest and the order stay."""
    lab = LabSpec((), {"gateway": HostSpec("gateway", forward=True), "b": HostSpec("b")})
    other = lab.with_gateway_config("lans: []")
    assert other.hosts["gateway"] == HostSpec("gateway", forward=True, gateway=GatewayService("lans: []"))
    assert list(other.hosts) == ["gateway", "b"]
    assert lab.hosts["gateway"].gateway is None
    assert list(lab.with_host(HostSpec("c")).hosts) == ["gateway", "b", "c"]
