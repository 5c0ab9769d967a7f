"""Facts about other managers, from files and running programs."""

import os
from pathlib import Path

from icsframework.host.managerfacts import read_facts
from icsframework.host.managers import Process

NM_STATE = "[device]\nmanaged=true\n"
LINK = "ADMIN_STATE=configured\n"
INTERFACES = "auto eth1\niface eth1 inet dhcp\n"


def test_facts_from_files(tmp_path):
    """Each file in its place; a process of another network namespace is not here."""
    files = {
        "run/NetworkManager/devices/3": NM_STATE,
        "run/systemd/netif/links/3": LINK,
        "run/systemd/netif/links/notes": "x",
        "etc/dhcpcd.conf": "denyinterfaces eth1\n",
        "etc/network/interfaces": INTERFACES,
        "etc/network/interfaces.d/eth9": "auto eth9\n",
        "run/network/ifstate": "lo=lo\n",
        "proc/812/comm": "dhclient\n",
        "proc/812/cmdline": "dhclient\0-v\0eth1\0",
        "proc/813/comm": "dhclient\n",
        "proc/813/cmdline": "dhclient\0eth1\0",
        "proc/814/comm": "bash\n",
        "proc/815/comm": "systemd-network\n",
        "proc/meminfo": "x",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for place, namespace in {"thread-self": "net:[1]", "812": "net:[1]", "813": "net:[2]"}.items():
        (tmp_path / "proc" / place / "ns").mkdir(parents=True)
        (tmp_path / "proc" / place / "ns/net").symlink_to(namespace)
    facts = read_facts(tmp_path)
    assert sorted(facts.processes, key=lambda one: one.pid) == [
        Process(812, "dhclient", ("dhclient", "-v", "eth1")),
        Process(815, "systemd-network", ("",)),  # not ours to look at: it may be here
    ]
    assert facts.network_manager == {3: NM_STATE}
    assert facts.networkd == {3: LINK}
    assert facts.dhcpcd_config == "denyinterfaces eth1\n"
    assert list(facts.ifupdown) == ["/etc/network/interfaces", "/etc/network/interfaces.d/eth9"]
    assert facts.ifstate == "lo=lo\n"
    assert facts.indices["lo"] > 0


def test_nothing_there(tmp_path):
    """A machine without any of it, and the real one."""
    facts = read_facts(tmp_path)
    assert (facts.processes, facts.network_manager, facts.ifupdown) == ((), {}, {})
    assert read_facts(Path("/")).indices
    assert os.getpid() not in {one.pid for one in read_facts().processes}
