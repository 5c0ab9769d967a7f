"""What the architecture tests read: the source tree as parsed modules, and a way to make bad ones."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE, PLUGINS = ROOT / "icsframework", ROOT / "plugins" / "ics_plugins"


@dataclass(frozen=True)
class Import:
    """One imported name: ``from a import b`` imports ``a.b``; ``late`` if it happens inside a function."""

    name: str
    line: int
    late: bool
    typing_only: bool


@dataclass(frozen=True)
class Module:
    """A parsed source file; ``path`` is relative to the checkout, ``name`` the dotted import name."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @cached_property
    def imports(self) -> list[Import]:
        """All imports, wherever they stand."""
        return list(_imports(self.tree, late=False, typing_only=False))

    def inside(self, *packages: str) -> bool:
        """True if this module is one of the packages or lies in one."""
        return within(self.name, *packages)


def within(name: str, *packages: str) -> bool:
    """True if the dotted name is one of the packages or lies below one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def _imports(node: ast.AST, late: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, late, typing_only) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = "." * child.level + (child.module or "")
            yield from (Import(f"{base}.{a.name}", child.lineno, late, typing_only) for a in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(ast.Module(child.body, []), late, typing_only=True)
            yield from _imports(ast.Module(child.orelse, []), late, typing_only)
        else:
            inner = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, inner, typing_only)


def _module(path: str, text: str) -> Module:
    parts = list(Path(path.removeprefix("plugins/ics_plugins").lstrip("/")).with_suffix("").parts)
    if path.startswith("plugins/ics_plugins"):
        parts.insert(0, "ics_plugins")
    if parts[-1] == "__init__":
        parts.pop()
    return Module(".".join(parts), path, text, ast.parse(text, path))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Every module of the core and of the first-party plugins."""
    files = sorted([*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")])
    assert files, "no sources found: the tests look in the wrong place"
    return [_module(str(path.relative_to(ROOT)), path.read_text()) for path in files]


@pytest.fixture(scope="session")
def module() -> Callable[[str, str], Module]:
    """Make a module from a path and a source text, to show that a rule can fail."""
    return _module
