"""Counters of the packet filter, straight from the kernel."""

import subprocess

import pytest

from icsframework.errors import HostError
from icsframework.host.rulecounters import read_counters
from icsframework.testing.namespace import fresh_network

TABLE = """
table inet ics {
    counter seen {
        packets 3 bytes 7
    }
    counter unseen {
    }
    chain c {
        type filter hook output priority 0; policy accept;
        oifname "lo" counter name seen
    }
}
table inet other {
    counter foreign {
    }
}
"""


@pytest.fixture
def network(root):
    with fresh_network():
        yield


def test_those_of_one_table(network):
    """By name, with their packets; a table that is not there has none."""
    assert read_counters("ics") == {}
    subprocess.run(["nft", "-f", "-"], input=TABLE, text=True, check=True)
    assert read_counters("ics") == {"seen": 3, "unseen": 0}
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ping", "-c", "1", "127.0.0.1"], check=True, stdout=subprocess.DEVNULL)
    assert read_counters("ics")["seen"] == 5


def test_more_than_a_datagram(network):
    """A list of any length."""
    many = "\n".join(f"counter keep_uplink{number} {{\n}}" for number in range(2000))
    subprocess.run(["nft", "-f", "-"], input=f"table inet ics {{\n{many}\n}}\n", text=True, check=True)
    assert len(read_counters("ics")) == 2000


def test_a_name_that_cannot_be(network):
    """Is an error in words."""
    with pytest.raises(HostError, match="counters of the packet filter"):
        read_counters("x" * 300)
