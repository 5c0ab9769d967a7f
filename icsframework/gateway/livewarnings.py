"""Warnings that come and go: what is wrong right now, as sentences for ``ics status``, told once each as events."""

from collections.abc import Mapping

from icsframework.interfaces import IEvents

__all__ = ["LiveWarnings"]


class LiveWarnings:
    """Each source (a part of the gateway) says what is wrong by its own keys; what it no longer says is over."""

    def __init__(self, events: IEvents) -> None:
        self._events = events
        self._by_source: dict[str, dict[str, str]] = {}

    def set(self, source: str, problems: Mapping[str, str]) -> None:
        """All problems that ``source`` sees now, by key: a sentence that differs is told, a key that is gone is over."""
        before = self._by_source.get(source, {})
        self._by_source[source] = dict(problems)
        for key, sentence in problems.items():
            if before.get(key) != sentence:
                self._events.emit("beside.warning", problem=sentence)
        for key, sentence in before.items():
            if key not in problems:
                self._events.emit("beside.cured", problem=sentence)

    def all(self) -> tuple[str, ...]:
        """The sentences, by source in the order in which the sources first spoke."""
        return tuple(sentence for problems in self._by_source.values() for sentence in problems.values())

    def has(self, source: str) -> bool:
        """True if the source sees a problem now."""
        return bool(self._by_source.get(source))
