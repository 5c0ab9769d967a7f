"""Who may do what."""

import pytest

from icsframework.control.rights import Right, unix_caller


@pytest.mark.parametrize(
    ("uid", "groups", "group", "right"),
    [
        (0, {0}, 950, Right.OPERATE),
        (117, {117}, 950, Right.OPERATE),
        (1000, {1000, 950}, 950, Right.OPERATE),
        (1000, {1000}, 950, Right.NONE),
        (1000, {1000}, None, Right.NONE),
    ],
)
def test_root_the_daemons_user_and_the_group_operate(
    uid: int, groups: set[int], group: int | None, right: Right
) -> None:
    """Everybody else gets nothing, whatever the mode of the socket; the caller is named for the log."""
    caller = unix_caller(42, uid, groups, 117, group)
    assert caller.right is right
    assert str(caller) == f"uid {uid} (pid 42)"


def test_rights_are_a_ladder() -> None:
    """Who may operate may do everything below it."""
    assert sorted(Right) == [Right.NONE, Right.VIEW, Right.CONNECT, Right.MANAGE, Right.OPERATE]


def test_who_has_a_name_is_called_by_it() -> None:
    """In the log and in the history."""
    assert str(unix_caller(42, 0, {0}, 990, None, "root")) == "root (pid 42)"
