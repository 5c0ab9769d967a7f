"""The profiles that come with the plugin: one JSON file a game in the directory ``profiles``.

JSON, because the daemon has its reader loaded anyway.
"""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from ics_plugins.helpers.games.profile import ShippedProfile
from icsframework.fields import FieldError

__all__ = ["DIRECTORY", "ProfileError", "load", "names", "parse_shipped_name"]

DIRECTORY = Path(__file__).with_name("profiles")
SUFFIX = ".json"


class ProfileError(ValueError):
    """A data file cannot be used; the text names the file and the key."""


def names(directory: Path = DIRECTORY) -> Sequence[str]:
    """The names of all profiles in a directory, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))


def parse_shipped_name(value: object) -> str:
    """The name of a shipped profile; FieldError names the nearest one."""
    known = names()
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(value.lower(), known, 1) if isinstance(value, str) else []
    raise FieldError(
        f"there is no profile {value!r}",
        f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}",
    )


def load(name: str, directory: Path = DIRECTORY) -> ShippedProfile:
    """Read one profile.  Raises ProfileError."""
    path = directory / f"{name}{SUFFIX}"
    try:
        profile = ShippedProfile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ProfileError(f"{path}: {_first(error)}") from error
    except ValueError as error:  # no JSON, or no UTF-8
        raise ProfileError(f"{path} is no JSON: {error}") from error
    if profile.name != name:
        raise ProfileError(f"{path}: name: it says {profile.name!r}, the file is called {name!r}")
    return profile


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg'].removeprefix('Value error, ')}"
