"""A PC behind a gateway whose only way out is a modem, and who takes its calls."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from icsframework.lab.parse import parse_lab
from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))

LAB = """
segments: [home, backbone]
hosts:
  pc:
    interfaces: {eth0: {segment: home, address: dhcp}}
  gateway:
    interfaces: {eth1: {segment: home, up: false}}
    modems: {modem: {MODEM}}
    gateway: {config: {}}
  isp:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.1/24}}
    telephone:
      {numbers: ["123", "*99#"], users: {gw: secret}, address: 203.0.113.1, clients: [203.0.113.5], dns: [192.0.2.1], PROVIDER}
    dns: {names: {www.example.net: 192.0.2.80}}
  server:
    interfaces: {eth0: {segment: backbone, address: 192.0.2.80/24}}
    routes: [{to: 203.0.113.0/24, via: 192.0.2.1}]
    web: {page: "By telephone.\\n", big: 10kB}
"""


class Dialup:
    """The lab with what its tests ask of it."""

    def __init__(self, lab):
        self.lab = lab
        self.pc, self.gateway, self.server = lab["pc"], lab["gateway"].gateway, lab["server"]
        self.modem = lab["gateway"].modem

    def ics(self, *words, timeout=30.0):
        """The command on the gateway: exit status and what it said."""
        command = [ICS, "--socket", str(self.gateway.control_socket), *words]
        done = self.lab["gateway"].run(command, timeout=timeout)
        return done.returncode, (done.stdout + done.stderr).strip()

    def configure(self, **keys):
        """Write other keys of the uplink, and reload; a call that is up, which goes on, is ended."""
        text = config(connect="manual", **keys)
        self.gateway.configure(parse_lab(lab_of(text, "", "")).hosts["gateway"].gateway)
        status, said = self.ics("reload")
        assert status == 0, said
        if self.uplink()["state"] == "up":
            assert self.ics("disconnect", "phone")[0] == 0

    def uplink(self):
        """Its part of the status."""
        return self.gateway.uplink("phone")

    def wait(self, state, timeout=15.0):
        """Wait until the uplink is in this state."""
        return self.gateway.wait_uplink("phone", state, timeout)

    def history(self):
        """Oldest first."""
        status, said = self.ics("history", "--json")
        assert status == 0, said
        return json.loads(said)

    def join(self):
        """The PC has its address."""
        self.lease = self.pc.dhcp()
        return self

    def dialled(self):
        """The numbers that the modem was told, oldest first."""
        return self.modem.look()["dialled"]

    def works(self, seconds=15.0):
        """Name lookup by the provider's server, and a page through NAT; returns what the server saw as the client."""

        def resolved():
            return self.pc.resolve("www.example.net", timeout=seconds) == ("192.0.2.80",)

        wait_for(resolved, seconds, "the PC to resolve a name")
        page = self.pc.fetch("http://www.example.net/", seconds)
        assert (page.status, page.body) == (200, b"By telephone.\n")
        return self.pc.fetch("http://www.example.net/ip", seconds).body.split()[0].decode()


def config(**keys):
    """The gateway's file with these keys of the uplink, beside what can be changed."""
    words = {"numbers": '"123"', "user": "gw", "password": "secret"} | keys
    own = ", ".join(f"{name}: {value}" for name, value in words.items() if value is not None)
    return (
        "lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]\n"
        f"uplinks: [{{name: phone, plugin: dialup, device: /run/modem, {own}}}]\n"
    )


def lab_of(gateway, modem, provider):
    """The lab's file."""
    indented = "".join(f"        {line}\n" for line in gateway.splitlines())
    text = LAB.replace("MODEM", modem).replace("PROVIDER", provider)
    return text.replace("    gateway: {config: {}}\n", f"    gateway:\n      config:\n{indented}")


def build(opener, modem, provider, keys):
    """Open a lab and have a Dialup for it."""
    if "slirp" in provider and not shutil.which("slirp-fullbolt"):
        pytest.skip("slirp-fullbolt is not installed (Debian: slirp)")
    return Dialup(opener(lab_of(config(**keys), modem, provider)))


@pytest.fixture
def dialup(open_lab):
    """A function that opens a lab: keys of the modem, of the provider (YAML text), of the uplink."""
    return lambda modem="", provider="", /, **keys: build(open_lab, modem, provider, keys)


@pytest.fixture(scope="module")
def module_dialup(open_module_lab):
    """The same for a lab that all tests of a module share."""
    return lambda modem="", provider="", /, **keys: build(open_module_lab, modem, provider, keys)
