"""What ``ics connect`` writes while an uplink connects.  Pure: time in, text out; standard library only.

On a terminal it is one line that is written again and again, without escape codes (carriage return and blanks), and
never wider than the terminal; elsewhere a line for each stage as it begins.  Colours are not used.
"""

__all__ = ["Progress"]


class Progress:
    """One connect of ``uplink``.  ``columns`` is the width of the terminal, or None if it is none."""

    def __init__(self, uplink: str, columns: int | None) -> None:
        self.uplink = uplink
        self.began: float | None = None
        """Since when it connects; None if it has not been seen to."""
        self._columns = columns
        self._stage = ""
        self._since = 0.0
        self._shown = ""

    def stage(self, stage: str, now: float, since: float | None = None, began: float | None = None) -> str:
        """It is at ``stage``, ``since`` then and connecting since ``began`` (now, if that is not said)."""
        words = "".join(letter if letter.isprintable() else "?" for letter in stage)
        if words == self._stage:
            return ""
        self._stage, self._since = words, now if since is None else since
        if self.began is None:
            self.began = self._since if began is None else began
        if self._columns is not None:
            return self.tick(now, self._columns)
        return f"{self._since - self.began:7.1f} s  {self.uplink}: {words}\n"

    def tick(self, now: float, columns: int | None) -> str:
        """The line of the terminal anew, which may have become ``columns`` wide."""
        if columns is None or not self._stage:
            return ""
        self._columns = columns
        seconds = f" {max(0.0, now - self._since):.0f} s"
        line = f"{self.uplink}: {self._stage}"[: max(0, columns - 1 - len(seconds))] + seconds
        line = line[: max(0, columns - 1)]
        return "" if line == self._shown else self._rewrite(line, columns)

    def up(self, sentence: str, now: float) -> str:
        """It ends well: on a terminal ``sentence`` takes the place of the line."""
        took = "" if self.began is None else f" ({now - self.began:.1f} s)"
        if not self._shown or self._columns is None:
            return f"{sentence}{took}\n"
        return self._rewrite(sentence + took, self._columns) + "\n"

    def stopped(self) -> str:
        """It ends otherwise: the line stays, to show how far it came."""
        shown, self._shown = self._shown, ""
        return "\n" if shown else ""

    def _rewrite(self, line: str, columns: int) -> str:
        # Blanks for what was longer, but none beyond the edge of a terminal that has become narrower: they would wrap.
        blanks = max(0, min(len(self._shown), columns - 1) - len(line))
        text, self._shown = f"\r{line}{' ' * blanks}", line
        return text
