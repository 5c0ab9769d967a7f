"""How long a flow waits: the order of the times, on which the shell relies."""

from icsframework.helpers import patience


def test_a_reset_waits_shorter_than_anything_else() -> None:
    """What was said before a reset goes out in that time; nothing orderly is cut by it."""
    others = (patience.OPEN_PATIENCE, patience.CONNECT_PATIENCE, patience.FLUSH_PATIENCE)
    assert 0 < patience.RESET_GRACE < min(others)


def test_the_port_book_answers_before_a_client_gives_up() -> None:
    """An Open that nobody answers is refused while the client still waits for its reply."""
    assert patience.OPEN_PATIENCE < patience.CONNECT_PATIENCE < patience.HALF_CLOSED_IDLE
