"""Enter the namespaces of a host, in a thread that is thrown away afterwards.

setns(2) changes the calling thread only, and a process namespace cannot be left
again without rights over the outer one.  So each visit has its own short-lived
thread: it enters, does one thing - start a program, open a socket - and ends.
What it started or opened stays where it was made.  Against nsenter(1) this saves
a process and 3 ms a command, and a program started is a real child of ours, with
a process id that can be signalled and waited for, inside the host's process
namespace.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from icsframework.lab.errors import LabError

__all__ = ["KINDS", "visit"]

T = TypeVar("T")

CLONE_FS = 0x200

KINDS = ("net", "uts", "pid", "mnt")
"""The namespaces of a host, in the order in which they are entered (mount last: it changes what /proc is)."""

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise LabError(f"cannot {what}: {os.strerror(number)}")


def visit(namespaces: Mapping[str, int], work: Callable[[], T]) -> T:
    """Run ``work`` in the given namespaces (kind to open descriptor of /proc/PID/ns/KIND) and return its answer.

    ``work`` must start no threads.  What it raises is raised here.  Raises LabError
    where a namespace cannot be entered.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            if "mnt" in namespaces:
                # A mount namespace is refused while root and working directory are shared with other threads.
                _check(_libc.unshare(CLONE_FS), "get a working directory of its own for a thread")
            for kind in KINDS:
                if kind in namespaces:
                    _check(_libc.setns(namespaces[kind], 0), f"enter the {kind} namespace of a host")
            answers.append(work())
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            errors.append(error)

    thread = threading.Thread(target=run, name="lab-visit")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]
