"""Are the secrets of a configuration there, and only for those who may see them?  Looks at files and environment."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from icsframework.config.problem import KeyPath
from icsframework.fields import Finding, SecretValue

__all__ = ["check_secrets", "secrets_in"]


def secrets_in(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, SecretValue]]:
    """Every secret in a section, with its path."""
    if isinstance(value, SecretValue):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from secrets_in(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_in(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from secrets_in(item, (*path, index))


def check_secrets(value: Any, path: KeyPath, file_mode: int) -> Iterator[Finding]:
    """What is wrong with the secrets of a section; ``file_mode`` are the permission bits of the configuration file."""
    for where, secret in secrets_in(value, path):
        for problem in secret.problems():
            yield Finding(where, problem.problem, problem.advice)
        if secret.plain is not None and file_mode & 0o004:
            yield Finding(
                where,
                f"a secret stands in this file, which everybody can read (mode {file_mode:04o})",
                "run: chmod 640 on it, or use {file: /path/to/file}",
                warning=True,
            )
