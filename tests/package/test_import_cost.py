"""Import cost is part of the product: what the entrances load before they know what to do."""

import json
import subprocess
import sys

import pytest

HEAVY = ("pydantic", "pyroute2", "dpkt", "rich", "jinja2")
CLI = ("twisted", "zope.interface", "yaml", "asyncio", *HEAVY)
TAP = ("pyroute2", "dpkt", "rich", "jinja2", "twisted.web", "ics_plugins", "icsframework.lab")


def loaded_by(statement):
    """The names of the modules that a fresh interpreter has after a statement."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    child = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.returncode == 0, child.stderr
    return set(json.loads(child.stdout.splitlines()[-1]))


def unwanted(statement, names):
    """Which of the names a statement loads."""
    return sorted(loaded_by(statement) & set(names))


def test_the_cli_loads_no_library():
    """`ics status` talks to a socket and prints; importing it must not load what only the daemon needs."""
    assert unwanted("import icsframework.cli", CLI) == []


def test_the_tap_loads_no_netlink_and_no_web():
    """`twistd ics --help` and the checks before the start need neither netlink (320 ms), nor web, nor any plugin."""
    assert unwanted("import icsframework.tap", TAP) == []


def test_the_first_answer_needs_no_web_and_no_netlink_library():
    """All that runs before DHCP and DNS answer is here without twisted.web, which comes after, and pyroute2."""
    parts = ["icsframework.gateway.assemble", "ics_plugins.lan.dns.service", "ics_plugins.lan.dhcp.service"]
    late = ("pyroute2", "dpkt", "rich", "jinja2", "twisted.web", "icsframework.lab", "icsframework.testing")
    assert unwanted(f"import {', '.join(parts)}", late) == []


@pytest.mark.parametrize("name", ["interfaces", "values", "errors", "events"])
def test_the_contracts_are_light(name):
    """Importing a contract, as every plugin does, loads no configuration library and no netlink."""
    assert unwanted(f"import icsframework.{name}", HEAVY) == []


def test_the_cost_is_seen():
    """The check sees a library that is loaded, also by way of another."""
    assert unwanted("import icsframework.fields", HEAVY) == ["pydantic"]


def test_listing_twistd_plugins_imports_nothing_of_ours():
    """Twistd imports our one-line plugin to list it; that must not load the gateway."""
    modules = loaded_by(
        "from twisted.plugin import getPlugins\n"
        "from twisted.application.service import IServiceMaker\n"
        "assert 'ics' in [maker.tapname for maker in getPlugins(IServiceMaker)]"
    )
    assert sorted(name for name in modules if name.startswith(("icsframework", "ics_plugins"))) == []
