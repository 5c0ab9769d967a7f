"""Every public contract of ics.

A plugin is a distribution with an entry point in one of the groups
``icsframework.uplink``, ``icsframework.lan_service`` or
``icsframework.nat_helper``.  The entry point names an object that provides
IPluginFactory; the entry point's name is the name used in the YAML file.

Life of a plugin: ``Config`` reads its keys, ``prepare`` says whether it can
work here, ``create`` builds it without side effects, ``startService`` begins,
``stopService`` ends (its Deferred fires when nothing is left).  After a stop it
may be started again.  Each plugin gets an IGateway of its own: the owner is
known, and whatever was acquired through it is released when the plugin stops.

These names are promises for life (see values.py).  A method that may fail says
which error of errors.py its Deferred fails with; anything else that escapes is
a defect, is logged with its traceback and marks that plugin as failed.
"""

from collections.abc import Callable, Sequence
from socket import socket
from typing import TYPE_CHECKING, Any, TypeAlias

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from zope.interface import Attribute, Interface

from icsframework.values import (
    Action,
    Address,
    Applied,
    Attachment,
    Cause,
    Endpoint,
    Event,
    InterfaceInfo,
    Lan,
    LeaseView,
    Link,
    Mapping,
    NameRecord,
    Open,
    PacketFilter,
    Readiness,
    Refused,
    RestartMe,
    Side,
    SystemInfo,
    UplinkSettings,
    UplinkState,
    UplinkView,
)

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig
else:  # pydantic is not wanted on the way to the first answer
    PluginConfig = Any

API_VERSION = 1
"""The version of these contracts that a factory's ``api_version`` must name."""

Unwatch: TypeAlias = Callable[[], None]
"""Ends a subscription; calling it again does nothing."""

Upgrade: TypeAlias = Callable[[dict[str, Any], int], dict[str, Any] | None]
"""Makes a journal record of an older format (second argument) new; None drops it."""


class IPluginFactory(Interface):
    """The entry-point object of a plugin.  It is created at import and must do nothing then."""

    api_version = Attribute("int: the version of these contracts it was written for; 1")
    Config = Attribute(
        "type: subclass of fields.PluginConfig with the plugin's own keys. The core's reserved keys are not in it; "
        "its method check(context) yields errors that need more than one key or the LAN/uplink to be seen"
    )

    def prepare(config: PluginConfig, system: SystemInfo) -> Readiness:
        """Can this configuration work on this machine?

        ``config`` is an instance of ``Config``, ``system`` a values.SystemInfo.
        Looks only; never changes anything, needs no privilege.  Returns values.Readiness.
        """


class IUplinkFactory(IPluginFactory):
    """Factory of the group ``icsframework.uplink``."""

    def create(
        config: UplinkSettings, gateway: "IGateway", observer: Callable[[UplinkState], None]
    ) -> "IUplink":
        """Build an IUplink for one entry of ``uplinks:``.

        ``config`` is values.UplinkSettings: the plugin's own keys beside those of the core.
        ``observer(state)`` is called with a values.UplinkState at every change, from the reactor thread.
        """


class ILanServiceFactory(IPluginFactory):
    """Factory of the group ``icsframework.lan_service``."""

    def create(gateway: "IGateway") -> "ILanService":
        """Build the one ILanService that serves every LAN which names this plugin."""


class INatHelperFactory(IPluginFactory):
    """Factory of the group ``icsframework.nat_helper``."""

    def create(config: PluginConfig, gateway: "IGateway") -> "INatHelper":
        """Build an INatHelper for one entry of ``helpers:``."""


class IPlugin(IService):
    """What every created plugin provides besides its kind's interface."""

    def startService() -> None:
        """Begin.  Must not block; what fails later is reported in the kind's own way."""

    def stopService() -> Deferred[None] | None:
        """End; the Deferred fires when nothing is left.  ``startService`` may follow."""

    def reconfigure(new: Any) -> Deferred[Applied | RestartMe]:
        """Take new settings while running.

        ``new`` is what ``create`` (or ``serve``) would be given.  Returns a
        Deferred of values.Applied, or of values.RestartMe when it takes a restart; the
        old settings stay in force if it fails.
        """


class IUplink(IPlugin):
    """A way to the Internet.  It makes the interface and reports; only the core sets addresses, routes, rules, resolver.

    startService begins to watch the device (reporting Absent or Down); it does
    not connect by itself.  To end a link the core calls ``disconnect`` before
    stopService.  stopService alone is a handover: whatever can outlive the process
    (a lease, a session that a child carries) stays for ``adopt``, and nothing is told to the other end.
    """

    def connect(cause: Cause) -> Deferred[Link]:
        """Bring the link up because of ``cause`` (values.Cause).

        Returns a Deferred of the Link, failing with UplinkFailed.  Called again
        while connecting or up it joins what is under way.  While connected the plugin
        keeps the link alive by itself (renewals, echoes) and reports changes to the observer;
        when it is lost it reports Failed and waits to be asked again.
        """

    def disconnect(reason: str) -> Deferred[None]:
        """Take the link down; Deferred fires when it is down (also if it was)."""

    def adopt(saved: Link) -> Deferred[Link | None]:
        """After a restart: is what is there still ours?

        ``saved`` is the values.Link announced last, before the process ended.  Returns a
        Deferred of a Link that goes on, or of None: then the core tidies up and connects anew.
        """


class ILanService(IPlugin):
    """A service for LANs, such as DHCP or DNS: one object per plugin serving any number of LANs."""

    def serve(lan: Lan, config: PluginConfig) -> Deferred[None]:
        """Serve ``lan`` (values.Lan) with ``config`` (the plugin's Config); Deferred fires when it answers.

        Called again for a LAN already served, it takes the new lan and config without a gap.
        Fails with PortTaken or another HostError.
        """

    def withdraw(lan: Lan) -> Deferred[None]:
        """Stop serving ``lan`` and leave nothing of it; Deferred.  Also used for renumbering, reload, a passive node."""


class INatHelper(IPlugin):
    """Carries a protocol that NAT breaks."""

    def attachments() -> Sequence[Attachment]:
        """What it wants from the data plane: a sequence of values.Attachment.  Asked again after ``reconfigure``."""


class ISession(Interface):
    """The decisions of a NAT helper for one flow.  Pure: every method returns a sequence of values.Action.

    Actions are carried out in order.  What ``opened`` answers stands where its Open stood: before the actions that
    follow it in the same answer.  While an Open is unanswered the shell stops reading, and ``received`` and ``closed``
    wait; only ``timeout`` may come.  The shell bounds every buffer and applies the helper's limits.  An Open whose ``to`` is not the flow's ``inside`` host, whose ``remote`` is somebody
    else than its ``peer``, or that asks for a port below 1024 is refused whatever the session says: no address that a
    peer wrote is trusted.  What a session opened goes with it.  An exception ends this flow only (``fail: open``: it is
    relayed untouched from there on).
    """

    def received(side: Side, data: bytes, now: float) -> Sequence[Action]:
        """Bytes from ``side`` (values.Side), split anyhow; ``data`` is bytes, never empty."""

    def opened(token: Any, result: Mapping | Refused, now: float) -> Sequence[Action]:
        """The answer to Open(token, ...): a values.Mapping, or values.Refused."""

    def closed(side: Side, now: float) -> Sequence[Action]:
        """``side`` closed its half.  Called once per side."""

    def timeout(now: float) -> Sequence[Action]:
        """The time said by ``deadline`` has come."""

    def deadline() -> float | None:
        """When to call ``timeout`` (seconds of IClock.now), or None."""


# --- what a plugin gets ---------------------------------------------------------


class IClock(Interface):
    """Time.  Durations and deadlines are always those of ``now``."""

    wall_trusted = Attribute(
        "bool: False only while the wall clock is before the release date or before the newest time in our store"
    )

    boot = Attribute("str: names this boot of the machine; ``now`` of another boot means nothing in this one")

    def now() -> float:
        """Seconds (float) of CLOCK_BOOTTIME: goes on during suspend, never jumps."""

    def wall() -> float:
        """Seconds since 1970, UTC, which may jump and may be wrong."""

    def call_later(delay: float, function: Callable[..., object], *args: object) -> IDelayedCall:
        """Call ``function(*args)`` in ``delay`` seconds; returns an IDelayedCall."""


class IHost(Interface):
    """The machine, as far as a plugin may use it: descriptors and facts, never configuration.

    Everything comes as a Deferred, so that a privileged broker can serve it one
    day.  Sockets are non-blocking and belong to the caller, who closes them;
    what is still open when the plugin stops is closed for it.  All methods fail with
    NoPrivilege, InterfaceMissing, PortTaken or another HostError whose text names the interface or address.
    """

    def interface(name: str) -> Deferred[InterfaceInfo]:
        """Deferred of values.InterfaceInfo, failing with InterfaceMissing."""

    def watch_interface(name: str, observer: Callable[[InterfaceInfo | None], None]) -> Unwatch:
        """Call ``observer(InterfaceInfo | None)`` now and at every change of the interface; returns a callable that ends it.

        A rename is a change: the watch follows the device, and ``info.name`` says what it is called now, as
        long as no other interface is called ``name``.
        """

    def open_packet(interface: str, filter: PacketFilter) -> Deferred[socket]:
        """Deferred of a bound AF_PACKET SOCK_RAW socket that receives what values.PacketFilter lets through."""

    def open_tun(name: str, mtu: int, persist: bool = False) -> Deferred[Any]:
        """Deferred of a file object (``fileno()``, ``close()``) of the TUN device ``name``, brought up with ``mtu``, no packet information."""

    def open_icmp() -> Deferred[socket]:
        """Deferred of a raw socket for ICMP to IPv4 hosts: ``sendto(message, (address, 0))``, without IP header; it receives nothing."""

    def open_serial(path: str, speed: int) -> "Deferred[ISerialLine]":
        """Deferred of the serial line ``path`` at ``speed`` bit/s (8N1, raw, no waiting for a carrier), for nobody else.

        InterfaceMissing if there is no such device.
        """

    def bind_udp(
        endpoint: Endpoint,
        interface: str | None = None,
        mark: int = 0,
        broadcast: bool = False,
        receive_buffer: int = 0,
    ) -> Deferred[socket]:
        """Deferred of a UDP socket bound to values.Endpoint, to ``interface`` if given, sending with SO_MARK ``mark``."""

    def listen(endpoint: Endpoint, interface: str | None = None, backlog: int = 64) -> Deferred[socket]:
        """Deferred of a listening TCP socket."""

    def connect(
        endpoint: Endpoint, mark: int = 0, source: Endpoint | None = None, timeout: float = 10.0
    ) -> Deferred[socket]:
        """Deferred of a connected TCP socket whose first SYN already carries ``mark``; ``source`` is an Endpoint or None."""

    def neighbour_in_use(interface: str, address: Address, timeout: float) -> Deferred[str | None]:
        """Deferred of the MAC (str) that answers an ARP probe for ``address`` (RFC 5227: sender address 0) or None."""


class ISerialLine(Interface):
    """An open serial line.  Bytes are read and written at ``fileno()``, which does not block.

    A device that was unplugged reads as ended or fails with EIO; the methods then raise HostError.
    """

    path = Attribute("str: what it was opened by")

    def fileno() -> int:
        """The descriptor, -1 when it is closed."""

    def close() -> None:
        """Give it back; a modem hears that as a hang-up (DTR falls).  Again does nothing."""

    def set_speed(speed: int) -> None:
        """Run at ``speed`` bit/s from now on; HostError if the device cannot."""

    def set_flow_control(on: bool) -> None:
        """Mind CTS and use RTS, so that a modem that is slower than its line loses nothing; off when it is opened."""

    def set_dtr(on: bool) -> bool:
        """Raise or drop DTR ("data terminal ready": dropped, most modems hang up); False if the line has none (a pty)."""

    def carrier() -> bool | None:
        """Whether the modem reports a carrier (DCD); None if the line cannot tell."""

    def hang_up() -> None:
        """Speed 0, which drops DTR and which an emulated modem notices as well; ``set_speed`` ends it."""

    def discard() -> None:
        """Forget what waits to be read and written."""

    def unsent() -> int:
        """Octets that were written and have not left the machine yet; 0 if the line cannot tell (a pty)."""


class IMappings(Interface):
    """External ports (the port book)."""

    def open(uplink: str, request: Open) -> Deferred[Mapping]:
        """Deferred of the values.Mapping that ``request`` (values.Open) got, failing with MappingError.

        It is in force when the Deferred fires, and ends by itself at ``expires``, a day from now at the latest.  Asking
        for the same again gives the same ports for the new time.  It goes when its uplink loses its address.
        """

    def release(mapping: Mapping, flows: str = "keep") -> Deferred[None]:
        """Give it back; ``flows`` is ``keep`` or ``end`` for those already running through it.

        One whose time is over is no error, and one that was asked for again since stays.
        """


class IUplinks(Interface):
    """The Internet, as plugins ask for it."""

    def request(cause: Cause) -> Deferred[Link]:
        """I need the Internet.  Deferred of the Link of the active uplink, failing with UplinkRefused or UplinkFailed.

        If none is up, those on their way are waited for, then those on demand are dialled, in order of preference, if
        their rules of ``wake`` allow what ``cause`` (values.Cause) says: ``client`` (None: the gateway itself), ``protocol``,
        ``destination`` (``address``, ``address:port`` or ``[v6]:port``) and ``name``; a name without a destination is a
        lookup.  Requests at the same time are one dial; to cancel one hangs nothing up.

        UplinkRefused: a rule, a limit, an hour or a command forbids it, and the reason has the key that decided.
        UplinkFailed: it was tried in vain, its device is absent, or it is not time for the next try.  ``retry_at`` of
        both (seconds of IClock.now) is when it is worth another try, None if that cannot be said.
        """

    def current() -> UplinkView | None:
        """The values.UplinkView of the active uplink, or None."""

    def watch(observer: Callable[[UplinkView | None], None]) -> Unwatch:
        """Call ``observer(UplinkView | None)`` now and whenever the active uplink or its link changes; returns a callable that ends it."""


class ILeases(Interface):
    """Who has which address."""

    def publish(lease: LeaseView) -> None:
        """A lease (values.LeaseView) was granted or renewed."""

    def withdraw(address: Address, lan: str) -> None:
        """The lease of ``address`` on that LAN (its name) is over."""

    def find(address: Address) -> LeaseView | None:
        """The values.LeaseView of ``address``, or None."""

    def all() -> Sequence[LeaseView]:
        """All leases, by LAN and address."""

    def watch(observer: Callable[[LeaseView, bool], None]) -> Unwatch:
        """Call ``observer(LeaseView, granted: bool)`` for all that are there and at every change; returns a callable that ends it."""


class INames(Interface):
    """Local names, from leases and others, to the DNS proxy."""

    def publish(owner: str, host: str, addresses: Sequence[Address], ttl: int) -> None:
        """``owner`` says that ``host`` (one label, or a full name) has ``addresses``; an empty list withdraws it."""

    def withdraw(owner: str) -> None:
        """Everything that ``owner`` published goes."""

    def watch(observer: Callable[[NameRecord], None]) -> Unwatch:
        """Call ``observer(values.NameRecord)`` for all that are there and at every change; returns a callable that ends it."""

    def resolved(client: Address, qname: str, addresses: Sequence[Address], ttl: int) -> None:
        """The DNS proxy told ``client`` that ``qname`` has ``addresses``: kept for a while, to give dials their cause."""

    def lookup(client: Address, address: Address) -> str:
        """The name that ``client`` was last told for ``address``, or ""."""


class IStore(Interface):
    """Durable memory: one journal per name."""

    def open(name: str, version: int, upgrade: Upgrade | None = None) -> "Deferred[IJournal]":
        """Deferred of an IJournal.

        ``version`` (int) is the format of the records that the caller writes.
        ``upgrade(record, from_version)`` makes an old record new (None drops it).
        Fails with StoreVersionError for a newer file (left untouched), StoreError otherwise.
        """


class IJournal(Interface):
    """An append-only list of JSON-able dictionaries, each safe against power loss once its Deferred fired."""

    def append(record: dict[str, Any]) -> Deferred[int]:
        """Deferred of the sequence number (int), firing when the record is on disk; StoreError if it could not be written."""

    def load() -> Sequence[dict[str, Any]]:
        """The list of records that are there, oldest first (read once, when opened; with those appended since)."""

    def compact(records: Sequence[dict[str, Any]]) -> Deferred[None]:
        """Replace everything so far by ``records``, atomically; Deferred fires when on disk.  Appends meanwhile are kept after them."""

    def follow(seq: int, observer: Callable[[int, dict[str, Any]], None]) -> Unwatch:
        """Call ``observer(seq, record)`` for each record after ``seq`` and for each to come; returns a callable that ends it."""

    def close() -> Deferred[None]:
        """Deferred fires when all is on disk and the file is closed."""


class IEvents(Interface):
    """What happened, for history, event stream and log."""

    def emit(id: str, **fields: Any) -> None:
        """Say that the event ``id`` of events.py happened.  Secrets must not be in ``fields``."""

    def watch(observer: Callable[[Event], None], since: int = 0) -> Unwatch:
        """Call ``observer(values.Event)`` for events after sequence number ``since`` that are still remembered and for new ones; returns a callable that ends it."""


class IStatus(Interface):
    """A plugin's own figures in ``ics status``."""

    def details(function: Callable[[], dict[str, Any]]) -> None:
        """``function()`` returns a JSON-able dictionary of current details (counters, stage, signal, ...); called when asked for."""


class IGateway(Interface):
    """All that a plugin may use.  One view per plugin instance."""

    owner = Attribute(
        "str: the plugin instance's name, as in logs, rules and journals (``dhcp``, ``uplink.cable``)"
    )
    clock = Attribute("IClock")
    host = Attribute("IHost")
    mappings = Attribute("IMappings")
    uplinks = Attribute("IUplinks")
    leases = Attribute("ILeases")
    names = Attribute("INames")
    store = Attribute("IStore: journals of this owner only")
    events = Attribute("IEvents")
    status = Attribute("IStatus")
    log = Attribute("twisted.logger.Logger with the owner as namespace")
