"""Cuts a stream of bytes into lines, each with its ending.  Pure."""

__all__ = ["MAX_LINE", "LineTooLong", "Lines"]

MAX_LINE = 4096
"""Bytes of a line with its ending: a path of the longest that Linux takes (RFC 2640 sets no limit); vsftpd has the same."""


class LineTooLong(ValueError):
    """More than MAX_LINE bytes without an end of line."""


class Lines:
    """What arrived from one side and is not dealt with yet.

    A line ends with LF; CR LF (RFC 959 section 5.3) is the usual ending, and LF alone what some send.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """More bytes, split anyhow."""
        self._data += data

    def next(self, whose: str) -> bytes | None:
        """The next line with its ending; None while it is not complete.  Raises LineTooLong, which says whose it is."""
        end = self._data.find(b"\n", self._searched, MAX_LINE)
        if end < 0:
            if len(self._data) >= MAX_LINE:
                raise LineTooLong(f"a line of the {whose} is longer than {MAX_LINE} bytes")
            self._searched = len(self._data)
            return None
        return self._take(end + 1)

    def starts_with(self, prefix: bytes) -> bool:
        """Whether what waits begins so."""
        return self._data.startswith(prefix)

    def rest(self) -> bytes:
        """All that is left, line or not; afterwards nothing is."""
        return self._take(len(self._data))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[:count]
        self._searched = 0
        return taken
