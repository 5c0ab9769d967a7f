"""What is said of sessions."""

from icsframework.events import KINDS
from icsframework.helpers.report import SESSION_BURST, Report
from icsframework.testing.flows import outbound
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.stream import CLIENT, SERVER, Lines


def test_every_event_is_in_the_catalogue_with_its_fields():
    """The text of the log can be made of them."""
    gateway = FakeGateway("helper.ftp")
    report = Report("ftp", gateway.clock, gateway.events, Lines())
    ends = {"client": str(CLIENT), "server": str(SERVER)}
    report.refused(CLIENT, SERVER, "limits.sessions")
    report.failed(outbound(21), "it raised", None, "it is ended")
    report.session("helper.session.ended", reason="done", **ends)
    report.session("helper.server.unreachable", reason="no route", **ends)
    report.session("helper.port.opened", external="203.0.113.5:5000", to="192.168.0.10:5000", **ends)
    report.session("helper.port.denied", port="192.168.0.10:22", reason="below 1024", **ends)
    texts = [KINDS[event.id].text.format(**event.fields) for event in gateway.events.all]
    assert texts[0] == f"helper ftp refused {CLIENT} to {SERVER}: limits.sessions"
    assert len(texts) == 6
    assert all("ftp" in text for text in texts)


def test_sessions_do_not_drive_out_other_events():
    """A busy helper says a hundred things at once, then one a second."""
    gateway = FakeGateway("helper.ftp")
    report = Report("ftp", gateway.clock, gateway.events, Lines())
    for _ in range(10_000):
        report.session("helper.session.ended", reason="done", client="", server="")
    assert len(gateway.events.all) == SESSION_BURST
    gateway.advance(3.5)
    for _ in range(10_000):
        report.session("helper.session.ended", reason="done", client="", server="")
    assert len(gateway.events.all) == SESSION_BURST + 3
