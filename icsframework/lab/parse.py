"""A lab file into a LabSpec, refusing what does not fit together."""

import re
from ipaddress import ip_address
from pathlib import Path

from icsframework.lab.errors import LabSpecError
from icsframework.lab.reading import Entry, read_yaml
from icsframework.lab.spec import (
    DhcpService,
    DnsService,
    FtpService,
    GatewayService,
    HostSpec,
    InterfaceSpec,
    LabSpec,
    ModemSpec,
    RouteSpec,
    TelephoneService,
    WebService,
)
from icsframework.lab.telephone.numbers import fate_of

__all__ = ["default_text", "parse_lab"]

HOST_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
"""Also the host's name in DHCP requests, so it is a DNS label."""

DEVICE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]{0,14}")
"""The kernel takes 15 characters."""

MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
"""Lower case, unicast."""

MAX_HOSTS = 200
"""A host costs two processes, and its number is one octet of its MAC addresses."""

SWITCH = "switch"
"""The host of the lab's own that carries the segments."""


def default_text() -> str:
    """The lab that `ics lab` opens when no file is named."""
    return Path(__file__).with_name("default.yaml").read_text(encoding="utf-8")


def parse_lab(text: str, source: str = "lab.yaml") -> LabSpec:
    """Read a lab file; ``source`` is its name in messages.  Raises LabSpecError."""
    top = read_yaml(text, source).section({"version", "segments", "hosts"})
    top["version"].integer(1, 1, 1)
    segments = tuple(_name(entry, HOST_NAME, "segment") for entry in top["segments"].entries())
    hosts = [_host(name, entry, segments) for name, entry in top["hosts"].items()]
    if not hosts:
        top["hosts"].refuse("a lab needs at least one host")
    if len(hosts) > MAX_HOSTS:
        top["hosts"].refuse(f"a lab has at most {MAX_HOSTS} hosts")
    return LabSpec(segments, {host.name: host for host in hosts})


def _name(entry: Entry, pattern: re.Pattern[str], what: str) -> str:
    text = entry.text()
    if not pattern.fullmatch(text):
        entry.refuse(f"{text!r} cannot be the name of a {what}; letters, digits and -, at most 15")
    return text


def _host(name: str, entry: Entry, segments: tuple[str, ...]) -> HostSpec:
    if not HOST_NAME.fullmatch(name) or name == SWITCH:
        entry.refuse(
            f"{name!r} cannot be the name of a host; lower-case letters, digits and -, not {SWITCH!r}"
        )
    keys = entry.section(
        {
            "interfaces",
            "routes",
            "forward",
            "resolver",
            "sysctls",
            "dns",
            "web",
            "ftp",
            "dhcp",
            "gateway",
            "modems",
            "telephone",
            "run",
        }
    )
    interfaces = tuple(_interface(device, value, segments) for device, value in keys["interfaces"].items())
    return HostSpec(
        name,
        interfaces,
        routes=tuple(_route(value) for value in keys["routes"].entries()),
        forward=keys["forward"].flag(False),
        resolver=tuple(value.address() for value in keys["resolver"].entries()),
        sysctls=tuple((key, value.text()) for key, value in keys["sysctls"].items()),
        dns=_dns(keys["dns"]),
        web=_web(keys["web"]),
        ftp=_ftp(keys["ftp"]),
        dhcp=_dhcp(keys["dhcp"], interfaces),
        gateway=_gateway(keys["gateway"]),
        modems=tuple(_modem(device, value) for device, value in keys["modems"].items()),
        telephone=_telephone(keys["telephone"]),
        run=tuple(value.text() for value in keys["run"].entries()),
    )


def _interface(name: str, entry: Entry, segments: tuple[str, ...]) -> InterfaceSpec:
    if not DEVICE_NAME.fullmatch(name):
        entry.refuse(f"{name!r} cannot be the name of an interface; at most 15 characters")
    keys = entry.section({"segment", "address", "mac", "mtu", "up"})
    segment = keys["segment"].text()
    if segment not in segments:
        keys["segment"].refuse(f"there is no segment {segment!r}; there are: {', '.join(segments) or 'none'}")
    mac = keys["mac"].text().lower()
    if mac and not MAC.fullmatch(mac):
        keys["mac"].refuse(f"a unicast MAC address such as 02:00:5e:00:53:01 is expected, not {mac!r}")
    addresses = keys["address"].entries()
    dhcp = any(value.text() == "dhcp" for value in addresses)
    return InterfaceSpec(
        name,
        segment,
        tuple(value.interface_address() for value in addresses if value.text() != "dhcp"),
        dhcp,
        mac,
        keys["mtu"].integer(1500, 68, 65535),
        keys["up"].flag(True),
    )


def _route(entry: Entry) -> RouteSpec:
    keys = entry.section({"to", "via"})
    to = None if keys["to"].text("default") == "default" else keys["to"].network()
    return RouteSpec(to, keys["via"].address())


def _dns(entry: Entry) -> DnsService | None:
    if not entry:
        return None
    keys = entry.section({"names", "ttl"})
    names = tuple((name, tuple(v.text() for v in value.entries())) for name, value in keys["names"].items())
    return DnsService(names, keys["ttl"].integer(300, 0, 2**31 - 1))


def _web(entry: Entry) -> WebService | None:
    if not entry:
        return None
    keys = entry.section({"page", "big", "port"})
    return WebService(
        keys["page"].text("It works.\n"), keys["big"].size(10_000_000), keys["port"].integer(80, 1, 65535)
    )


def _ftp(entry: Entry) -> FtpService | None:
    if not entry:
        return None
    keys = entry.section({"size", "port"})
    return FtpService(keys["size"].size(5_000_000), keys["port"].integer(21, 1, 65535))


def _dhcp(entry: Entry, interfaces: tuple[InterfaceSpec, ...]) -> DhcpService | None:
    if not entry:
        return None
    keys = entry.section({"server", "interface", "range", "router", "dns", "domain", "lease", "options"})
    if keys["server"].text("dnsmasq") != "dnsmasq":
        keys["server"].refuse("the lab's DHCP server is dnsmasq")
    device = keys["interface"].text()
    if device not in {interface.name for interface in interfaces}:
        keys["interface"].refuse(f"this host has no interface {device!r}")
    bounds = keys["range"].entries()
    if len(bounds) != 2:
        keys["range"].refuse("the first and the last address are expected: [192.0.2.100, 192.0.2.199]")
    return DhcpService(
        device,
        bounds[0].address(),
        bounds[1].address(),
        keys["router"].address() if keys["router"] else None,
        tuple(value.address() for value in keys["dns"].entries()),
        keys["domain"].text(),
        keys["lease"].integer(3600, 120, 2**31 - 1),
        tuple(value.text() for value in keys["options"].entries()),
    )


def _gateway(entry: Entry) -> GatewayService | None:
    if not entry:
        return None
    keys = entry.section({"config", "file", "static", "environment"})
    if bool(keys["config"]) == bool(keys["file"]):
        entry.refuse(
            "one of config (the gateway's configuration) and file (the name of its file) is expected"
        )
    static = tuple((name, value.yaml()) for name, value in keys["static"].items())
    config = keys["config"].yaml() if keys["config"] else _read(keys["file"])
    return GatewayService(config, static, keys["environment"].text())


def _modem(name: str, entry: Entry) -> ModemSpec:
    if not DEVICE_NAME.fullmatch(name):
        entry.refuse(f"{name!r} cannot be the name of a modem; at most 15 characters")
    keys = entry.section({"kind", "rate", "latency", "pin", "numbers"})
    numbers = []
    for number, value in keys["numbers"].items():
        try:
            fate_of(value.text())
        except LabSpecError as error:
            value.refuse(str(error))
        numbers.append((number, value.text()))
    return ModemSpec(
        name,
        keys["kind"].choice("hayes", ("hayes", "cellular", "null-modem")),
        keys["rate"].integer(0, 0, 10_000_000),
        keys["latency"].integer(0, 0, 10_000) / 1000,
        keys["pin"].text(),
        tuple(numbers),
    )


def _telephone(entry: Entry) -> TelephoneService | None:
    if not entry:
        return None
    keys = entry.section(
        {"numbers", "server", "auth", "users", "address", "clients", "dns", "options", "delay"}
    )
    server = keys["server"].choice("ics", ("ics", "slirp"))
    methods = ("none", "pap", "chap") if server == "slirp" else ("none", "pap", "chap", "mschapv2")
    return TelephoneService(
        tuple(value.text() for value in keys["numbers"].entries()),
        keys["address"].address() if server == "ics" else ip_address("10.0.2.2"),
        tuple(value.address() for value in keys["clients"].entries()),
        tuple(value.address() for value in keys["dns"].entries()),
        keys["auth"].choice("chap", methods),
        tuple((name, value.text()) for name, value in keys["users"].items()),
        server,
        tuple(value.text() for value in keys["options"].entries()),
        keys["delay"].integer(0, 0, 120_000) / 1000,
    )


def _read(entry: Entry) -> str:
    path = Path(entry.source).parent / entry.text()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        entry.refuse(f"{path} cannot be read: {error}")
