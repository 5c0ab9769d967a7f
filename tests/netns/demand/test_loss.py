"""A call that ends by itself: who uses it gets it back, and what is sent meanwhile waits."""

from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000


def test_a_lost_carrier(module_stand):
    """It is dialled again by itself; the datagram that was sent when no link was up arrives once, and the connection goes on."""
    stand = module_stand.begin(redial="1s")
    with stand.witness(PORT) as witness, stand.tcp(stand.pc1) as own, stand.udp(stand.pc2) as other:
        own.connect((SERVER, PORT))
        own.sendall(b"before")
        assert own.recv(100) == b"before"
        dialled = stand.dialled()
        stand.modem.drop()
        stand.wait_hold()
        other.sendto(b"meanwhile", (SERVER, PORT))
        own.sendall(b"after")
        assert other.recv(100) == b"meanwhile"
        assert own.recv(100) == b"after"
        assert stand.wait("up")
    assert [one.data for one in witness.of("udp")] == [b"meanwhile"]
    assert len(witness.of("tcp")) == 1
    assert stand.dialled() == dialled + 1


def test_a_carrier_that_is_lost_again_and_again(module_stand):
    """Once it comes back by itself, and no more: from then on it is armed for who needs it."""
    stand = module_stand.begin(redial="1s")
    with stand.witness(PORT), stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"the first")
        assert own.recv(100) == b"the first"
        stand.wait("up")
    dialled = stand.dialled()
    stand.modem.set_number("123", "busy")
    stand.modem.drop()
    wait_for(lambda: stand.dialled() == dialled + 1, 10.0, "the redial")
    stand.wait_armed()
    assert stand.dialled() == dialled + 1


def test_as_soon_as_the_status_says_so(module_stand):
    """Who reads that the line is not up any more may count on his next datagram to wait, whoever hung up."""
    stand = module_stand.begin(demand="{idle: 1s, hold: 20s}")
    with stand.witness(PORT) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        for word in (b"idle", b"lost"):
            own.send(b"up")
            assert own.recv(100) == b"up"
            stand.wait("up")
            if word == b"lost":
                stand.modem.drop()
            while stand.uplink()["state"] == "up":  # at once, and not a moment later
                pass
            own.send(word)
            assert own.recv(100) == word
    assert [one.data for one in witness.heard] == [b"up", b"idle", b"up", b"lost"]
