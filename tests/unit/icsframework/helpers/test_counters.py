"""What a stream shell counts."""

from icsframework.helpers.counters import Counters, Figures
from icsframework.values import Side


def test_all_that_was_turned_away_is_one_figure():
    """Connections and ports; the details say which."""
    counters = Counters()
    counters.refused, counters.direct, counters.denied, counters.total = 1, 2, 4, 8
    figures = counters.figures(3, 5)
    assert isinstance(figures, Figures)
    assert (figures.sessions, figures.expectations, figures.refused) == (3, 5, 7)
    assert (figures.details["direct"], figures.details["denied"], figures.details["total"]) == (2, 4, 8)


def test_bytes_are_counted_by_where_they_go():
    """Each direction by itself."""
    counters = Counters()
    counters.carried(Side.CLIENT, 3)
    counters.carried(Side.SERVER, 5)
    counters.carried(Side.SERVER, 1)
    assert (counters.bytes_to_client, counters.bytes_to_server) == (3, 6)
