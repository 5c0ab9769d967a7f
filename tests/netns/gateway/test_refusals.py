"""What the daemon refuses, in one sentence, with its exit status, and with nothing changed."""

import pytest

from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

STATIC = "uplinks: [{name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}]\n"


def refused(lab, prefix=()):
    """Start the daemon; its exit status and everything it said. The network must be as before."""
    gateway = lab["gateway"]
    daemon = gateway.gateway
    before = gateway.snapshot()
    done = gateway.run([*prefix, *map(str, daemon.arguments)], check=False, timeout=30)
    assert "Traceback" not in done.stdout + done.stderr
    assert differences(before, gateway.snapshot()) == []
    return done.returncode, done.stderr


def test_a_second_gateway(gateway_lab):
    """One per network namespace; the first is named by its process and goes on."""
    gateway_lab["gateway"].gateway.wait_uplink("dsl")
    status, said = refused(gateway_lab)
    assert status == 1
    assert "A gateway already runs in this network namespace: twistd" in said
    assert gateway_lab["gateway"].gateway.status_tree()["gateway"]["state"] == "ready"


@pytest.mark.parametrize("port", [53, 67])
def test_a_port_that_is_taken(lab, port):
    """Named with the program that has it."""
    gateway = lab["gateway"]
    option = ["--port=53"] if port == 53 else ["--port=0", "--dhcp-range=10.1.1.1,10.1.1.9"]
    gateway.run(["sh", "-ec", "ip link set eth1 up; ip addr add 10.1.1.1/24 dev eth1"])
    gateway.popen(
        [
            "dnsmasq",
            "-k",
            "--conf-file=/dev/null",
            "--user=root",
            "--no-resolv",
            "--no-hosts",
            "--pid-file",
            *option,
        ]
    )
    wait_for(lambda: f":{port} " in gateway.run(["ss", "-Hlnu"]).stdout, 10, "dnsmasq")
    status, said = refused(lab)
    assert status == 1
    assert "dnsmasq (pid " in said
    assert f"port {port}" in said


def test_nothing_to_serve(open_lab):
    """No interface of any LAN here: what is wanted and what there is."""
    lab = open_lab(gateway_config=f"lans: [{{interface: wlan7}}]\n{STATIC}", start_gateways=False)
    status, said = refused(lab)
    assert status == 1
    assert (
        "nothing to serve: no interface of any LAN is here (wlan7); this machine has: eth0, eth1, eth2"
        in said
    )


def test_one_lan_of_two_is_enough(open_lab):
    """An absent LAN is a state, not an error, and is served when it appears."""
    lab = open_lab(
        gateway_config=f"lans: [{{interface: eth1}}, {{name: later, interface: late0, address: 192.168.7.1/24}}]\n{STATIC}"
    )
    gateway, daemon = lab["gateway"], lab["gateway"].gateway

    def later():
        return next(one for one in daemon.status_tree()["lans"] if one["name"] == "later")

    assert (later()["state"], later()["reason"]) == ("absent", "there is no interface late0")
    gateway.run(["ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1"])
    gateway.run(["ip", "link", "set", "late1", "up"])
    wait_for(lambda: later()["state"] == "up", 10, "the LAN to be served")
    assert "192.168.7.1" in gateway.run(["ip", "-br", "addr", "show", "late0"]).stdout
    gateway.run(["ip", "link", "del", "late0"])
    wait_for(lambda: later()["state"] == "absent", 10, "the LAN to be absent again")


def test_without_rights(lab):
    """Status 77 and the capabilities by name."""
    status, said = refused(lab, ("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
    assert status == 77
    assert "CAP_NET_ADMIN" in said


def test_a_subnet_that_is_also_the_providers(open_lab):
    """A LAN with the uplink's static subnet is an error of the file; one learned by DHCP refuses that uplink only."""
    same = "lans: [{interface: eth1, address: 203.0.113.129/24}]\n"
    status, said = refused(open_lab(gateway_config=same + STATIC, start_gateways=False))
    assert status == 2
    assert "gateway.yaml:" in said
    by_dhcp = "lans: [{interface: eth1, address: 198.51.100.250/24}]\nuplinks: [{name: dsl, plugin: ethernet, interface: eth2}]\n"
    lab = open_lab(gateway_config=by_dhcp)
    daemon = lab["gateway"].gateway
    wait_for(lambda: "collides with LAN" in (daemon.uplink("dsl")["reason"] or ""), 15, "the refusal")
    assert lab["pc1"].dhcp().address.ip.exploded.startswith("198.51.100.")


@pytest.mark.parametrize("place", ["state", "run"])
def test_a_directory_that_everybody_may_write_into(lab, place):
    """Named with its mode and the command that closes it."""
    directory = getattr(lab["gateway"].gateway, place)
    directory.chmod(0o777)
    status, said = refused(lab)
    assert status == 1
    assert f"may write into {directory} (mode 0777)" in said
    assert f"chmod o-w {directory}" in said
