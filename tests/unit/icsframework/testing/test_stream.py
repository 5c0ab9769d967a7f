"""The bench for helpers' sessions."""

import pytest

from icsframework.testing.flows import INSIDE, PEER
from icsframework.testing.stream import StreamBench
from icsframework.values import Endpoint, Open, Send, Side


def test_a_session_under_the_real_shell():
    """What it asks for and sends is carried out, and nothing is left after the stop."""
    bench = StreamBench(
        {b"go": [Open(1, "tcp", Endpoint(INSIDE, 5000), PEER)], ("opened", 1): [Send(Side.SERVER, b"opened")]}
    )
    client, server = bench.pair()
    client.says(b"go")
    bench.turn()
    assert server.heard == b"opened"
    assert bench.details["opened"] == 1
    assert not bench.idle
    assert bench.stop()
    assert bench.idle


def test_a_session_of_ones_own():
    """It is made with the flow."""
    flows = []

    class Mute:
        def __init__(self, flow):
            flows.append(flow)

        def received(self, side, data, now):
            return []

        def deadline(self):
            return None

    bench = StreamBench(session=Mute)
    client, server = bench.pair()
    client.says(b"x")
    bench.turn()
    assert (server.heard, flows[0].client) == (b"", Endpoint(INSIDE, 40000))
    assert bench.stop()


def test_what_it_logs_is_kept():
    """With the failure."""
    bench = StreamBench({b"x": ZeroDivisionError("oops")})
    client, _ = bench.pair()
    client.says(b"x")
    bench.advance(0)
    assert bench.log.lines[0][0] == "failure"
    with pytest.raises(ZeroDivisionError):
        bench.log.lines[0][2].raiseException()
    assert bench.stop()
