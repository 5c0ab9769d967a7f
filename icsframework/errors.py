"""Every error of ours.  The docstring of a class is the sentence the operator reads when there is no better one.

The message given to the constructor says what happened and where; the sentence
ends with what to do next.  ``exit_status`` is what the process leaves with when
the error ends it (DESIGN: 0 done, 1 failed, 2 bad usage or configuration, 69 no
gateway, 75 handover, 77 no permission).
"""


class IcsError(Exception):
    """Something went wrong in ics; the log has the details."""

    exit_status = 1

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").strip()


class UsageError(IcsError):
    """The command line does not make sense; see ics --help."""

    exit_status = 2


class ConfigurationError(IcsError):
    """The configuration file has errors; run ics check FILE to see them all."""

    exit_status = 2


class NoPrivilege(IcsError):
    """ics needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE; run it as root or under the shipped systemd unit."""

    exit_status = 77


class AlreadyRunning(IcsError):
    """Another ics gateway runs in this network namespace; stop it first, or use ics restart."""


class NotRunning(IcsError):
    """No gateway is running here; start one with: twistd -n --pidfile= ics -c FILE."""

    exit_status = 69


class Handover(IcsError):
    """The gateway leaves its kernel state to the next start."""

    exit_status = 75


class PluginError(IcsError):
    """A plugin cannot be used; ics plugins --check says why."""

    exit_status = 2


class HostError(IcsError):
    """The machine refused something."""


class InterfaceMissing(HostError):
    """The network interface does not exist on this machine; ip link shows those that do."""


class PortTaken(HostError):
    """Another program already listens on this port; stop it or take the address from it."""


class ConnectFailed(HostError):
    """The peer could not be reached; is it up, and does it listen on that port?"""

    def __init__(self, text: str = "", code: int = 0) -> None:
        """``code`` is the error number of errno(3): ECONNREFUSED, ETIMEDOUT, ENETUNREACH, ..."""
        super().__init__(text)
        self.code = code


class NftError(HostError):
    """nft refused the rule set; the old one is still in force."""


class StoreError(IcsError):
    """The state directory cannot be used."""


class StoreVersionError(StoreError):
    """A journal was written by a newer version of ics; start that version, or move the file away. It was left untouched."""


class JournalDamaged(StoreError):
    """A journal is damaged; what stands before the damage was read."""


class UplinkRefused(IcsError):
    """The policy does not allow the uplink to connect now."""

    def __init__(self, text: str = "", retry_at: float | None = None) -> None:
        """``retry_at`` (seconds of IClock.now) is when it may again, None if that cannot be said."""
        super().__init__(text)
        self.retry_at = retry_at


class UplinkFailed(IcsError):
    """The uplink could not be connected."""

    def __init__(self, text: str = "", retry_at: float | None = None) -> None:
        """``retry_at`` (seconds of IClock.now) is when it is tried again, or may be; None if that cannot be said."""
        super().__init__(text)
        self.retry_at = retry_at


class MappingError(IcsError):
    """The external port cannot be had."""


class WireError(ValueError):
    """Bytes from a peer do not follow their protocol; they were dropped and counted.

    The root of every codec's parse error.  It never ends more than one session.
    """
