"""YAML text to plain data that remembers where each key and value stood.

libyaml's events are turned into a tree of nodes here, without PyYAML's
constructors: so scalars follow YAML 1.2 (scalars.py), duplicate keys are seen,
and nesting, size and what aliases expand to are bounded before anything is
built.  Aliases are allowed; merge keys, tags of one's own and several documents
are not.  A key without a value counts as left out, so that a section whose keys
are all commented out gets its defaults.
"""

from collections.abc import Iterable
from dataclasses import field
from typing import Any

import yaml

from icsframework.config.problem import KeyPath, Place, Problem
from icsframework.config.scalars import MAX_DIGITS, resolve_plain
from icsframework.config.source import Source
from icsframework.config.syntax import explain_syntax, misleading_tabs
from icsframework.frozen import dataclass
from icsframework.quantities import shown

__all__ = ["MAX_DEPTH", "MAX_NODES", "Document", "MarkedError", "Node", "parse_marked"]

MAX_DEPTH = 32
"""Levels of nesting; the deepest key of ours is on level 8."""
MAX_NODES = 100_000
"""Values after aliases are expanded: ten thousand reservations of some ten values each."""

_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_NEUTRAL_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class MarkedError(Exception):
    """The text is no YAML document that can be used; ``problems`` say why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place.  ``value`` is a scalar, a list of nodes, or a dict of key -> (place of the key, node)."""

    value: Any
    place: Place
    weight: int = 1
    """Values in it, itself included, aliases expanded."""
    height: int = 1
    """Levels in it."""

    def child(self, part: str | int) -> "tuple[Place, Node] | None":
        """The node one step down and the place to name for it."""
        if isinstance(self.value, dict) and part in self.value:
            found: tuple[Place, Node] = self.value[part]
            return found
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part].place, self.value[part]
        return None

    def plain(self) -> Any:
        """The value as plain data, fresh each time; keys without a value are left out."""
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        if isinstance(self.value, dict):
            return {key: node.plain() for key, (_, node) in self.value.items() if node.value is not None}
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """A file whose top level is a mapping."""

    source: Source
    root: Node

    def plain(self) -> dict[str, Any]:
        """The whole file as plain data."""
        data: dict[str, Any] = self.root.plain()
        return data

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """Where the value of ``path`` stands, or (``of_key``, and for a section) its key.

        What is not in the file is at the nearest thing around it that is.
        """
        node, place = self.root, self.root.place
        for part in path:
            step = node.child(part)
            if step is None:
                return place
            place, node = step
        return place if of_key or isinstance(node.value, dict | list) else node.place


def parse_marked(source: Source) -> Document:
    """Read one YAML document; raises MarkedError with everything that is wrong with its form."""
    builder = _Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise MarkedError([*builder.problems, explain_syntax(source, error)]) from None
    root = builder.root
    if root is None or (root.value is None and not builder.problems):
        problem = Problem(source.file, 0, 0, (), "the file is empty", "it needs at least lans: and uplinks:")
        raise MarkedError([problem])
    if not isinstance(root.value, dict):
        builder.object(root.place, "the top level is not a mapping", "begin with lans: and uplinks:")
    elif root.height > MAX_DEPTH:
        builder.object(root.place, f"the file nests deeper than {MAX_DEPTH} levels", "make it flatter")
    builder.problems.extend(misleading_tabs(source, builder.quoted_lines))
    if builder.problems:
        raise MarkedError(sorted(builder.problems, key=lambda problem: problem.place))
    return Document(source, root)


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_place: Place = field(default_factory=Place)


class _Builder:
    """Takes the events of one document and grows the tree."""

    def __init__(self, source: Source) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self.quoted_lines: set[int] = set()
        """Lines (from 0) that lie inside a quoted or block scalar, where tabs are text."""
        self._source = source
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0

    def object(self, place: Place, message: str, advice: str) -> None:
        """Note a problem and read on."""
        self.problems.append(Problem(self._source.file, place.line, place.column, (), message, advice))

    def fail(self, place: Place, message: str, advice: str) -> None:
        """Note a problem that ends reading."""
        self.object(place, message, advice)
        raise MarkedError(self.problems)

    def take(self, event: Any) -> None:
        """One event of the parser."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.SequenceStartEvent():
                self._begin(event, [])
            case yaml.MappingStartEvent():
                self._begin(event, {})
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self.fail(_place(event), "a second document begins here", "keep one document in the file")

    def _scalar(self, event: Any) -> None:
        place = _place(event)
        if event.style:
            self.quoted_lines.update(range(event.start_mark.line, event.end_mark.line + 1))
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            self._key(top, event, place)
        else:
            self._add(Node(self._value(event, place), place), event.anchor)

    def _value(self, event: Any, place: Place) -> Any:
        if event.tag is None:
            text: str = event.value
            value = text if event.style else resolve_plain(text)
            if isinstance(value, str) and not event.style and len(text) > MAX_DIGITS and text.isdigit():
                self.object(place, "this number is too long", 'if it is text, put it in quotes: "..."')
            return value
        if event.tag not in _TEXT_TAGS:
            self.object(place, f"the tag {shown(event.tag)} is not supported", "remove it")
        return event.value

    def _key(self, top: _Open, event: Any, place: Place) -> None:
        key: str = event.value
        if event.tag not in (None, *_TEXT_TAGS):
            self.object(place, f"the tag {shown(event.tag)} is not supported", "remove it")
        if key == "<<" and not event.style:
            self.object(place, "merge keys (<<) are not supported", "write the keys out")
        elif key in top.node.value:
            first = top.node.value[key][0]
            self.object(
                place,
                f"the key {shown(key)} stands twice in the same section, first at line {first.line} column {first.column}",
                "remove one of them",
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = Node(key, place)
        top.key, top.key_place = key, place

    def _begin(self, event: Any, value: Any) -> None:
        place = _place(event)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            self.fail(place, "a list or mapping cannot be a key", "use a plain word as key")
        if event.tag not in _NEUTRAL_TAGS:
            self.object(place, f"the tag {shown(event.tag)} is not supported", "remove it")
        if len(self._stack) >= MAX_DEPTH:
            self.fail(place, f"the file nests deeper than {MAX_DEPTH} levels", "make it flatter")
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # an alias inside would refer to itself
        self._stack.append(_Open(Node(value, place), event.anchor))

    def _end(self) -> None:
        done = self._stack.pop()
        self._add(done.node, done.anchor)

    def _alias(self, event: Any) -> None:
        place = _place(event)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            self.fail(place, "an alias cannot be a key", "write the key out")
        node = self._anchors.get(event.anchor)
        if node is None:
            known = event.anchor in self._anchors
            what = "refers to itself" if known else "refers to nothing before it"
            self.fail(place, f"the alias {shown('*' + event.anchor)} {what}", "write the value out")
            return
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a finished node where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        else:
            # Of two equal keys the first stays; the second has been objected to.
            top.node.value.setdefault(top.key, (top.key_place, node))
            top.key = None
        top.node.weight += node.weight
        top.node.height = max(top.node.height, node.height + 1)
        if top.node.weight > MAX_NODES:
            advice = "name the configuration file itself, and write aliases out"
            self.fail(top.node.place, f"the file holds more than {MAX_NODES} values", advice)


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
