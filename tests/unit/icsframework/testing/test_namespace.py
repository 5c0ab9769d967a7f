"""A network namespace for a test."""

import socket
import threading
from pathlib import Path

import pytest

from icsframework.testing.namespace import allowed, fresh_network

needs_root = pytest.mark.skipif(not allowed(), reason="network namespaces need root")


def own():
    return str(Path("/proc/thread-self/ns/net").readlink())


@needs_root
def test_inside_there_is_only_a_loopback():
    """Threads begun inside see the same; outside everything is as before, also after an error."""
    outside = own()
    with pytest.raises(RuntimeError), fresh_network():
        assert own() != outside
        assert "lo" in [name for _, name in socket.if_nameindex()]
        assert not [name for _, name in socket.if_nameindex() if name.startswith("eth")]
        seen = []
        thread = threading.Thread(target=lambda: seen.append(own()))
        thread.start()
        thread.join()
        assert seen == [own()]
        raise RuntimeError("a test that fails")
    assert own() == outside
