"""Labs for tests: the same code as `ics lab`.

`lab` is the default lab with the gateway's daemon not yet started, `gateway_lab` has
it running with its first uplink up, `open_lab` builds any other.  All are
taken away at the end of the test; when it failed, the logs of the lab's daemons
are in its report.
"""

from pathlib import Path

import pytest

from icsframework.lab.errors import LabError, LabUnavailable
from icsframework.lab.parse import default_text, parse_lab
from icsframework.lab.privilege import become_root
from icsframework.lab.spec import LabSpec
from icsframework.lab.world import Lab

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Mark these tests, and run them last: without root the process becomes root of a user namespace for good."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.netns)
    items[:] = [item for item in items if item not in ours] + ours


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Put the daemons' logs into the report of a test that failed."""
    report = yield
    if report.when == "teardown" or report.passed:
        return report
    for lab in (lab for node in item.listchain() for lab in node.stash.get(OPEN, [])):
        for host in lab.hosts:
            for name, daemon in host.services.items():
                if daemon.log():
                    report.sections.append((f"{name} on {host.name}", daemon.log()))
    return report


OPEN = pytest.StashKey[list[Lab]]()


@pytest.fixture(scope="session")
def root():
    """The process is root, of the machine or of a user namespace; skips with the reason if that cannot be."""
    try:
        become_root()
    except LabUnavailable as error:
        pytest.skip(str(error))
    except LabError as error:
        pytest.skip(f"{error}; run these tests alone: pytest tests/netns")


def opener(node):
    """What opens labs for a test or, from its own fixture, for all tests of a module; and closes them at the end."""
    opened = node.stash.setdefault(OPEN, [])

    def build(source=None, *, gateway_config=None, start_gateways=True):
        if isinstance(source, Path):
            source = parse_lab(source.read_text(), str(source))
        spec = source if isinstance(source, LabSpec) else parse_lab(source or default_text())
        if gateway_config is not None:
            spec = spec.with_gateway_config(gateway_config)
        lab = Lab(spec, start_gateways)
        opened.append(lab)
        return lab.__enter__()

    yield build
    for lab in reversed(opened):
        lab.close()


@pytest.fixture
def open_lab(root, request):
    """A function that opens a lab: from a LabSpec, YAML text, a Path or nothing (the default lab).

    ``gateway_config`` (YAML text) replaces the gateway's configuration; ``start_gateways`` as in Lab.
    """
    yield from opener(request.node)


@pytest.fixture(scope="module")
def open_module_lab(root, request):
    """The same for a lab that all tests of a module share."""
    yield from opener(request.node)


@pytest.fixture
def lab(open_lab):
    """The default lab: pc1, pc2, gateway, isp-a, isp-b, server; the gateway's daemon is not started."""
    return open_lab(start_gateways=False)


@pytest.fixture
def gateway_lab(open_lab):
    """The default lab with the daemon running and its first uplink up."""
    lab = open_lab()
    gateway = lab["gateway"].gateway
    gateway.wait_uplink(gateway.status_tree()["uplinks"][0]["name"])
    return lab
