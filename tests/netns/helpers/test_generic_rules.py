"""What every registered helper attaches becomes rules that nft and the kernel take, whatever its name and scope."""

import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from ipaddress import ip_interface, ip_network
from pathlib import Path

import pytest

from icsframework.dataplane import policy, render
from icsframework.dataplane.doors import Doors, KernelAid, Redirect, Scope, Trigger
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.lab.privilege import find_program
from icsframework.values import KernelHelper, PortTrigger, StreamProxy

GENERIC = Path(__file__).parents[2] / "contract/test_helpers.py"
SPEC = spec_from_file_location("generic_helpers", GENERIC)
HELPERS = module_from_spec(SPEC)
SPEC.loader.exec_module(HELPERS)
EVERYWHERE = Scope()
NARROW = Scope(
    ("home",),
    (ip_network("192.168.0.10/32"),),
    (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
    ("dsl",),
)
LANS = (
    LanSide("home", "eth1", ip_interface("192.168.0.1/24")),
    LanSide("guests", "eth3", ip_interface("192.168.1.1/24")),
)
UPLINKS = (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "eth2"))


def doors(helper, scope, fail):
    """As the gateway makes them of a helper that is ready, its shells at ports from 40000 on."""
    proxies = [one for one in helper.attachments if isinstance(one, StreamProxy)]
    return Doors(
        tuple(
            Redirect(helper.name, one.ports, 40000 + number, one.direction, fail, scope)
            for number, one in enumerate(proxies)
        ),
        tuple(
            KernelAid(helper.name, one.name, one.protocol, one.ports, scope)
            for one in helper.attachments
            if isinstance(one, KernelHelper)
        ),
        tuple(
            Trigger(helper.name, one.name, one.outbound, one.inbound, one.lifetime, scope)
            for one in helper.attachments
            if isinstance(one, PortTrigger)
        ),
    )


def rules(of):
    """The packet filter with these doors."""
    return render.render(policy.build(DataPlane(LANS, UPLINKS, doors=of)))


def dry_run(text):
    """What nft and the kernel have against it; the namespace is empty."""
    command = [find_program("unshare"), "--net", find_program("nft"), "-c", "-f", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stderr)
    return done.stderr


@pytest.mark.parametrize("scope", [EVERYWHERE, NARROW], ids=["everywhere", "narrow"])
@pytest.mark.parametrize("fail", ["open", "closed"])
@pytest.mark.parametrize("name", HELPERS.HELPERS)
def test_the_kernel_takes_its_rules(root, name, fail, scope):
    """A dry run of nft (-c), which asks the kernel too; the helper's own words are in the text."""
    helper = HELPERS.HELPERS[name]
    mine = doors(helper, scope, fail)
    text = rules(mine)
    assert len(text.splitlines()) > len(rules(Doors()).splitlines())
    for aid in mine.kernel:
        probe = (
            f'table inet t {{ ct helper h {{ type "{aid.helper}" protocol {aid.protocol}; l3proto ip; }}\n}}'
        )
        if dry_run(probe):
            pytest.skip(f"this kernel has no conntrack helper {aid.helper}")
    assert dry_run(text) == ""
