"""What a NAT helper may not ask for."""

import math

import pytest

from icsframework.gateway.attachments import faults
from icsframework.values import (
    DatagramProxy,
    EndpointIndependent,
    KernelHelper,
    PortSpan,
    PortTrigger,
    StreamProxy,
)

OUT, IN = (PortSpan("tcp", 6112, 6112),), (PortSpan("udp", 6112, 6119),)


def trigger(name="game", outbound=OUT, inbound=IN, lifetime=60.0):
    """A trigger, good if nothing else is said."""
    return PortTrigger(name, outbound, inbound, lifetime)


@pytest.mark.parametrize(
    "good",
    [
        KernelHelper("pptp", "tcp", (1723,)),
        KernelHelper("tftp", "udp", (69, 65535, 1)),
        StreamProxy((21,), print),
        DatagramProxy((5060,), print),
        trigger(),
        trigger("b.C_1-2", lifetime=1),
        trigger(inbound=(PortSpan("tcp", 113, 113),)),
        EndpointIndependent((), ()),
    ],
)
def test_what_is_in_order(good):
    """Ports from 1 to 65535, spans that run forward, a time."""
    assert list(faults([good])) == []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (KernelHelper("pptp", "tcp", ()), "KernelHelper: it needs 1 to 256 ports, and names 0"),
        (KernelHelper("pptp", "gre", (1,)), "KernelHelper: the protocol is tcp or udp, not 'gre'"),
        (KernelHelper("pptp", "tcp", (0,)), "KernelHelper: 0 is no port"),
        (StreamProxy((), print), "StreamProxy: it needs 1 to 256 ports, and names 0"),
        (StreamProxy((21, 65536), print), "StreamProxy: 65536 is no port"),
        (StreamProxy(("21; drop",), print), "StreamProxy: '21; drop' is no port"),
        (StreamProxy((True,), print), "StreamProxy: True is no port"),
        (StreamProxy(tuple(range(1, 258)), print), "StreamProxy: it needs 1 to 256 ports, and names 257"),
        (DatagramProxy((-1,), print), "DatagramProxy: -1 is no port"),
        (trigger('x" accept'), """PortTrigger 'x" accept': a name is letters, digits, _, . and -"""),
        (trigger(""), "PortTrigger '': a name is letters, digits, _, . and -"),
        (trigger(outbound=()), "PortTrigger 'game': it needs 1 to 256 outbound ports, and names 0"),
        (trigger(inbound=()), "PortTrigger 'game': it needs 1 to 256 inbound ports, and names 0"),
        (trigger(inbound=(PortSpan("tcp", 5, 4),)), "PortTrigger 'game': 5 to 4 are no ports"),
        (trigger(inbound=(PortSpan("tcp", 0, 4),)), "PortTrigger 'game': 0 to 4 are no ports"),
        (
            trigger(outbound=(PortSpan("sctp", 5, 6),)),
            "PortTrigger 'game': the protocol is tcp or udp, not 'sctp'",
        ),
        (trigger(lifetime=0.0), "PortTrigger 'game': a lifetime of 0.0 s is none"),
        (trigger(lifetime=math.inf), "PortTrigger 'game': a lifetime of inf s is none"),
        (trigger(lifetime=math.nan), "PortTrigger 'game': a lifetime of nan s is none"),
        (trigger(lifetime="1m"), "PortTrigger 'game': a lifetime of '1m' s is none"),
    ],
)
def test_what_is_not(bad, says):
    """Nothing of it reaches the packet filter: the sentence says which attachment, and what of it."""
    assert list(faults([bad])) == [says]


def test_two_triggers_of_one_name():
    """Their sets would be the same."""
    assert list(faults([trigger("a"), trigger("b"), trigger("a")])) == [
        "PortTrigger 'a': another one has the same name"
    ]
