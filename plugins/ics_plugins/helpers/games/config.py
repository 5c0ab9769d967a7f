"""What an operator can set for games."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from ics_plugins.helpers.games import shipped
from ics_plugins.helpers.games.profile import LONGEST, SHORTEST, Profile
from ics_plugins.helpers.games.triggers import clashes, shown
from icsframework.fields import CheckContext, Finding, NatHelperConfig, text_type

__all__ = ["GamesConfig"]

MAX_CUSTOM = 32
"""Profiles of one's own; each costs some rules that every new flow is compared with."""

ShippedName = Annotated[
    str,
    text_type(
        shipped.parse_shipped_name, summary="the name of a shipped profile", examples=("battle.net", "ident")
    ),
]


class GamesConfig(NatHelperConfig):
    """The keys of ``plugin: games``."""

    profiles: tuple[ShippedName, ...] | None = None
    """Which of the shipped profiles to use; left out, all of them."""
    custom: Annotated[tuple[Profile, ...], Field(max_length=MAX_CUSTOM)] = ()
    """Profiles of your own."""

    def chosen(self) -> tuple[Profile, ...]:
        """The profiles in force: shipped ones, then one's own.  Raises shipped.ProfileError."""
        return (*map(shipped.load, self._names()), *self.custom)

    def _names(self) -> Sequence[str]:
        return shipped.names() if self.profiles is None else self.profiles

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig."""
        yield from self._check_names()
        for index, profile in enumerate(self.custom):
            yield from _check_profile(("custom", index), profile)
        try:
            chosen = self.chosen()
        except shipped.ProfileError as error:
            yield Finding(("profiles",) if self.profiles else (), str(error), "install ics again")
            return
        yield from self._check_clashes(chosen)

    def _check_names(self) -> Iterator[Finding]:
        names = list(self._names())
        for index, name in enumerate(self.profiles or ()):
            if name in names[:index]:
                yield Finding(("profiles", index), f"{name} is there twice", "remove one of the two")
        for index, profile in enumerate(self.custom):
            if profile.name in names:
                yield Finding(
                    ("custom", index, "name"),
                    f"there is already a profile {profile.name}",
                    "choose another name" + self._or_without(profile.name),
                )
            names.append(profile.name)

    def _check_clashes(self, chosen: Sequence[Profile]) -> Iterator[Finding]:
        ours = len(chosen) - len(self.custom)
        for earlier, later, span in clashes(chosen):  # shipped ones have none among themselves
            if chosen[earlier].name != chosen[later].name:
                yield Finding(
                    ("custom", later - ours, "inbound"),
                    f"{shown(span)} is already opened by profile {chosen[earlier].name}",
                    "a port can belong to one profile only: choose other ports"
                    + self._or_without(chosen[earlier].name),
                )

    def _or_without(self, name: str) -> str:
        """The other way out, if it is a shipped one that is in the way."""
        rest = [one for one in self._names() if one != name]
        return "" if name not in self._names() else f", or do without ours: profiles: [{', '.join(rest)}]"


def _check_profile(path: tuple[str | int, ...], profile: Profile) -> Iterator[Finding]:
    for key, ports in (("outbound", profile.outbound), ("inbound", profile.inbound)):
        if not ports.spans():
            yield Finding(
                (*path, key), "no ports are named", "write for example {tcp: [6112], udp: [6112-6119]}"
            )
    if not SHORTEST <= profile.lifetime <= LONGEST:
        yield Finding(
            (*path, "lifetime"), "ports stay open for one second to one day", "for a game choose 10m"
        )
