"""A secret of the configuration: where it comes from, and how to keep it from being seen.

A Secret is written as a plain string, as ``{file: PATH}`` or as ``{env: NAME}``.
The text itself is fetched only by ``reveal()``, so that a changed file is seen at
the next use and neither repr, logs, JSON nor a traceback's locals hold it.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from icsframework.errors import IcsError
from icsframework.frozen import dataclass
from icsframework.quantities import FieldError, shown

__all__ = ["Secret", "SecretUnavailable"]

HIDDEN = "**********"
"""What is shown in place of a secret."""
MAX_SECRET = 4096
"""Bytes; longer than any password or key a modem, PPP peer or API takes."""
_LINE = frozenset("\n\0\ufffd")
_FORMS = "write a plain string, {file: /path/to/file} or {env: NAME}"


class SecretUnavailable(IcsError):
    """A secret cannot be read; ics check names its file or environment variable."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Secret:
    """A password, PIN or key.  Exactly one of the three sources is set; equal sources compare equal."""

    plain: str | None = field(default=None, repr=False)
    file: Path | None = None
    env: str | None = None

    @classmethod
    def parse(cls, value: object) -> "Secret":
        """Read one of the three spellings; raises FieldError, which never quotes the secret."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            if not value or "\0" in value or len(value.encode("utf-8", "replace")) > MAX_SECRET:
                raise FieldError(f"a secret must have 1 to {MAX_SECRET} bytes and no NUL", _FORMS)
            return cls(plain=value)
        if isinstance(value, int | float):
            raise FieldError("this secret would be read as a number", 'put it in quotes: "..."')
        if not isinstance(value, dict) or len(value) != 1 or not set(value) <= {"file", "env"}:
            raise FieldError("this is not a secret", _FORMS)
        return cls._reference(*next(iter(value.items())))

    @classmethod
    def _reference(cls, kind: str, target: object) -> "Secret":
        if not isinstance(target, str) or not target or "\0" in target:
            raise FieldError(f"{shown(target)} is not a {'path' if kind == 'file' else 'name'}", _FORMS)
        if kind == "env":
            if "=" in target:
                raise FieldError(f"{shown(target)} cannot name an environment variable", "write {env: NAME}")
            return cls(env=target)
        if not target.startswith("/"):
            raise FieldError(f"the path {shown(target)} is not absolute", "write {file: /path/to/file}")
        return cls(file=Path(target))

    def reveal(self) -> str:
        """The secret itself.  One trailing line end of a file is not part of it.  Raises SecretUnavailable."""
        if self.plain is not None:
            return self.plain
        try:
            return _environment(self.env) if self.env is not None else _text(self.file or Path())
        except FieldError as problem:
            raise SecretUnavailable(str(problem)) from None

    def problems(self) -> Iterator[FieldError]:
        """What keeps this secret from being used here and now, each with the way out.  Looks at file or environment."""
        try:
            if self.env is not None:
                _environment(self.env)
            if self.file is not None:
                _text(self.file)
        except FieldError as problem:
            yield problem
        if self.file is not None:
            yield from _mode_problems(self.file)

    def to_plain(self) -> str | dict[str, str]:
        """For JSON and logs: the source, never the secret."""
        if self.file is not None:
            return {"file": str(self.file)}
        return {"env": self.env} if self.env is not None else HIDDEN

    def __repr__(self) -> str:
        return f"Secret({self.to_plain()!r})"

    __str__ = __repr__


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise FieldError(
            f"the environment variable {name} is not set", f"set {name}, or use {{file: /path/to/file}}"
        )
    return value


def _text(path: Path) -> str:
    try:
        content = _read(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "no such file"
        advice = "make it readable for the user that runs ics (root, or ics under systemd)"
        if isinstance(error, FileNotFoundError):
            advice = f"create it, readable by its owner only: install -m 600 /dev/null {path}"
        raise FieldError(f"the secret {path} cannot be read: {reason.lower()}", advice) from None
    if len(content) > MAX_SECRET:
        raise FieldError(f"the secret {path} has more than {MAX_SECRET} bytes", "keep only the secret in it")
    text = content.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not text:
        raise FieldError(f"the secret {path} is empty", "write the secret into it")
    if not _LINE.isdisjoint(text):
        raise FieldError(f"the secret {path} is not one line of UTF-8 text", "keep only the secret in it")
    return text


def _read(path: Path) -> bytes:
    # O_NONBLOCK: opening a FIFO that somebody put there must not hang the start.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FieldError(f"the secret {path} is not a regular file", "name a file that holds the secret")
        return os.read(descriptor, MAX_SECRET + 1)
    finally:
        os.close(descriptor)


def _mode_problems(path: Path) -> Iterator[FieldError]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return  # said already, by the attempt to read it
    if path.is_file() and mode & (stat.S_IROTH | stat.S_IWOTH):
        deed = "read" if mode & stat.S_IROTH else "changed"
        yield FieldError(
            f"the secret {path} can be {deed} by everybody (mode {mode:04o})", f"run: chmod 600 {path}"
        )
