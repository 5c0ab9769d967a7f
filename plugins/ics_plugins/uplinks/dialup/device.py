"""The serial device, kept open: so that nobody else dials on it, and that it is seen at once when it is pulled out.

One that is not there is looked for every ``LOOK`` seconds.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet

from ics_plugins.uplinks.dialup.modem import Modem
from icsframework.errors import IcsError, InterfaceMissing
from icsframework.interfaces import IGateway, ISerialLine

LOOK = 2.0
"""Seconds between looks for a device that is not there."""
SETTLE = 1.0
"""Seconds that a device stays closed when it is closed to bring its modem to its senses."""


class Device:
    """``found()`` is called when ``modem`` is there, ``gone(reason)`` whenever it turns out not to be."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        path: str,
        speed: int,
        found: Callable[[], None],
        gone: Callable[[str], None],
    ) -> None:
        self.modem: Modem | None = None
        self._gateway = gateway
        self._reactor = reactor
        self._path, self._speed = path, speed
        self._found, self._gone = found, gone
        self._life: object | None = None
        self._timer: IDelayedCall | None = None
        self._absent = False
        self._reopening: Deferred[None] | None = None

    def start(self) -> None:
        """Open it as soon as it is there."""
        self._life = object()
        self._absent = False
        self._open()

    def stop(self) -> None:
        """Give it back."""
        self._life = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._close()
        self._reopened()

    def reopen(self) -> Deferred[None]:
        """Close it and open it again; Deferred fires when that is done, or has failed (and ``gone`` was called)."""
        if self.modem is None or self._reopening is not None:
            return self._reopening or _done()
        self._close()
        again: Deferred[None] = Deferred()
        self._reopening = again
        self._later(SETTLE)
        return again

    def _later(self, seconds: float) -> None:
        self._timer = self._gateway.clock.call_later(seconds, self._open)

    def _open(self) -> None:
        self._timer = None
        life = self._life
        opening = self._gateway.host.open_serial(self._path, self._speed)
        opening.addCallbacks(self._opened, self._missing, (life,), None, (life,))
        opening.addErrback(self._broke)

    def _opened(self, line: ISerialLine, life: object) -> None:
        if life is None or life is not self._life:
            line.close()
            return
        self._absent = False
        self.modem = Modem(self._gateway, self._reactor, line, self._speed, self._unplugged)
        if self._reopening is None:
            self._found()
        self._reopened()

    def _missing(self, failure: Any, life: object) -> None:
        failure.trap(IcsError)
        if life is None or life is not self._life:
            return
        self._later(LOOK)
        if not (self._absent and failure.check(InterfaceMissing)):  # else that is known, and better said
            self._absent = True
            self._gone(failure.getErrorMessage())
        self._reopened()

    def _unplugged(self, why: str) -> None:
        modem, self.modem = self.modem, None
        if self._life is not None:
            self._later(LOOK)
            self._absent = True
            self._gone(f"The modem {self._path} is gone: {why}")
        if modem is not None:
            modem.close()  # when all know, so that nobody takes it for a failed call

    def _reopened(self) -> None:
        reopening, self._reopening = self._reopening, None
        if reopening is not None:
            reopening.callback(None)

    def _close(self) -> None:
        modem, self.modem = self.modem, None
        if modem is not None:
            modem.close()

    def _broke(self, failure: Any) -> None:
        self._gateway.log.failure("the modem {path} could not be taken", failure, path=self._path)


def _done() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    done.callback(None)
    return done
