"""Remarks about the rules of wake: and keep:."""

import pytest

HOME = "{name: home, interface: eth1, address: 192.168.0.1/24}"


@pytest.fixture
def warned(load_text):
    """What is said of these wake rules: their number and the message, without the advice."""

    def look(rules, lan=HOME):
        text = f"lans: [{lan}]\nuplinks:\n- {{plugin: ethernet, interface: eth0, connect: demand, wake: [{rules}]}}\n"
        result = load_text(text)
        assert result.errors == ()
        return [str(one).split("uplinks[0].wake", 1)[1].split("; ")[0] for one in result.warnings]

    return look


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("{action: ignore}", "{client: 192.168.0.0/28, port: 80, name: www.example}"),
        ("{client: 192.168.0.0/24}", "{client: 192.168.0.7}"),
        ("{client: gateway}", "{client: gateway, port: 25}"),
        ("{protocol: tcp}", "{protocol: tcp, port: 80}"),
        ("{port: 80-90}", "{port: 85, protocol: udp}"),
        ("{destination: 198.51.100.0/24}", "{destination: 198.51.100.7}"),
        ("{name: '*.example'}", "{name: www.example}"),
        ("{name: '*.example'}", "{name: '*.www.example'}"),
        ("{port: 53}", "{port: 53, name: www.example}"),
    ],
)
def test_a_rule_behind_one_that_fits_all_of_it(wide, narrow, warned):
    """It never decides; the other way round both do."""
    assert warned(f"{wide}, {narrow}") == [
        "[1]: never decides: uplinks[0].wake[0] comes first and fits all of that"
    ]
    assert warned(f"{narrow}, {wide}") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{action: ignore}", "{client: gateway}"),
        ("{client: 192.168.0.0/25}", "{client: 192.168.0.0/24}"),
        ("{client: 'fd00::/8'}", "{client: 192.168.0.0/24}"),
        ("{protocol: tcp, port: 80}", "{protocol: udp, port: 80}"),
        ("{port: 80}", "{port: 79-80}"),
        ("{port: 80}", "{protocol: tcp}"),
        ("{destination: 198.51.100.0/24}", "{port: 80}"),
        ("{name: www.example}", "{name: example}"),
        ("{name: '*.example'}", "{name: badexample}"),
        ("{protocol: tcp}", "{protocol: tcp, name: www.example}"),
        ("{destination: 198.51.100.0/24}", "{destination: 198.51.100.0/24, name: www.example}"),
        ("{port: 80}", "{port: 80, name: www.example}"),
    ],
)
def test_rules_that_both_decide_something(one, other, warned):
    """Also where only the lookups of a name are left for the second."""
    assert [word for word in warned(f"{one}, {other}") if "never decides" in word] == []


def test_names_need_a_service_that_tells_them(warned):
    """Any other service than DHCP may: a stranger's is not blamed."""
    without = HOME.replace("}", ", services: [{plugin: dhcp}]}")
    assert warned("{port: 80}, {name: www.example}", without) == [
        "[1].name: has no effect: no LAN has the service dns, from which names are known"
    ]
    off = HOME.replace("}", ", services: [{plugin: dns, enabled: false}]}")
    assert len(warned("{name: www.example}", off)) == 1
    other = HOME.replace("}", ", services: [{plugin: dhcp}, {plugin: raising}]}")
    assert warned("{name: www.example}", other) == []


def test_clients_that_no_lan_has(warned):
    """Unless a LAN finds its subnet only when it starts."""
    rules = "{client: 192.168.0.7}, {client: 10.0.0.0/24}, {client: 192.0.0.0/8, port: 80}, {client: gateway}"
    assert warned(rules) == ["[1].client: no LAN has 10.0.0.0/24 (there are 192.168.0.0/24)"]
    assert warned(rules, "{name: home, interface: eth1, address: auto}") == []
