"""The golden texts are not only what we expect: nft and the kernel take them."""

import json
from pathlib import Path

import pytest
import yaml

from icsframework.dataplane.text import quote

CASES = sorted((Path(__file__).parents[2] / "golden").glob("*/*.txt"))


def section(path, name):
    """A section of a golden case, or None."""
    for part in path.read_text().split("\n--- ")[1:]:
        head, _, body = part.partition("\n")
        if head == name:
            return body
    return None


def test_there_are_cases():
    """The search for golden cases looks in the right place."""
    assert len(CASES) >= 8


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_nft_takes_it(net, path):
    """The text loads, twice where it claims nothing about what is there; the reload cases load over what they describe."""
    text, present = section(path, "nft"), section(path, "present")
    if present is not None:
        objects = [{"add": entry} for entry in yaml.safe_load(present)]
        net.gateway.run(["nft", "-j", "-f", "-"], input=json.dumps({"nftables": objects}), check=True)
    net.gateway.run(["nft", "-c", "-f", "-"], input=text, check=True)
    net.nft(text)
    listing = json.loads(net.gateway.run(["nft", "-j", "list", "table", "inet", "ics"], check=True).stdout)
    names = {body["name"] for entry in listing["nftables"] for kind, body in entry.items() if kind == "chain"}
    assert names == {
        words.split()[1] for line in text.splitlines() if (words := line.strip()).startswith("chain ")
    }


def test_an_interface_named_like_a_pattern_matches_itself_only(net):
    """A star at the end of a name is that letter: another interface with the same beginning is not ours."""
    for name in ("a*b*", "a*bc"):
        net.ip("link", "add", name, "type", "veth", "peer", "name", f"p{name}")
        net.ip("link", "set", name, "up")
        net.ip("link", "set", f"p{name}", "up")
    try:
        net.nft(
            "table inet probe { counter hits { }\nset s { type ifname; elements = { "
            + quote("a*b*")
            + " }\n}\n"
            "chain c { type filter hook prerouting priority 0; policy accept;\niifname @s counter name hits\n}\n}"
        )
        sent = "import socket; s=socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((%r, 0)); "
        sent += "s.send(bytes.fromhex('ffffffffffff02000000aaaa0800' '4500001c000040004011' '0000' '0a000001' '0a000002' '0001000200080000'))"
        for peer in ("pa*bc", "pa*b*"):
            assert net.gateway.python(sent % peer).returncode == 0

        def hits():
            return int(
                net.gateway.run(["nft", "list", "counter", "inet", "probe", "hits"])
                .stdout.split("packets ")[1]
                .split()[0]
            )

        assert net.until(hits) == 1
    finally:
        for name in ("a*b*", "a*bc"):
            net.ip("link", "del", name)
