"""A modem behind a cable: nothing dials while the cable is in, the next packet does when it is out."""

from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000
CABLE, PHONE = "198.51.100.5", "203.0.113.5"


def test_the_cable_is_pulled(stand_with_cable):
    """The datagram after that waits for the modem and leaves by it; new flows are back on the cable when it is back."""
    stand = stand_with_cable
    port = stand.lab.switch
    with (
        stand.witness(PORT) as witness,
        stand.udp(stand.pc1, (SERVER, PORT)) as one,
        stand.udp(stand.pc2, (SERVER, PORT)) as two,
    ):

        def asked(sock, word):
            sock.send(word)
            assert sock.recv(100) == word
            return witness.heard[-1].source

        assert asked(one, b"by cable") == CABLE
        assert (stand.uplink()["state"], stand.dialled()) == ("armed", 0)
        port.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
        wait_for(lambda: stand.gateway.uplink("cable")["state"] != "up", 10.0, "the cable to be missed")
        stand.wait_hold()
        assert asked(one, b"by telephone") == PHONE
        stand.wait("up")
        port.run(["ip", "link", "set", "gateway-eth0", "up"], check=True)
        stand.gateway.wait_uplink("cable")
        assert asked(two, b"by cable again") == CABLE
        assert asked(one, b"where it was") == PHONE
    assert stand.dialled() == 1
    assert [heard.data for heard in witness.heard] == [
        b"by cable",
        b"by telephone",
        b"by cable again",
        b"where it was",
    ]
