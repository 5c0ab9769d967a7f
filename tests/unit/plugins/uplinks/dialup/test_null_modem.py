"""A cable, with and without Windows at its other end."""

from ics_plugins.uplinks.dialup.null_modem import null_modem


def test_nothing_is_said(paper, order):
    """PPP may begin at once."""
    assert paper().run(null_modem(order())) == ["stage initialising", "connected None"]


def test_windows_wants_to_be_greeted(paper, order):
    """CLIENT, CLIENTSERVER; what follows is PPP."""
    for piece in (0, 5):
        modem = paper({"CLIENT": b"CLIENTSERVER~\xff"}, piece=piece)
        log = modem.run(null_modem(order(windows=True)))
        assert log == ["stage initialising", "> CLIENT", "connected None and b'~\\xff'"]


def test_windows_that_is_not_there(paper, order):
    """It is greeted four times."""
    log = paper(quiet=True).run(null_modem(order(windows=True)))
    assert log.count("> CLIENT") == 4
    assert log[-1] == "call: the other end does not answer CLIENT with CLIENTSERVER (windows: true)"


def test_an_echo_is_no_windows(paper, order):
    """A looped cable sends CLIENT back."""
    log = paper({"CLIENT": b"CLIENT"}).run(null_modem(order(windows=True)))
    assert log[-1].startswith("call:")
