"""Tests mirror the tree: every module with code has a test file of its name, and every unit test file a module."""

import ast
from pathlib import PurePosixPath

EXEMPT: dict[str, str] = {}
"""Modules without a test file of their own, each with the reason. This list may only shrink."""
MOST_EXEMPT = 0
"""The longest EXEMPT may be; lower it when an entry goes."""


def home(path):
    """The unit test directory of a source file."""
    source = PurePosixPath(path)
    if source.parts[0] == "plugins":
        return PurePosixPath("tests/unit/plugins", *source.parts[2:-1])
    return PurePosixPath("tests/unit", *source.parts[:-1])


def real_home(path):
    """Where the test of a source file lives if it needs a network namespace: by room, or by plugin."""
    source = PurePosixPath(path)
    return PurePosixPath("tests/netns", *source.parts[3 if source.parts[0] == "plugins" else 1 : -1])


def mirrors(path):
    """The glob patterns of which one must match: test_NAME.py, or test_NAME_ASPECT.py, there or there."""
    stem = PurePosixPath(path).stem
    return [
        str(place / name)
        for place in (home(path), real_home(path))
        for name in (f"test_{stem}.py", f"test_{stem}_*.py")
    ]


def has_code(tree):
    """True if something is computed: a function whose body is more than documentation.

    Contracts, tables of constants and plain values have nothing that a test of their own could show.
    """
    return any(
        not isinstance(statement, ast.Expr | ast.Pass)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
    )


def needs_test(module):
    """Packages are covered by their parts and by tests/contract; the rest needs a mirror if it has code."""
    return not module.path.endswith("__init__.py") and has_code(module.tree)


def orphans(test_files, sources):
    """Unit test files that belong to no module."""
    known = {(str(home(path)), PurePosixPath(path).stem.replace("__init__", "init")) for path in sources}
    return [
        str(test)
        for test in test_files
        if not any(
            str(test.parent) == directory
            and (test.stem == f"test_{stem}" or test.stem.startswith(f"test_{stem}_"))
            for directory, stem in known
        )
    ]


def test_each_module_has_its_test_file(modules, root):
    """A module with code is tested by a file of its name in the same place of tests/unit, or of tests/netns."""
    missing = [
        f"{module.path}: {mirrors(module.path)[0]} is missing"
        for module in modules
        if needs_test(module) and module.path not in EXEMPT
        if not any(next(root.glob(pattern), None) for pattern in mirrors(module.path))
    ]
    assert missing == []


def test_each_unit_test_belongs_to_a_module(modules, root):
    """A unit test file without its module is a leftover, or is in the wrong place."""
    tests = [PurePosixPath(path.relative_to(root)) for path in (root / "tests/unit").rglob("test_*.py")]
    assert orphans(tests, [module.path for module in modules]) == []


def test_exemptions_only_shrink(modules, root):
    """An exempted module exists, has no test yet and says why; nobody may add to the list."""
    needing = {module.path for module in modules if needs_test(module)}
    stale = [
        path
        for path, reason in EXEMPT.items()
        if path not in needing or not reason or any(next(root.glob(p), None) for p in mirrors(path))
    ]
    assert stale == []
    assert len(EXEMPT) <= MOST_EXEMPT


def test_the_mirror_can_fail(module):
    """Code is told from declarations, and each source is sent to its own place."""
    declarations = '"""Doc."""\nLIMIT = 5\nclass IThing(Interface):\n    def f(x):\n        """What."""'
    assert not needs_test(module("icsframework/a.py", declarations))
    assert needs_test(module("icsframework/a.py", "def f(x):\n    return x"))
    assert mirrors("icsframework/store/journal.py")[0] == "tests/unit/icsframework/store/test_journal.py"
    assert "tests/netns/host/test_links.py" in mirrors("icsframework/host/links.py")
    assert "tests/netns/dhcp/test_ports.py" in mirrors("plugins/ics_plugins/lan/dhcp/ports.py")
    assert mirrors("plugins/ics_plugins/lan/dhcp/pool.py")[0] == "tests/unit/plugins/lan/dhcp/test_pool.py"


def test_orphans_can_be_found():
    """A test of a module that is gone, and one in a wrong directory, are named; an aspect of a module is not."""
    tests = [
        PurePosixPath("tests/unit/icsframework/store", name)
        for name in ("test_journal.py", "test_journal_damage.py", "test_gone.py")
    ]
    tests.append(PurePosixPath("tests/unit/icsframework/test_journal.py"))
    assert orphans(tests, ["icsframework/store/journal.py"]) == [
        "tests/unit/icsframework/store/test_gone.py",
        "tests/unit/icsframework/test_journal.py",
    ]
