"""The section publish:."""

from ipaddress import IPv4Address

import pytest

from icsframework.config.publish import PublishSection, parse_target, show_target
from icsframework.fields import FieldError
from icsframework.values import Endpoint


def published(**keys):
    """A published service."""
    return PublishSection(**{"name": "web", "protocol": "tcp", "port": 80, "to": "192.168.0.10:8080", **keys})


def test_the_inside_end():
    """As written, or with the published port if the target has none."""
    inside = IPv4Address("192.168.0.10")
    assert published().inside == Endpoint(inside, 8080)
    assert published(to="192.168.0.10").inside == Endpoint(inside, 80)
    assert published(to="192.168.0.10", port="6112-6119").inside == Endpoint(inside, 6112)


def test_a_target_reads_back():
    """With and without port."""
    for text in ("192.168.0.10:8080", "192.168.0.10", "[fd00::1]:80", "fd00::1"):
        assert show_target(parse_target(text)) == text


@pytest.mark.parametrize(
    "value", [None, 80, "", "printer:80", "192.168.0.10:0", "192.168.0.10:http", "192.168.0.10/24"]
)
def test_what_is_no_target_is_refused(value):
    """With an example."""
    with pytest.raises(FieldError, match="is not an address with a port; write for example"):
        parse_target(value)
