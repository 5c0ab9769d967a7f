import pytest

from icsframework.lab.capture import COUNTS, Capture, is_drained
from icsframework.lab.errors import LabError


@pytest.mark.parametrize(
    "text",
    [
        "tcpdump: 1 packet captured, 2 packets received by filter, 0 packets dropped by kernel\n",
        "\n1 packet captured\n2 packets received by filter\n0 packets dropped by kernel\n",
    ],
)
def test_counts_are_read_in_both_forms(text):
    """tcpdump reports one way on SIGUSR1 and another at its end."""
    assert COUNTS.findall("listening on eth0\n" + text) == [("1", "2", "0")]


@pytest.mark.parametrize(
    ("interface", "captured", "received", "drained"),
    [("eth0", 3, 3, True), ("eth0", 2, 3, False), ("lo", 2, 4, True), ("lo", 1, 4, False)],
)
def test_when_everything_is_written(interface, captured, received, drained):
    """All the kernel handed over is in the file; on lo it hands over everything twice."""
    assert is_drained(interface, captured, received) is drained


def test_a_capture_that_cannot_start_says_why(here, tmp_path):
    """An interface that does not exist: tcpdump's own words (or that it is not installed)."""
    with pytest.raises(LabError, match="tcpdump"), Capture(here, "no-such-device", "", tmp_path / "x.pcap"):
        pass
