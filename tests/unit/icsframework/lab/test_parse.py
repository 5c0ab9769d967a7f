from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

import icsframework
from icsframework.lab.errors import LabSpecError
from icsframework.lab.parse import default_text, parse_lab
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

WHOLE = """\
segments: [a, b]
hosts:
  everything:
    interfaces:
      eth0: {segment: a, address: [192.0.2.1/24, "2001:db8::1/64"], mac: 02:00:5E:00:53:01, mtu: 1400, up: false}
      eth1: {segment: b, address: dhcp}
    routes: [{via: 192.0.2.9}, {to: 198.51.100.0/24, via: 192.0.2.8}]
    forward: true
    resolver: 192.0.2.53
    sysctls: {net.ipv4.ip_default_ttl: 77}
    dns: {names: {a.example: 192.0.2.1, b.example: [TXT x y, 192.0.2.2]}, ttl: 60}
    web: {page: hello, big: 2kB, port: 8080}
    ftp: {size: 3kB, port: 2121}
    dhcp: {interface: eth0, range: [192.0.2.100, 192.0.2.199], router: 192.0.2.1, dns: 192.0.2.1, domain: x.example,
           options: ["58,10", "59,20"]}
    gateway:
      config: {uplinks: [{name: u, password: "007", mac: 02:00:5e:00:53:02}]}
      static: {u: {address: 192.0.2.5/24}}
      environment: /opt/ics
    modems:
      modem: {kind: cellular, rate: 33600, latency: 60, pin: "0123", numbers: {"5551234": lost:2}}
    telephone: {numbers: ["123", "*99#"], auth: mschapv2, users: {gw: "007"}, address: 203.0.113.1,
                clients: 203.0.113.5, dns: [192.0.2.1], delay: 2500}
    run: [first command, second]
  nothing: {}
"""


def test_everything_that_can_be_said():
    """Each key becomes its value."""
    everything = HostSpec(
        "everything",
        (
            InterfaceSpec(
                "eth0",
                "a",
                (ip_interface("192.0.2.1/24"), ip_interface("2001:db8::1/64")),
                mac="02:00:5e:00:53:01",
                mtu=1400,
                up=False,
            ),
            InterfaceSpec("eth1", "b", dhcp=True),
        ),
        (
            RouteSpec(None, ip_address("192.0.2.9")),
            RouteSpec(ip_network("198.51.100.0/24"), ip_address("192.0.2.8")),
        ),
        forward=True,
        resolver=(ip_address("192.0.2.53"),),
        sysctls=(("net.ipv4.ip_default_ttl", "77"),),
        dns=DnsService((("a.example", ("192.0.2.1",)), ("b.example", ("TXT x y", "192.0.2.2"))), 60),
        web=WebService("hello", 2000, 8080),
        ftp=FtpService(3000, 2121),
        dhcp=DhcpService(
            "eth0",
            ip_address("192.0.2.100"),
            ip_address("192.0.2.199"),
            ip_address("192.0.2.1"),
            (ip_address("192.0.2.1"),),
            "x.example",
            options=("58,10", "59,20"),
        ),
        gateway=GatewayService(
            'uplinks: [{name: u, password: "007", mac: 02:00:5e:00:53:02}]\n',
            (("u", "address: 192.0.2.5/24\n"),),
            "/opt/ics",
        ),
        modems=(ModemSpec("modem", "cellular", 33600, 0.06, "0123", (("5551234", "lost:2"),)),),
        telephone=TelephoneService(
            ("123", "*99#"),
            ip_address("203.0.113.1"),
            (ip_address("203.0.113.5"),),
            (ip_address("192.0.2.1"),),
            "mschapv2",
            (("gw", "007"),),
            delay=2.5,
        ),
        run=("first command", "second"),
    )
    found = parse_lab(WHOLE)
    # Flow or block style of the copied YAML is the library's affair; its content is not.
    assert found.hosts["everything"].gateway.config.replace("{", "").startswith("uplinks")
    assert '"007"' in found.hosts["everything"].gateway.config
    assert found.hosts["everything"].gateway.environment == "/opt/ics"
    assert "02:00:5e:00:53:02" in found.hosts["everything"].gateway.config
    found = found.with_host(
        HostSpec(
            **{
                name: getattr(found.hosts["everything"], name)
                for name in HostSpec.__slots__
                if name != "gateway"
            },
            gateway=everything.gateway,
        )
    )
    assert found == LabSpec(("a", "b"), {"everything": everything, "nothing": HostSpec("nothing")})


def test_slirp_has_its_own_addresses():
    """What slirp cannot do is refused; where its server is need not be said."""
    found = parse_lab("hosts: {isp: {telephone: {server: slirp, numbers: 5}}}").hosts["isp"].telephone
    assert (found.server, found.address, found.numbers) == ("slirp", ip_address("10.0.2.2"), ("5",))
    with pytest.raises(LabSpecError, match="auth: one of none, pap, chap is expected, not 'mschapv2'"):
        parse_lab("hosts: {isp: {telephone: {server: slirp, auth: mschapv2}}}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: pigeon", r"modems\.m\.kind: one of hayes, cellular, null-modem is expected, not 'pigeon'"),
        ("numbers: {'5': 'lost:soon'}", r"modems\.m\.numbers\.5: 'lost:soon': lost:SECONDS"),
        ("latency: 1s", r"modems\.m\.latency: a number from 0 to 10000"),
    ],
)
def test_modems_that_cannot_be(text, sentence):
    """The place and what is expected there."""
    with pytest.raises(LabSpecError, match=sentence):
        parse_lab("hosts: {pc: {modems: {m: {" + text + "}}}}")


def test_the_default_lab():
    """Two PCs, a gateway with two uplinks, two providers and a server; the gateway's ports begin untouched."""
    spec = parse_lab(default_text(), "default.yaml")
    assert list(spec.hosts) == ["pc1", "pc2", "gateway", "isp-a", "isp-b", "server"]
    assert all(
        spec.hosts[name].interfaces == (InterfaceSpec("eth0", "home", dhcp=True),) for name in ("pc1", "pc2")
    )
    ports = spec.hosts["gateway"].interfaces
    assert [(port.segment, port.addresses, port.up) for port in ports] == [
        ("isp-a", (), False),
        ("home", (), False),
        ("isp-b", (), False),
    ]
    assert spec.hosts["isp-a"].dns == spec.hosts["isp-b"].dns


def test_the_commented_example_is_a_correct_lab():
    """etc/lab.yaml is read without a complaint, and one of its LANs reaches another."""
    example = Path(icsframework.__file__).parents[1] / "etc/lab.yaml"
    spec = parse_lab(example.read_text(), str(example))
    assert spec.segments == ("home", "guests", "wan")
    gateway = spec.hosts["gateway"].gateway
    assert gateway is not None
    assert "reach:" in gateway.config


def test_the_dialup_lab_is_a_correct_lab():
    """etc/dialup-lab.yaml: the gateway's only way out is its modem, and somebody answers the number that it calls."""
    example = Path(icsframework.__file__).parents[1] / "etc/dialup-lab.yaml"
    spec = parse_lab(example.read_text(), str(example))
    gateway, telephone = spec.hosts["gateway"], spec.hosts["isp"].telephone
    assert [interface.segment for interface in gateway.interfaces] == ["home"]
    assert f"device: {gateway.modems[0].device}" in gateway.gateway.config
    assert f'numbers: "{telephone.numbers[0]}"' in gateway.gateway.config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "lab.yaml:"),
        ("hosts: {}", "lab.yaml:1: hosts: a lab needs at least one host"),
        ("version: 2\nhosts: {a: {}}", "lab.yaml:1: version: a number from 1 to 1 is expected"),
        ("host: {a: {}}", "lab.yaml:1: host: unknown key 'host'; did you mean hosts?"),
        ("segments: [A]\nhosts: {a: {}}", "lab.yaml:1: segments[0]: 'A' cannot be the name of a segment"),
        ("hosts: {switch: {}}", "lab.yaml:1: hosts.switch: 'switch' cannot be the name of a host"),
        ("hosts:\n  a_b: {}", "lab.yaml:2: hosts.a_b: 'a_b' cannot be the name of a host"),
        (
            "hosts: {a: {interfaces: {eth0: {segment: x}}}}",
            "lab.yaml:1: hosts.a.interfaces.eth0.segment: there is no",
        ),
        (
            "hosts: {a: {interfaces: {0: {segment: x}}}}",
            "lab.yaml:1: hosts.a.interfaces.0: '0' cannot be the name",
        ),
        (
            "segments: [x]\nhosts: {a: {interfaces: {e: {segment: x, mac: '01:00:5e:00:53:01'}}}}",
            "lab.yaml:2: hosts.a.interfaces.e.mac: a unicast MAC address such as",
        ),
        (
            "hosts: {a: {dhcp: {interface: e}}}",
            "lab.yaml:1: hosts.a.dhcp.interface: this host has no interface 'e'",
        ),
        (
            "hosts: {a: {dhcp: {server: kea}}}",
            "lab.yaml:1: hosts.a.dhcp.server: the lab's DHCP server is dnsmasq",
        ),
        ("hosts: {a: {gateway: {}}}", "lab.yaml:1: hosts.a.gateway: one of config"),
        (
            "hosts: {a: {gateway: {file: /nowhere}}}",
            "lab.yaml:1: hosts.a.gateway.file: /nowhere cannot be read",
        ),
        ("hosts: {a: {routes: [{to: 192.0.2.1/24, via: x}]}}", "lab.yaml:1: hosts.a.routes[0].to: a network"),
    ],
)
def test_mistakes_are_named(text, sentence):
    """Each mistake says where it stands and what was expected."""
    with pytest.raises(LabSpecError) as caught:
        parse_lab(text)
    assert str(caught.value).startswith(sentence)


def test_a_gateway_file_is_found_beside_the_lab_file(tmp_path):
    """`gateway: {file: NAME}` is relative to the lab file."""
    (tmp_path / "gateway.yaml").write_text("lans: []\n")
    spec = parse_lab("hosts: {g: {gateway: {file: gateway.yaml}}}", str(tmp_path / "lab.yaml"))
    assert spec.hosts["g"].gateway == GatewayService("lans: []\n")
