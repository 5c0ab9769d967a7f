"""The counters as a contract."""

from zope.interface.verify import verifyClass

from icsframework.dataplane.counters import ICounters
from icsframework.dataplane.nft import Nft


def test_nft_counts():
    """The queue that runs nft has them."""
    assert verifyClass(ICounters, Nft)
