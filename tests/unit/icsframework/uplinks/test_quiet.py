"""When a link that is not used is hung up."""

from icsframework.uplinks.quiet import NEVER_QUIET, Quiet


def test_nothing_said_is_never():
    """Without times it stays up."""
    assert Quiet() == NEVER_QUIET
    assert NEVER_QUIET.idle == 0
