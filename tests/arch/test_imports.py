"""Who may import whom (docs/architecture.md), and who may touch the machine.

RULES is the law, one line each; below it stand the few rules a table cannot say.  Every rule is also run on a
small source that breaks it, so that a rule that no longer sees anything is noticed.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

CONTRACTS = tuple(f"icsframework.{name}" for name in ("interfaces", "values", "fields", "errors", "events"))
FIELD_PARTS = tuple(
    f"icsframework.{name}" for name in ("addresses", "quantities", "secret", "sections")
)  # of fields.py
TOOLS = ("icsframework.frozen",)
PURE = (
    *TOOLS,
    *FIELD_PARTS,
    "icsframework.protocols",
    "icsframework.values",
    "icsframework.fields",
    "icsframework.uplinks.policy",
    "icsframework.uplinks.occasions",
    "icsframework.uplinks.quiet",
    "icsframework.uplinks.refusals",
    "icsframework.uplinks.standing",
    "icsframework.uplinks.wishes",
    "icsframework.uplinks.hold",
    "icsframework.uplinks.packets",
    "icsframework.uplinks.permission",
    "icsframework.uplinks.saved",
    "icsframework.uplinks.traffic",
    "icsframework.uplinks.account",
    "icsframework.uplinks.calls",
    "icsframework.uplinks.hours",
    "icsframework.uplinks.limits",
    "icsframework.uplinks.limitwords",
    "icsframework.uplinks.periods",
    "icsframework.uplinks.terms",
    "icsframework.uplinks.usage",
    "icsframework.mappings.addition",
    "icsframework.mappings.book",
    "icsframework.mappings.held",
    "icsframework.mappings.loaded",
    "icsframework.mappings.ports",
    "icsframework.mappings.records",
    "icsframework.mappings.situation",
    "icsframework.mappings.through",
    "icsframework.helpers.answers",
    "icsframework.helpers.asking",
    "icsframework.helpers.conversation",
    "icsframework.helpers.effects",
    "icsframework.helpers.limits",
    "icsframework.helpers.throttle",
    "icsframework.helpers.unpassed",
    "icsframework.helpers.way",
    "icsframework.dataplane.ruleset",
    "icsframework.dataplane.render",
    "icsframework.dataplane.routing",
    "icsframework.dataplane.flows",
    "icsframework.dataplane.marks",
    *(
        f"icsframework.dataplane.{name}"
        for name in (
            "aids",
            "directions",
            "doorrules",
            "doors",
            "dynamic",
            "hold",
            "keep",
            "mapped",
            "mss",
            "named",
            "pairs",
            "plane",
            "policy",
            "published",
            "redirects",
            "rulewords",
            "scoping",
            "translation",
            "triggers",
            "wake",
        )
    ),
)
SHELLS = {
    "ics_plugins.helpers.ftp": ("service", "sessions"),
    "ics_plugins.helpers.games": ("service",),
    "ics_plugins.helpers.pptp": ("service",),
    "ics_plugins.lan.dhcp": ("service", "serving", "ports"),
    "ics_plugins.lan.dns": ("service", "listener", "tcp", "upstream"),
    "ics_plugins.uplinks.dialup": ("call", "device", "dialer", "modem", "pins", "port", "tunnel", "uplink"),
    "ics_plugins.uplinks.ethernet": ("uplink", "session", "memory", "wire"),
}
"""The modules of each plugin that do its I/O, beside its __init__; all others are pure."""
IO = ("twisted", "socket", "select", "selectors", "asyncio", "subprocess", "threading", "multiprocessing")
CLOCK_AND_DICE = ("time", "random", "secrets")
MACHINE = ("pyroute2", "serial", "twisted.internet.serialport", "twisted.pair", "fcntl")


@dataclass(frozen=True)
class Rule:
    """Modules inside ``who`` (but not ``unless``) import nothing of ``never``, except what ``only`` lists."""

    why: str
    who: tuple[str, ...]
    never: tuple[str, ...]
    only: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


RULES = (
    Rule("the core imports no plugin", ("icsframework",), never=("ics_plugins",)),
    Rule(
        "a plugin uses only what a stranger's plugin can use",
        ("ics_plugins",),
        never=("icsframework",),
        only=(*CONTRACTS, "icsframework.protocols"),
    ),
    Rule(
        "the contracts stand on each other only",
        (*CONTRACTS, *FIELD_PARTS),
        never=("icsframework",),
        only=(*CONTRACTS, *FIELD_PARTS, *TOOLS),
    ),
    Rule(
        "protocols stand on values and errors only",
        ("icsframework.protocols",),
        never=("icsframework",),
        only=("icsframework.protocols", "icsframework.values", "icsframework.errors", *TOOLS),
    ),
    Rule(
        "only the entrances know how the gateway is composed",
        ("icsframework",),
        never=("icsframework.gateway",),
        unless=("icsframework.gateway", "icsframework.tap", "icsframework.cli"),
    ),
    Rule(
        "nothing calls back into the entrances",
        ("icsframework",),
        never=("icsframework.tap", "icsframework.cli"),
        unless=("icsframework.tap", "icsframework.cli"),
    ),
    Rule(
        "the daemon does not carry the lab or the test kit",
        ("icsframework",),
        never=("icsframework.lab", "icsframework.testing"),
        unless=("icsframework.lab", "icsframework.testing", "icsframework.cli"),
    ),
    Rule("pure modules do no I/O", PURE, never=IO),
    Rule("time and chance come in as arguments", PURE, never=CLOCK_AND_DICE),
    Rule(
        "only host/ opens netlink, packet, TUN and serial devices (the lab builds a world of its own)",
        ("icsframework", "ics_plugins"),
        never=MACHINE,
        unless=("icsframework.host", "icsframework.lab"),
    ),
)


def within(name, *packages):
    """True if the dotted name is one of the packages or lies below one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def broken(rule, module):
    """The imports of this module that break the rule, as sentences."""
    if not module.inside(*rule.who) or (rule.unless and module.inside(*rule.unless)):
        return []
    return [
        f"{module.path}:{i.line} imports {i.name}: {rule.why}"
        for i in module.imports
        if within(i.name, *rule.never) and not (rule.only and within(i.name, *rule.only))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.why)
def test_rule(rule, modules):
    """The tree obeys each rule of the table."""
    assert [sentence for module in modules for sentence in broken(rule, module)] == []


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        ("icsframework/registry.py", "import ics_plugins.lan.dhcp", "the core imports no plugin"),
        ("icsframework/a.py", "def f():\n    from ics_plugins import lan", "the core imports no plugin"),
        ("plugins/ics_plugins/lan/x.py", "from icsframework.host import udp", "a plugin uses only"),
        ("plugins/ics_plugins/lan/x.py", "from icsframework import gateway", "a plugin uses only"),
        ("icsframework/values.py", "from icsframework.registry import x", "the contracts stand"),
        ("icsframework/protocols/dns/wire.py", "from icsframework.config import x", "protocols stand"),
        ("icsframework/store/journal.py", "import icsframework.gateway.compose", "only the entrances"),
        ("icsframework/store/journal.py", "from icsframework import cli", "nothing calls back"),
        ("icsframework/store/journal.py", "from icsframework.lab import world", "does not carry the lab"),
        ("icsframework/protocols/ppp/lcp.py", "from twisted.internet import reactor", "pure modules"),
        ("icsframework/dataplane/render.py", "import socket", "pure modules"),
        ("icsframework/uplinks/policy.py", "from time import monotonic", "time and chance"),
        ("icsframework/mappings/book.py", "import random", "time and chance"),
        ("icsframework/control/api.py", "def f():\n    import pyroute2", "only host/"),
    ],
)
def test_rule_can_fail(path, source, why, module):
    """Each rule sees a module that breaks it, late imports included, and names file and reason."""
    sentences = [s for rule in RULES for s in broken(rule, module(path, source))]
    assert any(why in sentence and path in sentence for sentence in sentences)


def test_rules_let_the_allowed_pass(module):
    """Imports that the design allows break no rule."""
    allowed = [
        ("plugins/ics_plugins/lan/dhcp/server.py", "from icsframework.protocols.dhcp import message"),
        ("plugins/ics_plugins/lan/dhcp/service.py", "from twisted.internet.defer import Deferred"),
        ("icsframework/tap.py", "from icsframework.gateway import compose"),
        ("icsframework/cli.py", "def f():\n    from icsframework.lab import world"),
        ("icsframework/host/links.py", "def f():\n    from pyroute2 import IPRoute"),
    ]
    assert [s for path, source in allowed for rule in RULES for s in broken(rule, module(path, source))] == []


# --- purity, also of plugins, and through what is imported ---------------------------------------------


def is_shell(module):
    """True for the modules of a plugin that do I/O: its package, which holds the factory, and those of SHELLS."""
    plugin = plugin_of(module.name)
    return module.path.endswith("__init__.py") or module.name.removeprefix(f"{plugin}.") in SHELLS.get(
        plugin, ()
    )


def says_pure(module):
    """True for modules that call themselves so, without a "but", in the first paragraph of their docstring."""
    first = (ast.get_docstring(module.tree) or "").partition("\n\n")[0]
    return "Pure." in first or "Pure:" in first


def is_pure(module):
    """True for what must do no I/O: the pure rooms, whatever says that it is, and every plugin module that is no shell."""
    return (
        module.inside(*PURE) or says_pure(module) or (module.inside("ics_plugins") and not is_shell(module))
    )


def impure_chains(modules):
    """Ways on which a pure module reaches Twisted or a socket, directly or through ours, at import time."""
    ours = {module.name: module for module in modules}

    def reached(module, chain, seen):
        for i in module.imports:
            if i.late or i.typing_only:
                continue
            if within(i.name, *IO):
                yield " -> ".join([*chain, i.name])
            target = ours.get(i.name) or ours.get(i.name.rpartition(".")[0])
            if target and target.name not in seen:
                seen.add(target.name)
                yield from reached(target, [*chain, target.name], seen)

    return sorted({way for m in modules if is_pure(m) for way in reached(m, [m.name], {m.name})})


def test_purity_is_transitive(modules):
    """A pure module does not get Twisted or sockets by a detour either."""
    assert impure_chains(modules) == []


def test_transitive_purity_can_fail(module):
    """A pure module that gets Twisted by a detour is caught, with the way it took; a plugin's shell is not."""
    bad = [
        module("icsframework/protocols/x.py", "from icsframework.detour import y"),
        module("icsframework/detour.py", "from twisted.internet import defer"),
        module("plugins/ics_plugins/lan/dhcp/pool.py", "import socket"),
        module("icsframework/gateway/x.py", '"""Sums.  Pure: it only adds."""\nimport socket'),
        module("icsframework/gateway/y.py", '"""Sums.\n\nPure chance."""\nimport socket'),
        module("plugins/ics_plugins/lan/dhcp/service.py", "import socket"),
    ]
    assert impure_chains(bad) == [
        "ics_plugins.lan.dhcp.pool -> socket",
        "icsframework.gateway.x -> socket",
        "icsframework.protocols.x -> icsframework.detour -> twisted.internet.defer",
    ]


def test_every_shell_exists(modules):
    """A shell that is gone, or has become pure, leaves the list, so that no pure module may hide behind it."""
    does_io = {
        m.name for m in modules if any(within(i.name, *IO, "icsframework.interfaces") for i in m.imports)
    }
    listed = {f"{plugin}.{name}" for plugin, names in SHELLS.items() for name in names}
    assert listed - does_io == set()


# --- plugins keep apart ---------------------------------------------------------------------------------


def plugin_of(name):
    """The plugin a dotted name belongs to: ics_plugins.KIND.NAME."""
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[0] == "ics_plugins" else ""


def foreign_plugins(module):
    """Imports of one plugin by another."""
    own = plugin_of(module.name)
    return [
        f"{module.path}:{i.line} imports {i.name}"
        for i in module.imports
        if plugin_of(i.name) not in ("", own) and own
    ]


def test_no_plugin_imports_another(modules):
    """Plugins share through icsframework.protocols, never with each other."""
    assert [sentence for module in modules for sentence in foreign_plugins(module)] == []


def test_plugin_rule_can_fail(module):
    """A DNS plugin that reaches into the DHCP plugin is named; its own modules are not."""
    source = "from ics_plugins.lan.dhcp import leases\nfrom ics_plugins.lan.dns.cache import Cache"
    assert foreign_plugins(module("plugins/ics_plugins/lan/dns/x.py", source)) == [
        "plugins/ics_plugins/lan/dns/x.py:1 imports ics_plugins.lan.dhcp.leases"
    ]


# --- the machine is touched in few places ---------------------------------------------------------------


def docstrings(tree):
    """The ids of the nodes that are docstrings or strings standing alone (which document an attribute)."""
    return {
        id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    }


def strings(tree):
    """Every string constant that is not documentation."""
    documentation = docstrings(tree)
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


def command_words(tree) -> Iterator[tuple[int, str]]:
    """What looks like a program about to be run: the first item of a list, or of a call that starts processes."""
    starters = {"run", "Popen", "call", "check_call", "check_output", "spawnProcess", "getProcessOutput"}
    starters |= {
        "getProcessOutputAndValue",
        "getProcessValue",
        "system",
        "execvp",
        "execv",
        "execve",
        "execvpe",
    }
    for node in ast.walk(tree):
        first = None
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            first = node.elts[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in starters:
            first = next((a for a in node.args if isinstance(a, ast.Constant)), None)
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.split():
            yield first.lineno, first.value.split()[0].rpartition("/")[2]


def runs_nft(module):
    """Places outside dataplane/nft.py that run nft or load its library."""
    if module.inside("icsframework.dataplane.nft"):
        return []
    commands = [
        f"{module.path}:{line} runs nft" for line, word in command_words(module.tree) if word == "nft"
    ]
    libraries = [
        f"{module.path}:{node.lineno} loads libnftables"
        for node in strings(module.tree)
        if node.value.startswith("libnftables")
    ]
    return commands + libraries


def test_only_nft_py_runs_nft(modules):
    """The packet filter is changed through one module, so that its one queue is the only road."""
    assert [sentence for module in modules for sentence in runs_nft(module)] == []


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(['nft', '-f', '-'])",
        "command = ('/usr/sbin/nft', 'list', 'ruleset')",
        "os.system('nft flush ruleset')",
        "reactor.spawnProcess(p, '/usr/sbin/nft')",
        "CDLL('libnftables.so.1')",
    ],
)
def test_nft_rule_can_fail(source, module):
    """However nft is started, it is seen; in dataplane/nft.py it is allowed."""
    assert len(runs_nft(module("icsframework/control/api.py", source))) == 1
    assert runs_nft(module("icsframework/dataplane/nft.py", source)) == []


DEVICE_WORDS = {"AF_PACKET", "AF_NETLINK", "SOCK_RAW", "PF_PACKET", "TUNSETIFF"}
DEVICE_FILES = ("/dev/net/tun", "/dev/ppp", "/dev/tty")
DEVICE_ROOMS = ("icsframework.host", "icsframework.lab")


def opens_devices(module):
    """Places outside host/ that name a raw, packet or netlink socket family or open a device file."""
    if module.inside(*DEVICE_ROOMS):
        return []
    named = [
        (node.lineno, name)
        for node in ast.walk(module.tree)
        for name in [getattr(node, "attr", None) or getattr(node, "id", None)]
        if name in DEVICE_WORDS
    ]
    named += [
        (i.line, i.name.rpartition(".")[2])
        for i in module.imports
        if i.name.rpartition(".")[2] in DEVICE_WORDS
    ]
    named += [(n.lineno, n.value) for n in strings(module.tree) if n.value.startswith(DEVICE_FILES)]
    return [f"{module.path}:{line} uses {name}" for line, name in named]


def test_only_host_opens_devices(modules):
    """Everything else reaches the machine through IGateway.host, so that a broker can serve it one day."""
    assert [sentence for module in modules for sentence in opens_devices(module)] == []


@pytest.mark.parametrize(
    "source",
    [
        "s = socket.socket(socket.AF_PACKET)",
        "from socket import SOCK_RAW",
        "fd = os.open('/dev/net/tun', os.O_RDWR)",
    ],
)
def test_device_rule_can_fail(source, module):
    """Raw and packet sockets and device files outside host/ are seen."""
    assert len(opens_devices(module("plugins/ics_plugins/lan/dhcp/service.py", source))) == 1
    assert opens_devices(module("icsframework/host/packet.py", source)) == []


# --- the entrances are light, and the style of imports -----------------------------------------------------


def heavy_for(entrance, modules):
    """Ways from an entrance, at import time, to something that is neither the standard library nor ours."""
    ours = {module.name: module for module in modules}

    def followed(module, chain):
        for i in module.imports:
            if i.late or i.typing_only or i.name.split(".")[0] in sys.stdlib_module_names:
                continue
            target = ours.get(i.name) or ours.get(i.name.rpartition(".")[0])
            if target is None:
                yield " -> ".join([*chain, i.name])
            elif target.name not in chain:
                yield from followed(target, [*chain, target.name])

    return sorted({way for m in modules if m.name == entrance for way in followed(m, [m.name])})


def test_cli_imports_only_the_standard_library(modules):
    """`ics status` starts fast: until it knows the command, the CLI imports nothing but the standard library."""
    assert heavy_for("icsframework.cli", modules) == []


def test_cli_rule_can_fail(module):
    """A library is seen, imported by the CLI itself or by a module of ours on the way; a late import is allowed."""
    tree = [
        module(
            "icsframework/cli.py",
            "import json\nimport yaml\nfrom icsframework import a\ndef f():\n    import pydantic",
        ),
        module("icsframework/a.py", "from zope.interface import Interface"),
    ]
    assert heavy_for("icsframework.cli", tree) == [
        "icsframework.cli -> icsframework.a -> zope.interface.Interface",
        "icsframework.cli -> yaml",
    ]


def unclear_imports(module):
    """Relative and star imports."""
    return [
        f"{module.path}:{i.line} imports {i.name}"
        for i in module.imports
        if i.name.startswith(".") or i.name.endswith(".*")
    ]


def test_imports_are_absolute_and_named(modules):
    """No relative and no star imports: a reader and these tests see where a name comes from."""
    assert [sentence for module in modules for sentence in unclear_imports(module)] == []


def test_clear_import_rule_can_fail(module):
    """Both kinds of unclear import are seen."""
    source = "from . import x\nfrom .a import y\nfrom b import *"
    assert len(unclear_imports(module("icsframework/a.py", source))) == 3


def test_the_twistd_plugin_names_the_tap_by_string(root):
    """Listing twistd's plugins must not import ours: the file holds one ServiceMaker and no import of icsframework."""
    tree = ast.parse((root / "twisted/plugins/ics_plugin.py").read_text())
    imported = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    makers = [ast.unparse(n.value) for n in tree.body if isinstance(n, ast.Assign)]
    assert imported == ["from twisted.application.service import ServiceMaker"]
    assert len(makers) == 1
    assert "'icsframework.tap'" in makers[0]
