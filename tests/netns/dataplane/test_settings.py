"""The kernel settings that the data plane asks for exist here, and have the effect that is wanted."""

from pathlib import Path

from icsframework.dataplane.sysctls import CONNTRACK_MINIMUMS, sysctls


def values(net, paths):
    """What the gateway's kernel says for each setting; None for one it does not have."""

    def read():
        files = {path: Path("/proc/sys", path.replace(".", "/")) for path in paths}
        return {path: file.read_text().strip() if file.exists() else None for path, file in files.items()}

    return net.gateway.inside(read, ("net",))


def test_every_setting_exists(net):
    """No name is misspelt: with the rules loaded, this kernel knows each of them."""
    net.load(net.two)
    wanted = [one.path for one in sysctls(net.two)]
    assert len(wanted) > 25
    assert [path for path, value in values(net, wanted).items() if value is None] == []


def test_flows_live_as_long_as_the_rfcs_demand(net):
    """A datagram that nobody answered keeps its mapping two minutes (RFC 4787 REQ-5), a ping one (RFC 5508 REQ-2)."""
    net.load(net.one)
    net.socket("server", port=9000)
    net.socket("pc1", port=4001).sendto(b"nobody answers", (net.server_address, 9000))
    net.lab["pc1"].run(["ping", "-c", "1", "-W", "1", net.server_address], check=True)

    def left(protocol):
        listing = net.gateway.run(
            ["conntrack", "-L", "-p", protocol, "-s", "192.168.0.10"], check=True
        ).stdout
        return int(listing.split()[2])

    assert CONNTRACK_MINIMUMS["udp_timeout"] - 5 <= left("udp") <= CONNTRACK_MINIMUMS["udp_timeout"]
    assert CONNTRACK_MINIMUMS["icmp_timeout"] - 5 <= left("icmp") <= CONNTRACK_MINIMUMS["icmp_timeout"]
