"""Both directions of authentication together."""

import pytest

from icsframework.protocols.ppp.auth.gate import Gate
from icsframework.protocols.ppp.auth.method import Credentials, Method, Refused
from icsframework.protocols.ppp.packet import MalformedPacket, Packet, Protocol
from icsframework.testing.ppp import seeded

GUEST = Credentials("guest", "secret")


def make(ours=None, theirs=None, credentials=GUEST, seed=1):
    """One end's gate."""
    return Gate(ours, theirs, credentials, {"guest": "secret"}.get, seeded(seed))


def talk(left, right):
    """Carry packets between two gates until nobody has anything to say; failures are returned."""
    failures, queue = [], [(right, left.start(0.0)), (left, right.start(0.0))]
    for other, outputs in queue:  # grows while it is read
        for output in outputs:
            if isinstance(output, tuple):
                queue.append((left if other is right else right, other.receive(*output, 0.0)))
            else:
                failures.append(output)
    return failures


def test_without_demands_the_gate_is_open():
    """Nobody asked for anything."""
    gate = make()
    assert gate.passed
    assert gate.start(0.0) == []
    assert gate.deadline is None


@pytest.mark.parametrize("method", list(Method))
def test_one_end_proves_itself(method):
    """By each method; the judge knows who it was."""
    client, server = make(ours=method), make(theirs=method, seed=2)
    assert not client.passed
    assert not server.passed
    assert talk(client, server) == []
    assert client.passed
    assert server.passed
    assert server.peer_name == "guest"
    assert client.message in ("Login ok", "Welcome")


@pytest.mark.parametrize("other", list(Method))
def test_both_ends_prove_themselves(other):
    """CHAP one way, anything the other way: codes tell which side is meant."""
    left, right = make(Method.CHAP_MD5, other), make(other, Method.CHAP_MD5, seed=2)
    assert talk(left, right) == []
    assert left.passed
    assert right.passed


def test_a_mirror_does_not_get_in():
    """A peer without the password sends back to us whatever we send it, and asks us our own question."""
    gate = make(ours=Method.CHAP_MD5, theirs=Method.CHAP_MD5)
    packets = gate.start(0.0)
    for protocol, packet in packets:  # grows while it is read
        packets += [output for output in gate.receive(protocol, packet, 0.0) if isinstance(output, tuple)]
        assert len(packets) < 20
    assert not gate.passed


def test_a_packet_nobody_agreed_on_is_not_looked_at():
    """No password for a peer that asks with PAP after CHAP was agreed, no answer to a challenge after PAP was."""
    gate = make(ours=Method.PAP)
    gate.start(0.0)
    assert gate.receive(Protocol.CHAP, Packet(1, 1, b"\x10" + bytes(16)).to_wire(), 0.0) == []
    assert gate.receive(Protocol.PAP, Packet(1, 1, b"\1a\1b").to_wire(), 0.0) == []
    assert make().receive(Protocol.CHAP, Packet(1, 1, b"\x10" + bytes(16)).to_wire(), 0.0) == []


def test_a_refusal_is_reported():
    """It keeps the gate closed."""
    client = make(ours=Method.PAP, credentials=Credentials("guest", "wrong"))
    server = make(theirs=Method.PAP, seed=2)
    assert [type(failure) for failure in talk(client, server)] == [Refused, Refused]
    assert not client.passed


def test_the_earliest_deadline_counts():
    """Of both sides; and time-outs of both are carried out."""
    gate = make(ours=Method.PAP, theirs=Method.CHAP_MD5)
    gate.start(0.0)
    assert gate.deadline == 3.0
    assert {protocol for protocol, _ in gate.timeout(3.0)} == {Protocol.PAP, Protocol.CHAP}


def test_a_malformed_packet_is_one():
    """The error is the codec's, the gate stays as it was."""
    gate = make(ours=Method.PAP)
    gate.start(0.0)
    with pytest.raises(MalformedPacket):
        gate.receive(Protocol.PAP, b"\2", 0.0)
