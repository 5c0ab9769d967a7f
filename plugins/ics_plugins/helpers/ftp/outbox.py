"""The actions of one answer, in order; what goes to the same side in a row is one Send.  Pure."""

from icsframework.values import Action, Send, Side

__all__ = ["Outbox"]


class Outbox:
    """Filled while a session thinks, then taken as a whole."""

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self._side = Side.CLIENT
        self._data = bytearray()

    def send(self, side: Side, data: bytes) -> None:
        """Bytes to one side."""
        if side is not self._side:
            self._finish()
            self._side = side
        self._data += data

    def add(self, action: Action) -> None:
        """Something else than bytes."""
        self._finish()
        self._actions.append(action)

    def take(self) -> list[Action]:
        """All of it; afterwards there is nothing."""
        self._finish()
        actions, self._actions = self._actions, []
        return actions

    def _finish(self) -> None:
        if self._data:
            self._actions.append(Send(self._side, bytes(self._data)))
            self._data.clear()
