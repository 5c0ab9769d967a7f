"""Serial lines: a modem's port, or anything that looks like one.

pyserial sets the line up (raw, odd speeds, exclusive); bytes go through the
descriptor, so that the reactor and a child process can both use it.  A
pseudo-terminal has no modem lines: what needs them says so and does nothing.
"""

import errno
import fcntl
import os
import struct
import termios
from typing import Any

from zope.interface import implementer

from icsframework.errors import HostError, IcsError, InterfaceMissing
from icsframework.host.explain import explained
from icsframework.interfaces import ISerialLine

__all__ = ["SerialLine", "open_serial"]

_BITS = struct.Struct("I")
NO_MODEM_LINES = (errno.ENOTTY, errno.EINVAL)
"""What the kernel says where a device has no DTR and DCD."""


@implementer(ISerialLine)
class SerialLine:
    """ISerialLine of an open pyserial port."""

    def __init__(self, port: Any) -> None:
        self.path: str = port.port
        self._port = port

    def fileno(self) -> int:
        """See ISerialLine."""
        return self._port.fd if self._port.fd is not None else -1

    def close(self) -> None:
        """See ISerialLine."""
        self._port.close()

    def set_speed(self, speed: int) -> None:
        """See ISerialLine."""
        try:
            self._port.baudrate = speed
            _no_empty_reads(self.fileno())
        except (ValueError, OSError, termios.error) as error:
            raise HostError(f"Serial line {self.path} cannot run at {speed} bit/s: {error}.") from error

    def set_flow_control(self, on: bool) -> None:
        """See ISerialLine."""
        try:
            self._port.rtscts = on
            _no_empty_reads(self.fileno())
        except (ValueError, OSError, termios.error) as error:
            raise self._gone(error) from error

    def set_dtr(self, on: bool) -> bool:
        """See ISerialLine."""
        return self._modem_lines(termios.TIOCMBIS if on else termios.TIOCMBIC, termios.TIOCM_DTR) is not None

    def carrier(self) -> bool | None:
        """See ISerialLine."""
        bits = self._modem_lines(termios.TIOCMGET, 0)
        return None if bits is None else bool(bits & termios.TIOCM_CD)

    def hang_up(self) -> None:
        """See ISerialLine."""
        try:
            settings = termios.tcgetattr(self.fileno())
            settings[4] = settings[5] = termios.B0
            termios.tcsetattr(self.fileno(), termios.TCSANOW, settings)
        except termios.error as error:
            raise self._gone(error) from error

    def discard(self) -> None:
        """See ISerialLine."""
        try:
            termios.tcflush(self.fileno(), termios.TCIOFLUSH)
        except termios.error as error:
            raise self._gone(error) from error

    def unsent(self) -> int:
        """See ISerialLine."""
        return self._modem_lines(termios.TIOCOUTQ, 0) or 0

    def _modem_lines(self, request: int, bits: int) -> int | None:
        """What the device answers to ``request``, None where it has no such thing."""
        try:
            answer = fcntl.ioctl(self.fileno(), request, _BITS.pack(bits))
        except OSError as error:
            if error.errno in NO_MODEM_LINES:
                return None
            raise self._gone(error) from error
        found: int = _BITS.unpack(answer)[0]
        return found

    def _gone(self, error: Exception) -> HostError:
        return HostError(f"Serial line {self.path} is gone: {error.args[-1]}.")


def open_serial(path: str, speed: int) -> SerialLine:
    """See IHost.open_serial."""
    import serial  # some 15 ms, for who has a modem only

    try:
        # Without waiting for the carrier: pyserial opens with O_NONBLOCK and ignores it (CLOCAL).
        port = serial.Serial(path, speed, timeout=0, write_timeout=0, exclusive=True)
    except serial.SerialException as error:
        raise _explained(error, path) from error
    except (ValueError, OSError, termios.error) as error:
        raise HostError(f"Serial line {path} cannot run at {speed} bit/s: {error}.") from error
    try:
        os.set_inheritable(port.fileno(), False)
        _no_empty_reads(port.fileno())
    except (OSError, termios.error) as error:
        port.close()
        raise HostError(f"Serial line {path} went away while it was opened: {error.args[-1]}.") from error
    return SerialLine(port)


def _no_empty_reads(fd: int) -> None:
    """With nothing to read say EAGAIN: pyserial asks for an empty read, which could not be told from a device that is gone."""
    settings = termios.tcgetattr(fd)
    settings[6][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, settings)


def _explained(error: Any, path: str) -> IcsError:
    inner = error.__context__
    code = error.errno or (inner.args[0] if isinstance(inner, termios.error) else 0)
    if not code and "lock" in str(error):
        code = errno.EBUSY
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return InterfaceMissing(f"There is no serial line {path} on this machine; is the modem plugged in?")
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return HostError(f"Serial line {path} is in use by another program (ModemManager?); stop that first.")
    if code in (errno.EACCES, errno.EPERM):
        return HostError(
            f"Serial line {path} may not be opened by this user; add it to the device's group, usually dialout."
        )
    if code in NO_MODEM_LINES:
        return HostError(f"{path} is no serial line.")
    return (
        explained(OSError(code, os.strerror(code)), f"open serial line {path}")
        if code
        else HostError(str(error))
    )
