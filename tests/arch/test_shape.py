"""The shape of the code: short modules and functions, thin packages, nothing left open, tests that say what they show."""

import ast

import pytest

MAX_MODULE = 450
"""Lines; a longer module holds a second idea."""
MAX_FUNCTION = 50
"""Lines without the docstring; a longer function does two things."""
MAX_PACKAGE = 80
"""Lines of the __init__.py of a plugin, which may hold its factory."""
LONGER: dict[str, tuple[int, str]] = {
    "icsframework/interfaces.py": (500, "one place for all contracts; docstrings, no code"),
    "icsframework/values.py": (
        700,
        "one place for all values that cross contracts; declarations, hardly any code",
    ),
}
"""Modules that may be longer, with how long and why."""
UNFINISHED = tuple("TO DO|FIX ME|XX X|HA CK".replace(" ", "").split("|"))


def long_modules(module):
    """Modules over the limit."""
    lines = module.text.count("\n")
    limit = LONGER.get(module.path, (MAX_MODULE, ""))[0]
    return [f"{module.path} has {lines} lines, more than {limit}"] if lines > limit else []


def long_functions(module):
    """Functions over the limit; the docstring does not count."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if lines > MAX_FUNCTION:
                found.append(
                    f"{module.path}:{node.lineno} {node.name} has {lines} lines, more than {MAX_FUNCTION}"
                )
    return found


def thick_packages(module):
    """Packages with more than a docstring, imports and names; a plugin's package may also define its factory."""
    if not module.path.endswith("__init__.py"):
        return []
    if module.inside("ics_plugins"):
        lines = module.text.count("\n")
        return [f"{module.path} has {lines} lines, more than {MAX_PACKAGE}"] if lines > MAX_PACKAGE else []
    thin = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    return [
        f"{module.path}:{node.lineno} is more than a docstring, imports and names"
        for node in module.tree.body
        if not isinstance(node, thin)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def unfinished(path, text):
    """Notes to do something later."""
    return [
        f"{path}:{number} says {word}"
        for number, line in enumerate(text.splitlines(), 1)
        for word in UNFINISHED
        if word in line.replace("_", " ").replace(":", " ").replace("#", " ").split()
    ]


def undocumented_modules(module):
    """Modules that do not say what they are for."""
    return [] if ast.get_docstring(module.tree) else [f"{module.path} has no docstring"]


def silent_tests(path, text):
    """Test functions that do not say in a sentence what they show."""
    return [
        f"{path}:{node.lineno} {node.name} has no docstring"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]


@pytest.mark.parametrize("rule", [long_modules, long_functions, thick_packages, undocumented_modules])
def test_code(rule, modules):
    """Each module keeps its shape."""
    assert [sentence for module in modules for sentence in rule(module)] == []


def test_longer_modules_need_it(modules):
    """An exception from the module length that is no longer needed, or says no reason, goes."""
    lines = {module.path: module.text.count("\n") for module in modules}
    assert [p for p, (_, why) in LONGER.items() if not why or lines.get(p, 0) <= MAX_MODULE] == []


def files(root):
    """Every text file that we write by hand."""
    tops = ("icsframework", "plugins", "twisted", "tests", "tools", "etc", "docs", "examples", ".ci")
    names = ("Makefile", "pyproject.toml", "README.md", "CHANGELOG.md")
    found = [path for top in tops for path in (root / top).rglob("*") if path.is_file()]
    return [
        path
        for path in found + [root / name for name in names]
        if "__pycache__" not in path.parts and path.suffix not in (".pyc", ".pcap", ".cache", ".png")
    ]


def test_nothing_is_left_open(root):
    """What is in the tree is finished; what is not belongs in an issue."""
    assert [
        s for path in files(root) for s in unfinished(path.relative_to(root), path.read_text("utf-8"))
    ] == []


def test_each_test_says_what_it_shows(root):
    """Every test has a sentence that a user of the code would understand."""
    tests = sorted((root / "tests").rglob("test_*.py"))
    assert [s for path in tests for s in silent_tests(path.relative_to(root), path.read_text())] == []


def test_test_directories_are_no_packages(root):
    """pytest imports test files by path; an __init__.py would make names of them that can collide."""
    assert list((root / "tests").rglob("__init__.py")) == []


def test_the_shape_rules_can_fail(module):
    """Each rule sees a source that breaks it."""
    path = "icsframework/a.py"
    assert long_modules(module(path, "x = 1\n" * (MAX_MODULE + 1)))
    assert not long_modules(module(path, "x = 1\n" * MAX_MODULE))
    assert long_functions(module(path, "def f():\n" + "    x = 1\n" * (MAX_FUNCTION + 1)))
    assert not long_functions(
        module(path, 'def f():\n    """a\n' + "    b\n" * 99 + '    """\n    return 1\n')
    )
    assert thick_packages(module("icsframework/a/__init__.py", "def f(): pass"))
    assert not thick_packages(module("icsframework/a/__init__.py", '"""Doc."""\nimport x\n__all__ = ["x"]'))
    assert thick_packages(module("plugins/ics_plugins/lan/x/__init__.py", "\n" * (MAX_PACKAGE + 1)))
    assert unfinished(path, f"x = 1  # {UNFINISHED[0]}: later")
    assert undocumented_modules(module(path, "x = 1"))
    assert silent_tests(path, "def test_x():\n    pass")
    assert not silent_tests(path, 'def test_x():\n    """Says it."""')
