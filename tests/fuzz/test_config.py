"""Whatever a configuration file holds, the answer is a configuration or a list of problems."""

from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from icsframework import addresses, quantities
from icsframework.config.loader import LoadResult, interpret
from icsframework.config.schema import json_schema
from icsframework.config.source import SourceError, decode
from icsframework.quantities import FieldError
from icsframework.registry import Registry
from icsframework.secret import Secret

REGISTRY = Registry.installed()
EXAMPLE = (Path(__file__).parents[2] / "etc" / "gateway.yaml").read_text()
COMPLETE = """\
version: 1
gateway: {state: /var/lib/ics, timezone: UTC, mark: 0x00ff0000}
lans:
  - name: home
    interface: eth1
    address: 192.168.0.1/24
    users: view
    services:
      - plugin: dhcp
        range: [192.168.0.100, 192.168.0.199]
        lease: 12h
        reservations:
          - {mac: "02:00:5e:00:53:01", address: 192.168.0.10, hostname: printer}
      - {plugin: dns, domain: home.arpa}
  - {bridge: {name: br0, ports: [eth2]}, address: auto, reach: [home]}
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
    probe: {targets: [203.0.113.1], interval: 10s}
    demand: {idle: 5m, ignore: [ntp], hours: "06:00-23:00"}
    wake: [&rule {action: ignore, name: "*.telemetry.example"}]
    keep: [*rule]
    limits: {time: 2h/day, data: 500MB/month, dials: 20/hour, money: 10/month, price: 0.02, billing_day: 31}
helpers: []
publish:
  - {name: web, protocol: tcp, port: 80, to: "192.168.0.10:8080"}
control: {web: true}
"""
WORDS = sorted(
    {word.strip(":,[]{}\"'") for word in (EXAMPLE + COMPLETE).split()}
    | {name for schema in json_schema(REGISTRY)["$defs"].values() for name in schema.get("properties", {})}
)


def sound(result):
    """A result is a configuration or errors, never both or neither, and every problem is one printable line."""
    assert isinstance(result, LoadResult)
    assert (result.config is None) == bool(result.errors)
    for problem in (*result.errors, *result.warnings, *result.notes):
        text = str(problem)
        assert text.isprintable(), text
        assert problem.message, text
        assert len(text) < 2000, text
    assert [p.place for p in result.errors] == sorted(p.place for p in result.errors)
    return result


def load(data):
    """Load bytes as a file."""
    try:
        source = decode(data, "g.yaml")
    except SourceError as error:
        assert str(error.problem).isprintable()
        return None
    return sound(interpret(source, REGISTRY))


def test_the_texts_that_are_mutated_below_are_correct():
    """Otherwise the mutations would try less than they seem to."""
    assert [str(p) for text in (EXAMPLE, COMPLETE) for p in load(text.encode()).errors] == []


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes(data):
    """Binary files."""
    load(data)


@given(st.text(st.sampled_from("ab:-?*&!|>%@`\"'#{}[], \n\t<~0.x\\\u00e9\u2028"), max_size=120))
@settings(max_examples=200, deadline=None)
def test_any_text_of_yaml_characters(text):
    """The syntax of YAML at its edges."""
    load(text.encode())


@given(
    st.sampled_from([EXAMPLE, COMPLETE]),
    st.lists(
        st.tuples(
            st.integers(0, 3000),
            st.integers(0, 30),
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(WORDS),
                st.sampled_from([": ", "- ", "\n", "  ", "&a ", "*a", "\t", "{", "]", "!!str "]),
            ),
        ),
        min_size=1,
        max_size=6,
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_real_file_with_damage(text, damages):
    """Pieces cut out and others put in."""
    for at, length, new in damages:
        at %= len(text) + 1
        text = text[:at] + new + text[at + length :]
    load(text.encode("utf-8", "surrogatepass"))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=10).filter(lambda text: all(c.isprintable() for c in text)),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=25,
)


@given(
    st.dictionaries(
        st.sampled_from(["version", "gateway", "lans", "uplinks", "helpers", "publish", "control"]), DATA
    )
)
@settings(max_examples=200, deadline=None)
def test_known_words_in_any_order(document):
    """Well-formed files with the right words in the wrong places."""
    load(yaml.safe_dump(document).encode())


@st.composite
def replaced(draw):
    """The complete document with values replaced anywhere in it."""
    document = yaml.safe_load(COMPLETE.replace("&rule ", "").replace("keep: [*rule]", "keep: [{port: 80}]"))
    for _ in range(draw(st.integers(1, 3))):
        here, path = document, []
        while isinstance(here, dict | list) and here and (not path or draw(st.booleans())):
            part = draw(
                st.sampled_from(sorted(here, key=str) if isinstance(here, dict) else range(len(here)))
            )
            path.append((here, part))
            here = here[part]
        container, part = path[-1]
        container[part] = draw(DATA)
    return document


@given(replaced())
@settings(max_examples=200, deadline=None)
def test_a_real_document_with_other_values(document):
    """Deep in the file, where the plugins read."""
    load(yaml.safe_dump(document).encode())


PARSERS = [
    *(getattr(addresses, name) for name in addresses.__all__ if name.startswith("parse_")),
    *(
        getattr(quantities, name)
        for name in quantities.__all__
        if name.startswith("parse_") and name != "parse_rate"
    ),
    Secret.parse,
]


@given(st.sampled_from(PARSERS), st.one_of(DATA, st.text("0123456789.:/-abdefhimnstwGMKB[]% ", max_size=20)))
@settings(max_examples=500, deadline=None)
def test_any_value_for_any_type(parse, value):
    """A value or a FieldError of one line; what is accepted is accepted again as it is."""
    try:
        parsed = parse(value)
    except FieldError as error:
        assert str(error).isprintable()
        return
    assert parse(parsed) == parsed
