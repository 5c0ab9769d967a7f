"""The data files, and how they are read."""

import json

import pytest

from ics_plugins.helpers.games import shipped
from ics_plugins.helpers.games.profile import LONGEST, SHORTEST
from ics_plugins.helpers.games.triggers import clashes
from icsframework.fields import FieldError
from icsframework.values import PortSpan

GOOD = {
    "name": "chess",
    "title": "Chess",
    "source": "The chess handbook",
    "date": "1997-05",
    "outbound": {"tcp": 5000},
    "inbound": {"udp": "5001-5003"},
}


def write(directory, content, name="chess"):
    """A data file."""
    text = content if isinstance(content, str) else json.dumps(content)
    (directory / f"{name}.json").write_text(text)


def span(text):
    """``tcp 1-2`` as a value."""
    protocol, _, ports = text.partition(" ")
    first, _, last = ports.partition("-")
    return PortSpan(protocol, int(first), int(last or first))


@pytest.mark.parametrize("name", shipped.names())
def test_each_shipped_profile_is_whole(name):
    """It can be read, names its source with a date, opens something, and for a sensible time."""
    profile = shipped.load(name)
    assert (profile.name, bool(profile.title)) == (name, True)
    assert profile.source
    assert profile.date
    assert profile.outbound.spans()
    assert profile.inbound.spans()
    assert SHORTEST <= profile.lifetime <= LONGEST


def test_no_two_shipped_profiles_open_the_same_port():
    """All of them are in force by default, and a port belongs to one of them."""
    profiles = [shipped.load(name) for name in shipped.names()]
    assert [(profiles[a].name, profiles[b].name, span) for a, b, span in clashes(profiles)] == []


@pytest.mark.parametrize(
    ("name", "outbound", "inbound"),
    [
        ("battle.net", ["tcp 6112"], ["tcp 6112-6119", "udp 6112-6119"]),
        ("directplay", ["tcp 47624", "udp 47624"], ["tcp 2300-2400", "udp 2300-2400"]),
        ("ident", ["tcp 6660-6669", "tcp 6697", "tcp 7000"], ["tcp 113"]),
    ],
)
def test_what_they_open(name, outbound, inbound):
    """The ports that their sources say."""
    profile = shipped.load(name)
    assert profile.outbound.spans() == tuple(map(span, outbound))
    assert profile.inbound.spans() == tuple(map(span, inbound))


def test_names_are_those_of_the_files(tmp_path):
    """One file a profile; others beside them do not count."""
    write(tmp_path, GOOD, "go")
    write(tmp_path, GOOD)
    (tmp_path / "README").write_text("nothing")
    assert list(shipped.names(tmp_path)) == ["chess", "go"]
    assert {"battle.net", "directplay", "ident"} <= set(shipped.names())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "chess.json cannot be read: No such file or directory"),
        ("{", "chess.json is no JSON: "),
        ("[]", "chess.json: the file: "),
        ({**GOOD, "name": "go"}, "chess.json: name: it says 'go', the file is called 'chess'"),
        ({**GOOD, "inbound": {"udp": "5003-5001"}}, "chess.json: inbound.udp.0: '5003-5001' runs backwards"),
        ({**GOOD, "source": ""}, "chess.json: source: "),
        ({k: v for k, v in GOOD.items() if k != "date"}, "chess.json: date: "),
        ({**GOOD, "lifetme": "5m"}, "chess.json: lifetme: "),
    ],
)
def test_a_damaged_file_is_named_with_its_key(tmp_path, content, says):
    """Whatever is wrong with it, the error names file and key."""
    if content is not None:
        write(tmp_path, content)
    with pytest.raises(shipped.ProfileError) as caught:
        shipped.load("chess", tmp_path)
    assert says in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    """Bytes that are no UTF-8 are an error like any other."""
    (tmp_path / "chess.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(shipped.ProfileError, match="is no JSON"):
        shipped.load("chess", tmp_path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("battlenet", "did you mean battle.net?"),
        ("DirectPlay", "did you mean directplay?"),
        ("IDENT", "did you mean ident?"),
        ("zzz", "there are battle.net, directplay, ident"),
        (5, "there are battle.net, directplay, ident"),
        ("../profiles/ident", ""),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name, advice):
    """A slip is answered with the name that was meant; only names are taken, never a path."""
    with pytest.raises(FieldError) as caught:
        shipped.parse_shipped_name(name)
    assert caught.value.problem == f"there is no profile {name!r}"
    assert advice in caught.value.advice
