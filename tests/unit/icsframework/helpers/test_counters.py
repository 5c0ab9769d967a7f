"""What a stream shell counts."""

from icsframework.helpers.counters import Counters, Figures


def test_all_that_was_turned_away_is_one_figure():
    """Connections and ports; the details say which."""
    counters = Counters()
    counters.refused, counters.direct, counters.denied, counters.total = 1, 2, 4, 8
    figures = counters.figures(3, 5)
    assert isinstance(figures, Figures)
    assert (figures.sessions, figures.expectations, figures.refused) == (3, 5, 7)
    assert (figures.details["direct"], figures.details["denied"], figures.details["total"]) == (2, 4, 8)
