"""Run a Python program whose wall clock is another one: `other_time.py FILE PROGRAM ARGUMENTS...`.

FILE says by how many seconds time.time() is beside the right time, and may change
while the program runs.  The clocks that count from the boot stay what they are.
(A machine's wall clock belongs to no namespace, and libfaketime holds up programs
of several threads.)
"""

import runpy
import sys
import time
from pathlib import Path

right_time = time.time


class OtherTime:
    """time.time() beside the right time."""

    def __init__(self, file):
        self._file = Path(file)
        self._seen = 0
        self._offset = 0.0

    def __call__(self):
        """Seconds since 1970; the file is read anew when another one has its name."""
        inode = self._file.stat().st_ino
        if inode != self._seen:
            self._offset = float(self._file.read_text(encoding="ascii"))
            self._seen = inode
        return right_time() + self._offset


if __name__ == "__main__":
    _, place, program, *rest = sys.argv
    # Before anything of the program is imported: Twisted takes time.time by its name.
    time.time = OtherTime(place)
    sys.argv = [program, *rest]
    runpy.run_path(program, run_name="__main__")
