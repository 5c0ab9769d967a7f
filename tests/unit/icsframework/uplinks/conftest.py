"""A meter that says what the test wants."""

from collections.abc import Callable

import pytest

from icsframework.uplinks.permission import Permission
from icsframework.values import Link, Refused


class ScriptedMeter:
    """Notes what it is told in ``calls``; ``say`` gives its answer and tells whoever watches."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answer: Refused | None = None
        self.watchers: list[Callable[[], None]] = []

    def permission(self) -> Permission:
        """See IMeter."""
        return Permission(self.answer)

    def dialled(self) -> None:
        """See IMeter."""
        self.calls.append("dialled")

    def up(self, link: Link) -> None:
        """See IMeter."""
        self.calls.append(f"up {link.mtu}")

    def down(self) -> None:
        """See IMeter."""
        self.calls.append("down")

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See IMeter."""
        self.watchers.append(changed)
        return lambda: self.watchers.remove(changed)

    def say(self, answer: Refused | None) -> None:
        """From now on."""
        self.answer = answer
        for changed in tuple(self.watchers):
            changed()


@pytest.fixture
def meter() -> ScriptedMeter:
    """See ScriptedMeter."""
    return ScriptedMeter()
