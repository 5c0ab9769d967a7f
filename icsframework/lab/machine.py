"""One host of a lab as a machine in which programs run: its namespaces, its processes, its private files."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from icsframework.lab.errors import LabError
from icsframework.lab.namespace import KINDS, visit
from icsframework.lab.privilege import SBIN, find_program, is_machine_root
from icsframework.lab.waiting import LabTimeout, wait_for

__all__ = ["Machine", "Process"]

T = TypeVar("T")
Process = subprocess.Popen[str]

HOLDER = ("cat", "-u", "-")
"""The process that waits for the end; see BOOT."""

END_PATIENCE = 5.0
"""Seconds a process gets to end when it was asked to, before it is killed."""

# $1 name, $2 the directory with this host's files, $3 a directory to remove if nobody else does.
# The process becomes number 1 of its host. What is written to /etc/resolv.conf, /run and so on stays in the host.
# /proc and /sys are remounted so that they show this host; a container may forbid that, and then only process
# numbers and /sys/class/net are wrong, so it is no reason to give up.
# At its end the shell waits for cat, which waits for the end of our pipe; so orphans of the host are reaped too.
# (A shell's own `read` will not do: it returns when an orphan ends.)
BOOT = """
set -e
read -r pid rest </proc/self/stat
mount -t proc proc /proc 2>/dev/null || :
mount -t sysfs sysfs /sys 2>/dev/null || :
for place in /run /var/lib/dhcp /var/lib/dhcpcd /var/lib/misc /var/lib/ics; do
    if [ -d $place ]; then mount -t tmpfs -o mode=755 tmpfs $place; fi
done
for file in resolv.conf hosts; do
    target=$(readlink -m /etc/$file)
    case $target in /run/*) mkdir -p "${target%/*}"; : >"$target";; esac
    mount --bind "$2/$file" "$target"
done
hostname "$1" 2>/dev/null || echo "$1" >/proc/sys/kernel/hostname 2>/dev/null || :
echo "$pid"
cat -u - >/dev/null
if [ -n "$3" ]; then exec rm -rf "$3"; fi
"""


class Machine:
    """A set of namespaces and everything that runs in them.  Close it, or use it in a with statement."""

    def __init__(self, name: str, directory: Path, remove: Path | None = None) -> None:
        """``directory`` is made, for this host's files; ``remove`` is deleted at the end if it is still there then."""
        self.name = name
        self.directory = directory
        self._remove = remove
        self._processes: list[Process] = []
        self._namespaces: dict[str, int] = {}
        self._holder: Process | None = None
        self.pid = 0
        """Number of the host's process 1 as this process sees it."""

    def boot(self) -> None:
        """Start the host; `ready` waits until it is there, so that many can boot at once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "resolv.conf").touch()
        (self.directory / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n")
        new = ["--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        arguments = [self.name, str(self.directory), str(self._remove or "")]
        script = self.directory / "boot"
        script.write_text(BOOT, encoding="ascii")
        with (self.directory / "boot.log").open("w") as log:
            self._holder = subprocess.Popen(
                [find_program("unshare") or "unshare", *new, "--", "/bin/sh", script, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C at the terminal is for the lab, not for its hosts
                env=_environment(),
            )

    def ready(self) -> None:
        """Wait until the host is there.  Raises LabError with what its start said."""
        assert self._holder is not None
        assert self._holder.stdout is not None
        line = self._holder.stdout.readline()
        if not line:
            log = (self.directory / "boot.log").read_text(encoding="utf-8", errors="replace").strip()
            raise LabError(f"host {self.name} did not start: {log or 'no reason given'}")
        self.pid = int(line)
        for kind in KINDS:
            self._namespaces[kind] = os.open(f"/proc/{self.pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        if self._holder is None:
            self.boot()
            self.ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- running things ------------------------------------------------------------------------------

    def inside(self, work: Callable[[], T], kinds: Iterable[str] = KINDS) -> T:
        """Call ``work`` in this process but inside the host, for instance to open a socket there."""
        return visit({kind: self._namespaces[kind] for kind in kinds}, work)

    def popen(
        self,
        arguments: Sequence[str | Path],
        *,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.PIPE,
        stderr: int | IO[Any] = subprocess.PIPE,
        env: dict[str, str] | None = None,
    ) -> Process:
        """Start a program in the host and return it; at the end of the lab it is killed if it still runs.

        ``env`` is added to the environment.  Raises LabError if it cannot be started.
        """
        command = [str(argument) for argument in arguments]
        directory = Path.cwd()  # entering a mount namespace changes it to /

        def start() -> Process:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                text=True,
                errors="replace",
                start_new_session=True,
                cwd=directory,
                env=_environment() | (env or {}),
            )

        if "/" not in command[0]:
            program = find_program(command[0])
            if program is None:
                raise LabError(f"{self.name}: {command[0]} is not installed")
            command[0] = program
        try:
            process = self.inside(start)
        except OSError as error:
            raise LabError(f"{self.name}: {command[0]} cannot be run: {error.strerror}") from None
        self._processes = [known for known in self._processes if known.poll() is None]
        self._processes.append(process)
        return process

    def spawn(self, arguments: Sequence[str | Path], log: Path, env: dict[str, str] | None = None) -> Process:
        """Start a program that stays, its output appended to the file ``log``."""
        with log.open("a") as output:
            return self.popen(arguments, stdout=output, stderr=subprocess.STDOUT, env=env)

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        timeout: float = 10.0,
        check: bool = False,
        input: str | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the host to its end; ``timeout`` in seconds.

        Raises LabTimeout (the program is killed), and with ``check`` LabError when it fails.
        """
        process = self.popen(arguments, stdin=subprocess.PIPE, env=env)
        words = " ".join(str(argument) for argument in arguments)
        try:
            output, errors = process.communicate(input or "", timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            raise LabTimeout(f"{self.name}: {words}: no end after {timeout:g} s\n{output}{errors}") from None
        if check and process.returncode:
            raise LabError(f"{self.name}: {words}: exit status {process.returncode}\n{output}{errors}")
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def python(self, code: str, *arguments: str, timeout: float = 10.0) -> subprocess.CompletedProcess[str]:
        """Run Python code in a new interpreter in the host; see `inside` for something cheaper."""
        return self.run([sys.executable, "-c", code, *arguments], timeout=timeout)

    def write_sysctls(self, settings: Iterable[tuple[str, str]]) -> None:
        """Write sysctls given with dots; one that this kernel does not have is passed over."""

        def write() -> None:
            for name, value in settings:
                path = Path("/proc/sys", name.replace(".", "/"))
                if path.exists():
                    path.write_text(value, encoding="ascii")

        self.inside(write, ("net",))

    def processes(self) -> dict[int, tuple[str, ...]]:
        """What runs in the host, beside what holds it open: number (as the host sees it) and arguments."""
        found = {}
        for place in self.inside(lambda: [(path, _arguments(path)) for path in Path("/proc").glob("[0-9]*")]):
            path, words = place
            if words and path.name != "1" and words != HOLDER:
                found[int(path.name)] = words
        return found

    def enter_command(self) -> str:
        """What a person types to be in this host."""
        user = "" if is_machine_root() else " --user --preserve-credentials"
        return f"nsenter --target {self.pid}{user} --net --mount --uts --pid"

    # -- the end ---------------------------------------------------------------------------------------

    def stop(self, process: Process, patience: float = END_PATIENCE, number: int = signal.SIGTERM) -> int:
        """Ask a process to end, kill it if it does not within ``patience`` seconds; return its exit status."""
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
        status = process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        return status

    def close(self) -> None:
        """End everything in the host and the host itself."""
        for process in self._processes:
            self.stop(process, 0.0, signal.SIGKILL)
        self._processes.clear()
        for descriptor in self._namespaces.values():
            os.close(descriptor)
        self._namespaces.clear()
        holder, self._holder = self._holder, None
        if holder is not None:
            assert holder.stdin is not None
            assert holder.stdout is not None
            holder.stdin.close()
            wait_for(lambda: holder.poll() is not None, END_PATIENCE, f"host {self.name} to end")
            holder.stdout.close()


def _environment() -> dict[str, str]:
    """The caller's environment with sbin in PATH and messages in English, which the lab reads."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    return {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def _arguments(process: Path) -> tuple[str, ...]:
    """The command line of a process; empty if it has ended (whether or not it is still listed)."""
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return ()
    return (
        tuple(word.decode(errors="replace") for word in line.removesuffix(b"\0").split(b"\0")) if line else ()
    )
