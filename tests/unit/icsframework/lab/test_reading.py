from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.lab.errors import LabSpecError
from icsframework.lab.reading import read_yaml

TEXT = """\
mac: 12:34:56:12:34:56
on: true
number: 0123
size: 5MB
one: 192.0.2.1
many: [192.0.2.1/24, "2001:db8::1/64"]
net: 192.0.2.0/24
empty:
inner: {a: 1, b: "2"}
"""


@pytest.fixture
def top():
    """The entries of TEXT."""
    return dict(read_yaml(TEXT, "x.yaml").items())


def test_scalars_stay_as_written(top):
    """Nothing is turned into a number, a date or a truth value on the way."""
    assert top["mac"].text() == "12:34:56:12:34:56"
    assert top["number"].text() == "0123"
    assert top["inner"].yaml() == '{a: 1, b: "2"}\n'


def test_values_by_type(top):
    """Each reader gives its type; a single value is a list of one; what is empty is left out."""
    assert top["on"].flag(False) is True
    assert top["size"].size(0) == 5_000_000
    assert top["number"].integer(0, 0, 200) == 123
    assert top["one"].address() == ip_address("192.0.2.1")
    assert [entry.text() for entry in top["one"].entries()] == ["192.0.2.1"]
    addresses = [entry.interface_address() for entry in top["many"].entries()]
    assert addresses == [ip_interface("192.0.2.1/24"), ip_interface("2001:db8::1/64")]
    assert top["net"].network() == ip_network("192.0.2.0/24")
    assert (bool(top["empty"]), top["empty"].text("default"), top["empty"].entries()) == (
        False,
        "default",
        (),
    )


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (
            lambda top: top["mac"].flag(True),
            "x.yaml:1: mac: true or false is expected, not '12:34:56:12:34:56'",
        ),
        (
            lambda top: top["size"].integer(1, 1, 9),
            "x.yaml:4: size: a number from 1 to 9 is expected, not '5MB'",
        ),
        (lambda top: top["mac"].size(1), "x.yaml:1: mac: a size such as 5MB is expected"),
        (lambda top: top["mac"].address(), "x.yaml:1: mac: an address such as 192.0.2.1 is expected"),
        (lambda top: top["one"].interface_address(), "x.yaml:5: one: an address with its prefix length"),
        (lambda top: top["many"].text(), "x.yaml:6: many: a single value is expected here"),
        (lambda top: top["one"].network(), None),
        (lambda top: top["mac"].network(), "x.yaml:1: mac: a network such as 192.0.2.0/24 is expected"),
        (lambda top: top["inner"].section({"ax"}), "x.yaml:9: inner.a: unknown key 'a'; did you mean ax?"),
        (lambda top: top["inner"].section({"xyz"}), "x.yaml:9: inner.a: unknown key 'a'; known here: xyz"),
        (lambda top: list(top["mac"].items()), "x.yaml:1: mac: a mapping (key: value) is expected here"),
    ],
)
def test_refusals_name_the_place(top, read, sentence):
    """File, line, key path, and what was expected."""
    if sentence is None:
        assert read(top) == ip_network("192.0.2.1/32")
        return
    with pytest.raises(LabSpecError) as caught:
        read(top)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2\n", "x.yaml:2: a: this key stands here twice"),
        ("a: [1\n", "x.yaml:2: this is no YAML"),
        ("\tb: 1\n", "x.yaml:1: this is no YAML"),
        ("a: *b\n", "x.yaml:1: this is no YAML: found undefined alias"),
        ("--- 1\n--- 2\n", "x.yaml:2: this is no YAML"),
        ("\x00", "x.yaml: this is no YAML"),
        ("[a, b]", "x.yaml:1: the file: a mapping (key: value) is expected here"),
    ],
)
def test_files_that_cannot_be_read(text, sentence):
    """Each mistake of the file as a whole is one sentence with its line."""
    with pytest.raises(LabSpecError) as caught:
        list(read_yaml(text, "x.yaml").items())
    assert str(caught.value).startswith(sentence)
    assert caught.value.exit_status == 2


def test_an_empty_file_has_no_entries():
    """Nothing written is nothing there."""
    assert list(read_yaml("", "x.yaml").items()) == []
