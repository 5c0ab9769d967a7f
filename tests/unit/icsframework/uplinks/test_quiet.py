"""When a link that is not used is hung up."""

import pytest

from icsframework.uplinks.quiet import NEVER_QUIET, Quiet, hangs_up_at, why


def test_nothing_said_is_never() -> None:
    """Without times it stays up."""
    assert Quiet() == NEVER_QUIET
    assert hangs_up_at(NEVER_QUIET, 0.0, 0.0) is None
    assert hangs_up_at(Quiet(0.0, 60.0, 60.0), 0.0, 0.0) is None


@pytest.mark.parametrize(
    ("quiet", "active", "moment"),
    [
        (Quiet(300.0), 1000.0, 1300.0),
        (Quiet(300.0), 1500.0, 1800.0),
        (Quiet(300.0, 600.0), 1000.0, 1600.0),  # not before it was up for ten minutes
        (Quiet(300.0, 600.0), 1500.0, 1800.0),
        (Quiet(300.0, 0.0, 60.0), 1000.0, 1358.0),  # the sixth minute has begun, since hanging up takes time
        (Quiet(290.0, 0.0, 60.0), 1000.0, 1298.0),
        (Quiet(298.0, 0.0, 60.0), 1000.0, 1298.0),
        (Quiet(299.0, 0.0, 60.0), 1000.0, 1358.0),
        (Quiet(10.0, 600.0, 3600.0), 1000.0, 4598.0),  # an hour is paid for
        (Quiet(10.0, 0.0, 1.0), 1000.0, 1010.0),  # by the second: there is nothing to use up
        (Quiet(10.0, 0.0, 4.0), 1001.0, 1011.0),  # it would begin the next one while it is hung up
        (Quiet(10.0, 0.0, 5.0), 1001.0, 1013.0),
    ],
)
def test_the_moment(quiet: Quiet, active: float, moment: float) -> None:
    """For a call since 1000 s that was used last at ``active``."""
    assert hangs_up_at(quiet, 1000.0, active) == moment


def test_the_reason_names_the_key() -> None:
    """And the time as the file has it."""
    assert why(Quiet(300.0)) == "demand.idle: no traffic for 5m"
    assert why(Quiet(5400.0)) == "demand.idle: no traffic for 1h30m"
