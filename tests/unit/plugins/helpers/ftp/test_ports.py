"""The ports of one session."""

from ipaddress import ip_address

from ics_plugins.helpers.ftp.outbox import Outbox
from ics_plugins.helpers.ftp.ports import MAX_OPEN, Ports
from icsframework.values import Close, Endpoint, Mapping, Open, Refused, Side

REMOTE = ip_address("198.51.100.80")
PC = Endpoint(ip_address("192.168.0.10"), 40000)
OURS = Endpoint(ip_address("203.0.113.5"), 60000)


class Owner:
    """Asks, and keeps what comes of it."""

    def __init__(self):
        self.out, self.granted, self.refused = Outbox(), [], 0
        self.ports = Ports(self.out, REMOTE, 60.0)

    def ask(self, side=Side.CLIENT):
        """One port."""
        self.ports.ask(side, PC, lambda *answer: self.granted.append(answer), self.deny)

    def deny(self):
        """None was to be had."""
        self.refused += 1

    def get(self, now=0.0, expires=None):
        """One port, granted."""
        self.ask()
        self.ports.answered(
            Side.CLIENT, Mapping("tcp", "cable", OURS, PC, REMOTE, "ftp", expires, 1, True), now
        )
        return self.granted[-1][0]


def test_a_port_is_asked_for_and_granted():
    """For the one remote host, once, for the lifetime; the side that waits is known by the token."""
    owner = Owner()
    owner.ask()
    assert owner.out.take() == [Open(1, "tcp", PC, REMOTE, lifetime=60.0)]
    assert owner.ports.is_asked(Side.CLIENT)
    assert not owner.ports.is_asked(Side.SERVER)
    assert (owner.ports.whose(1), owner.ports.whose(2)) == (Side.CLIENT, None)
    mapping = Mapping("tcp", "cable", OURS, PC, REMOTE, "ftp", 99.0, 1, True)
    owner.ports.answered(Side.CLIENT, mapping, 0.0)
    [(expectation, external)] = owner.granted
    assert (expectation.expires, external, owner.ports.deadline()) == (99.0, OURS, 99.0)
    assert not owner.ports.is_asked(Side.CLIENT)


def test_refused():
    """Nothing is open then."""
    owner = Owner()
    owner.ask()
    owner.ports.answered(Side.CLIENT, Refused("full"), 0.0)
    assert (owner.refused, len(owner.ports), owner.ports.deadline()) == (1, 0, None)


def test_only_so_many():
    """Beyond, nobody is asked."""
    owner = Owner()
    for _ in range(MAX_OPEN):
        owner.get()
    owner.out.take()
    owner.ask()
    assert (owner.refused, owner.out.take(), owner.ports.is_asked(Side.CLIENT)) == (1, [], False)


def test_the_server_knows_one_at_a_time():
    """Another that it is told of, or its transfer's end, closes the former; each is closed once."""
    owner = Owner()
    first, second = owner.get(), owner.get()
    owner.out.take()
    owner.ports.agree(first)
    assert owner.out.take() == []
    owner.ports.agree(second)
    assert owner.out.take() == [Close(1)]
    owner.ports.close(first)
    owner.ports.done()
    owner.ports.done()
    assert owner.out.take() == [Close(2)]


def test_a_connection_without_us_closes_the_former():
    """Passive mode after PORT."""
    owner = Owner()
    owner.ports.agree(owner.get())
    owner.ports.agree(None)
    assert owner.out.take()[-1] == Close(1)
    assert len(owner.ports) == 0


def test_time():
    """What is not used in time goes; in vain if the server knew of it and no transfer ran."""
    owner = Owner()
    kept = owner.get(now=10.0)
    owner.ports.agree(owner.get(now=0.0))
    assert owner.ports.deadline() == 60.0
    owner.ports.expire(59.0, in_use=False)
    assert (len(owner.ports), owner.ports.is_stale) == (2, False)
    owner.ports.expire(60.0, in_use=True)
    assert (len(owner.ports), owner.ports.is_stale, owner.ports.deadline()) == (1, False, 70.0)
    owner.ports.agree(kept)
    owner.ports.expire(70.0, in_use=False)
    assert (len(owner.ports), owner.ports.is_stale) == (0, True)
    owner.ports.agree(kept)
    assert owner.out.take()[-1] == Close(1)


def test_all_goes():
    """Whatever is open is given back."""
    owner = Owner()
    owner.ports.agree(owner.get())
    owner.get()
    owner.out.take()
    owner.ports.close_all()
    assert (owner.out.take(), len(owner.ports)) == ([Close(1), Close(2)], 0)
