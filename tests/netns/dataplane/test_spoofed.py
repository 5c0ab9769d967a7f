"""Sources that cannot be: dropped where they come in, and counted."""


def spoof(net, host, source, target, words=b"spoofed", interface="eth0"):
    """Send a datagram from an address that is not the host's."""
    machine = net.lab[host]
    machine.run(["ip", "address", "add", f"{source}/32", "dev", "lo"], check=True)
    try:
        net.socket(host, address=source).sendto(words, target)
    finally:
        machine.run(["ip", "address", "del", f"{source}/32", "dev", "lo"])


def arrived(listener):
    """What a datagram socket has got within a moment."""
    listener.settimeout(0.3)
    try:
        return listener.recvfrom(100)
    except TimeoutError:
        return None


def test_from_the_lan(net):
    """A LAN host with an address from elsewhere reaches neither the Internet nor the gateway."""
    net.load(net.one)
    server, gateway = net.socket("server", port=9000), net.socket("gateway", port=9000)
    for number, source in enumerate(("10.9.9.9", "192.168.7.10", "203.0.113.77"), 1):
        spoof(net, "pc1", source, (net.server_address, 9000))
        spoof(net, "pc1", source, ("192.168.0.1", 9000))
        assert arrived(server) is None
        assert arrived(gateway) is None
        assert net.counter("spoofed_lan") == 2 * number


def test_from_the_internet(net):
    """A packet with a LAN's address as source that comes by the uplink goes nowhere."""
    net.load(net.one)
    gateway, pc = net.socket("gateway", port=9000), net.socket("pc1", port=9000)
    spoof(net, "isp-a", "192.168.0.77", (net.cable, 9000))
    spoof(net, "isp-a", "192.168.0.77", ("192.168.0.10", 9000))
    assert arrived(gateway) is None
    assert arrived(pc) is None
    assert net.counter("spoofed_uplink") == 2


def test_a_host_without_address_may_ask_for_one(net):
    """A DHCP client's broadcast from 0.0.0.0 reaches the gateway."""
    net.load(net.one)
    gateway = net.socket("gateway", port=67)
    frame = "ffffffffffff02000000010108004500001d00000000401179d200000000ffffffff00440043000900002a"
    code = f"""
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
ip = bytearray.fromhex("{frame}")
ip[24:26] = b"\\0\\0"
total = sum(int.from_bytes(ip[i:i+2], "big") for i in range(14, 34, 2))
total = (total & 0xffff) + (total >> 16)
ip[24:26] = (0xffff - total).to_bytes(2, "big")
s.send(ip)
"""
    assert net.lab["pc1"].python(code).returncode == 0
    assert arrived(gateway) == (b"*", ("0.0.0.0", 68))
    assert net.counter("spoofed_lan") == 0
