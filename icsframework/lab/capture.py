"""What passes an interface, by tcpdump: an observer that shares no code with what it observes."""

import re
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine, Process
from icsframework.lab.privilege import find_program, missing_programs
from icsframework.lab.waiting import wait_for

__all__ = ["Capture"]

SNAPLEN = 2048
"""Bytes kept of a frame: all of what Ethernet carries; of what segmentation offload joins (64 kB), its headers."""

BUFFER = 32768
"""KiB of the kernel's buffer: it has room for 16000 frames of SNAPLEN, and tcpdump's own default for a few dozen."""

COUNTS = re.compile(r"(\d+) packets? captured\D+(\d+) packets? received by filter\D+(\d+) packets? dropped")
"""What tcpdump says to SIGUSR1 and at its end."""


class Capture:
    """A running capture; a context manager.  After the with block every packet that passed in it is in the file."""

    def __init__(self, host: Machine, interface: str, expression: str, file: Path) -> None:
        """``expression`` is pcap-filter(7); the packets go to ``file``."""
        self.file = file
        self._host = host
        self._interface = interface
        self._expression = expression
        self._messages = file.with_suffix(".log")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        missing = missing_programs(["tcpdump"])
        if missing:
            raise LabError(missing)
        # Through standard output: tcpdump may not be allowed to write files of its own (AppArmor, dropped rights).
        command = ["tcpdump", "-i", self._interface, "-n", "-U", "--immediate-mode", "-w", "-"]
        command += ["-s", str(SNAPLEN), "-B", str(BUFFER)]
        with self.file.open("wb") as packets, self._messages.open("wb") as messages:
            self._process = self._host.popen([*command, self._expression], stdout=packets, stderr=messages)
        try:
            wait_for(self._started, 5.0, f"tcpdump on {self._host.name} to listen on {self._interface}")
        except LabError:
            self._host.stop(self._process, 0.0, signal.SIGKILL)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        try:
            if kind is None:
                wait_for(self._drained, 5.0, "tcpdump to write every packet it has seen")
        finally:
            self._host.stop(self._process, number=signal.SIGINT)

    def frames(self) -> list[bytes]:
        """Every frame so far, from its link header on."""
        return [frame for _, frame in self.timed_frames()]

    def timed_frames(self) -> list[tuple[float, bytes]]:
        """Every frame so far with its time (seconds of the epoch)."""
        import dpkt

        with self.file.open("rb") as packets:
            return [(float(moment), bytes(frame)) for moment, frame in dpkt.pcap.Reader(packets)]

    def lines(self) -> list[str]:
        """Every packet so far as tcpdump prints it, without its time."""
        command = [find_program("tcpdump") or "tcpdump", "-n", "-t", "-r", "-"]
        with self.file.open("rb") as packets:
            done = subprocess.run(command, stdin=packets, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"tcpdump cannot read {self.file}: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def _started(self) -> bool:
        text = self._messages.read_text(encoding="utf-8", errors="replace")
        if self._process is not None and self._process.poll() is not None:
            raise LabError(f"tcpdump on {self._host.name}: {text.strip()}")
        return "listening on" in text

    def _drained(self) -> bool:
        """Ask tcpdump for its counts."""
        assert self._process is not None
        before = len(COUNTS.findall(self._messages.read_text(errors="replace")))
        self._process.send_signal(signal.SIGUSR1)

        def reported() -> list[tuple[str, str, str]]:
            return COUNTS.findall(self._messages.read_text(errors="replace"))[before:]

        counts = wait_for(reported, 5.0, "tcpdump to report its counts")[-1]
        captured, received, dropped = map(int, counts)
        if dropped:
            raise LabError(f"tcpdump on {self._host.name} was too slow and lost {dropped} packets")
        return is_drained(self._interface, captured, received)


def is_drained(interface: str, captured: int, received: int) -> bool:
    """Whether everything the kernel has handed over is written.

    On lo each packet is handed over twice, going out and coming in, and libpcap drops one of the two.
    """
    return captured * (2 if interface == "lo" else 1) >= received
