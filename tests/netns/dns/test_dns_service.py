"""The DNS proxy with real clients (dig, getent) and a server that is not ours (dnsmasq)."""

import json
import sys
from pathlib import Path

import pytest

from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

STAND = Path(__file__).with_name("stand.py")
DNSMASQ = (
    "exec dnsmasq -k --conf-file=/dev/null --user=root --pid-file --no-resolv --no-hosts --bind-interfaces "
    "--log-facility=- --listen-address={address} --edns-packet-max=4096"
)
RECORDS = (
    " --host-record=www.example.net,192.0.2.80,2001:db8:f::80 --host-record=other.example.net,192.0.2.81"
    " --host-record=rebind.example.net,192.168.0.1 --cname=alias.example.net,www.example.net"
    " --ptr-record=80.2.0.198.in-addr.arpa,back.example.net"
    " --dns-rr=odd.example.net,65280,0102aabb --auth-ttl=300 --local-ttl=300"
    " --local=/example.net/ --local=/example/ --max-ttl=300"
    + "".join(f" --txt-record=big.example.net,{n:02}{'x' * 190}" for n in range(15))
    + "".join(f" --txt-record=medium.example.net,{n:02}{'x' * 190}" for n in range(5))
)
LAB = f"""
version: 1
segments: [home, isp]
hosts:
  pc:
    interfaces: {{eth0: {{segment: home, address: 192.168.0.10/24}}}}
    routes: [{{to: default, via: 192.168.0.1}}]
    resolver: [192.168.0.1]
  gateway:
    interfaces:
      eth0: {{segment: isp, address: 203.0.113.5/24}}
      eth1: {{segment: home, address: 192.168.0.1/24}}
  isp:
    interfaces: {{eth0: {{segment: isp, address: [203.0.113.1/24, 203.0.113.2/24, 203.0.113.3/24]}}}}
    run: ["{DNSMASQ.format(address="203.0.113.1") + RECORDS}"]
"""


class Stand:
    """The proxy on the lab's gateway, and questions to it."""

    def __init__(self, lab, config=None):
        self.lab = lab
        arguments = [sys.executable, STAND, "192.168.0.1/24", "eth1", json.dumps(config or {})]
        self._process = lab["gateway"].popen(arguments, stdin=-1)
        said = self._process.stdout.readline().strip()
        assert said == "ready", said + self._process.stderr.read()

    def tell(self, line):
        """Obeyed when this returns; gives what it said."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def status(self):
        return json.loads(self.tell("status"))

    def dig(self, *arguments, host="pc", server="192.168.0.1"):
        """What dig prints."""
        command = ["dig", f"@{server}", "+tries=1", "+time=9", *arguments]
        return self.lab[host].run(command, timeout=12).stdout

    def short(self, *arguments):
        return sorted(self.dig("+short", *arguments).splitlines())

    def end(self):
        self._process.stdin.close()
        return self._process.wait(5)


@pytest.fixture
def stand(open_lab):
    """A function that starts the proxy with a configuration, the uplink up."""
    for program in ("dnsmasq", "dig"):
        if not find_program(program):
            pytest.skip(f"{program} is not installed")
    started = []

    def start(config=None, up="up 203.0.113.1"):
        lab = open_lab(LAB)
        one = Stand(lab, config)
        started.append(one)
        one.tell(up)
        return one

    yield start
    for one in started:
        assert one.end() == 0


def test_everyday_questions(stand):
    """Names are forwarded, remembered and known locally; getent agrees with dig."""
    one = stand({"hosts": {"nas": "192.168.0.20"}})
    one.tell("name printer 192.168.0.10")
    assert one.short("www.example.net", "A") == ["192.0.2.80"]
    assert one.short("www.example.net", "AAAA") == ["2001:db8:f::80"]
    assert one.short("alias.example.net", "A") == ["192.0.2.80", "www.example.net."]
    assert one.short("WwW.eXample.net", "A") == ["192.0.2.80"]
    assert one.short("printer", "A") == one.short("Printer.Home.Arpa", "A") == ["192.168.0.10"]
    assert one.short("nas.home.arpa", "A") == ["192.168.0.20"]
    assert one.short("-x", "192.168.0.10") == ["printer.home.arpa."]
    assert one.short("-x", "192.168.0.1") == ["gateway.home.arpa."]
    assert one.short("localhost", "A") == ["127.0.0.1"]
    one.tell("name printer")
    assert "status: NXDOMAIN" in one.dig("printer.home.arpa")
    getent = one.lab["pc"].run(["getent", "ahostsv4", "www.example.net"]).stdout
    assert getent.startswith("192.0.2.80 ")
    assert one.status()["hits"] >= 1


def test_case_is_kept(stand):
    """The question comes back spelt as it was asked (0x20), from the server and from the cache."""
    one = stand()
    for spelling in ("wWw.ExAmPlE.nEt", "www.example.net", "WWW.example.NET"):
        assert f";{spelling}." in one.dig("+qr", "+noall", "+question", spelling, "A").replace(" ", "")


def test_what_a_proxy_does_not_know(stand):
    """RFC 5625 section 4: unknown types, other classes and flags pass."""
    one = stand()
    assert "0102AABB" in one.dig("odd.example.net", "TYPE65280")
    assert "dnsmasq" in one.dig("version.bind", "CH", "TXT")
    flags = one.dig("+cdflag", "+adflag", "www.example.net")
    assert "status: NOERROR" in flags
    assert " cd" in flags.split("flags:")[1].split(";")[0]
    assert "status: NOERROR" in one.dig("+zflag", "other.example.net")
    assert one.short("+noedns", "other.example.net") == ["192.0.2.81"]
    assert "status: NOERROR" in one.dig("+ednsopt=65001:abcd", "other.example.net")
    assert "status: NOERROR" in one.dig("+subnet=198.51.100.0/24", "other.example.net")


def test_large_answers(stand):
    """RFC 5625 section 4.4: nothing is cut at 512 silently; TCP and EDNS bring the whole answer."""
    one = stand()
    assert len(one.short("+bufsize=4096", "+notcp", "+ignore", "big.example.net", "TXT")) == 15
    cut = one.dig("+noedns", "+ignore", "big.example.net", "TXT")
    assert " tc" in cut.split("flags:")[1].split(";")[0]
    assert "ANSWER: 0" in cut
    assert len(one.short("+tcp", "big.example.net", "TXT")) == 15
    assert len(one.short("+noedns", "big.example.net", "TXT")) == 15
    assert len(one.short("+bufsize=1232", "+ignore", "medium.example.net", "TXT")) == 5
    assert (
        one.dig("+noedns", "+tcp", "+keepopen", "www.example.net", "A", "other.example.net", "A").count(
            "192.0.2.8"
        )
        == 2
    )


def test_next_server(stand):
    """A server that does not answer is passed over; the answer comes from the next one."""
    one = stand(up="up 203.0.113.9 203.0.113.1")
    assert one.short("www.example.net") == ["192.0.2.80"]
    one.short("other.example.net"), one.short("alias.example.net")
    servers = {server["server"]: server["state"] for server in one.status()["servers"]}
    assert servers == {"203.0.113.9:53": "failed", "203.0.113.1:53": "ok"}
    assert (
        "Query time: 0 msec" in (answer := one.dig("big.example.net", "A"))
        or int(answer.split("Query time: ")[1].split()[0]) < 500
    )


def test_without_a_link(stand):
    """Remembered answers go on; a new name asks for the Internet with its cause, and is answered when it is there."""
    one = stand()
    assert one.short("www.example.net") == ["192.0.2.80"]
    one.tell("down")
    assert one.short("www.example.net") == ["192.0.2.80"]
    waiting = one.lab["pc"].popen(
        ["dig", "+short", "+time=9", "+tries=1", "@192.168.0.1", "other.example.net"]
    )
    wait_for(lambda: one.status()["causes"], what="a request for the Internet")
    assert one.status()["causes"] == ["other.example.net"]
    one.tell("up 203.0.113.1")
    assert waiting.communicate(timeout=10)[0] == "192.0.2.81\n"


def test_rebinding(stand):
    """A public name that leads into the LAN is refused and says why; unless it is allowed."""
    one = stand()
    refused = one.dig("rebind.example.net")
    assert "status: REFUSED" in refused
    assert "EDE: 15" in refused
    assert one.status()["blocked"] == 1


def test_only_the_lan_is_answered(stand):
    """Whoever asks from outside the LAN gets no answer, by UDP or TCP."""
    one = stand()
    one.lab["pc"].run(["ip", "address", "add", "198.51.100.7/32", "dev", "lo"], check=True)
    one.lab["gateway"].run(["ip", "route", "add", "198.51.100.7", "via", "192.168.0.10"], check=True)
    for how in ("+notcp", "+tcp"):
        assert "no servers could be reached" in one.dig(
            how, "+time=1", "-b", "198.51.100.7", "www.example.net"
        )
    outside = one.lab["isp"].run(["dig", "@203.0.113.5", "+tries=1", "+time=1", "www.example.net"]).stdout
    assert "no servers could be reached" in outside
    assert one.status()["queries"] == 0
