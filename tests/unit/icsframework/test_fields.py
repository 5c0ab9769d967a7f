"""The configuration types as pydantic models use them."""

import json
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface
from typing import Annotated

import pytest
from pydantic import ValidationError

from icsframework import fields, values
from icsframework.addresses import PortRange
from icsframework.fields import Period, Rate, SecretValue, Section
from icsframework.quantities import TimeWindow


class Everything(Section):
    """One key of each type."""

    duration: fields.Duration
    size: fields.Size
    bandwidth: fields.Bandwidth
    money: fields.Money
    time_rate: fields.TimeRate
    size_rate: fields.SizeRate
    count_rate: fields.CountRate
    money_rate: fields.MoneyRate
    window: fields.TimeWindow
    secret: fields.Secret
    name: fields.Name
    interface: fields.InterfaceName
    mac: fields.MacAddress
    host: fields.HostName
    domain: fields.DomainName
    pattern: fields.DomainPattern
    address: fields.IpAddress
    v4: fields.Ipv4Address
    v6: fields.Ipv6Address
    on_link: fields.InterfaceAddress
    on_link4: fields.Ipv4Interface
    on_link6: fields.Ipv6Interface
    network: fields.Network
    endpoint: fields.Endpoint
    port: fields.Port
    ports: fields.PortRange


WRITTEN = {
    "duration": "1h30m",
    "size": "500MB",
    "bandwidth": "20Mbit/s",
    "money": 0.02,
    "time_rate": "2h/day",
    "size_rate": "500MB/month",
    "count_rate": "20/hour",
    "money_rate": "10/month",
    "window": "06:00-23:00",
    "secret": {"file": "/etc/ics/modem.password"},
    "name": "home",
    "interface": "eth0",
    "mac": "02-00-5E-00-53-01",
    "host": "Printer",
    "domain": "Home.Arpa.",
    "pattern": "*.telemetry.example",
    "address": "fd00::10",
    "v4": "192.168.0.10",
    "v6": "fd00::10",
    "on_link": "fd00::1/64",
    "on_link4": "192.168.0.1/24",
    "on_link6": "fd00::1/64",
    "network": "10.0.0.0/8",
    "endpoint": "[fd00::1]:80",
    "port": 80,
    "ports": "6112-6119",
}
MEANT = {
    "duration": 5400.0,
    "size": 500_000_000,
    "bandwidth": 20_000_000,
    "money": Decimal("0.02"),
    "time_rate": Rate(7200.0, Period.DAY),
    "size_rate": Rate(500_000_000, Period.MONTH),
    "count_rate": Rate(20, Period.HOUR),
    "money_rate": Rate(Decimal(10), Period.MONTH),
    "window": TimeWindow(360, 1380),
    "secret": SecretValue.parse({"file": "/etc/ics/modem.password"}),
    "name": "home",
    "interface": "eth0",
    "mac": "02:00:5e:00:53:01",
    "host": "printer",
    "domain": "home.arpa",
    "pattern": "*.telemetry.example",
    "address": IPv6Address("fd00::10"),
    "v4": IPv4Address("192.168.0.10"),
    "v6": IPv6Address("fd00::10"),
    "on_link": IPv6Interface("fd00::1/64"),
    "on_link4": IPv4Interface("192.168.0.1/24"),
    "on_link6": IPv6Interface("fd00::1/64"),
    "network": IPv4Network("10.0.0.0/8"),
    "endpoint": values.Endpoint(IPv6Address("fd00::1"), 80),
    "port": 80,
    "ports": PortRange(6112, 6119),
}


def test_each_type_reads_the_spelling_of_the_file():
    """Text and numbers of the file become values of the declared types."""
    assert dict(Everything(**WRITTEN)) == MEANT


def test_each_type_takes_its_own_values():
    """A model can be built in Python from values as well as from text."""
    assert Everything(**MEANT) == Everything(**WRITTEN)


def test_a_model_is_written_back_as_text_and_reads_back():
    """The JSON form of a model is what a person could have written."""
    model = Everything(**WRITTEN)
    dumped = model.model_dump(mode="json")
    assert (dumped["duration"], dumped["time_rate"], dumped["endpoint"]) == (
        "1h30m",
        "2h/day",
        "[fd00::1]:80",
    )
    assert Everything(**json.loads(json.dumps(dumped))) == model


@pytest.mark.parametrize("key", sorted(WRITTEN))
def test_each_type_says_in_its_error_what_to_write(key):
    """The message of every refusal ends with an example."""
    with pytest.raises(ValidationError) as caught:
        Everything(**{**WRITTEN, key: ["?"]})
    (error,) = caught.value.errors()
    assert error["loc"] == (key,)
    assert error["ctx"]["error"].advice


def test_each_type_shows_itself_in_the_json_schema():
    """Type, meaning and an example that the type accepts."""
    properties = Everything.model_json_schema()["properties"]
    assert set(properties) == set(WRITTEN)
    for key, schema in properties.items():
        assert schema["type"]
        assert schema["description"]
        for example in schema["examples"]:
            Everything(**{**WRITTEN, key: example})


def test_a_plain_secret_never_leaves_a_model():
    """Neither repr, JSON nor a validation error of the model holds it."""

    class Login(Section):
        user: fields.Name
        password: fields.Secret

    login = Login(user="guest", password="hunter2")
    with pytest.raises(ValidationError) as caught:
        Login(user="GUEST", password="hunter2")
    assert "hunter2" not in f"{login!r}{login.model_dump_json()}{caught.value}"
    assert login.password.reveal() == "hunter2"


def test_one_or_more_takes_a_value_without_brackets():
    """A list of one may be written as the value itself; the schema says so."""

    class Servers(Section):
        dns: Annotated[tuple[fields.IpAddress, ...], fields.OneOrMore()] = ()

    assert Servers(dns="192.0.2.1").dns == Servers(dns=["192.0.2.1"]).dns == (IPv4Address("192.0.2.1"),)
    assert [form["type"] for form in Servers.model_json_schema()["properties"]["dns"]["anyOf"]] == [
        "string",
        "array",
    ]


def test_every_name_is_there():
    """What __all__ promises exists."""
    assert [name for name in fields.__all__ if not hasattr(fields, name)] == []
