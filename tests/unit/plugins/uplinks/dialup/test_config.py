"""The keys of ``plugin: dialup``: what is accepted, and what is said of what is not."""

import pytest
from pydantic import ValidationError

from ics_plugins.uplinks.dialup.config import DialupConfig, Modem
from icsframework.fields import CheckContext

HERE = CheckContext("uplink", "modem")


def config(**keys):
    """The model of these keys."""
    return DialupConfig.model_validate({"device": "/dev/ttyS0", **keys})


def findings(context=HERE, **keys):
    """What check says: path and problem."""
    return [(found.path, found.problem) for found in config(**keys).check(context)]


def refusal(**keys):
    """What is said of a key that is refused."""
    with pytest.raises(ValidationError) as caught:
        config(**keys)
    (error,) = caught.value.errors()
    return error["loc"], error["msg"]


def test_the_least_that_works():
    """A device and a number; a number alone needs no brackets."""
    least = config(numbers="5551234")
    assert (least.called, least.kind, least.speed) == (("5551234",), "hayes", 115200)
    assert findings(numbers="5551234") == []


def test_a_cellular_modem_calls_the_usual_number():
    """Unless another is named."""
    assert config(modem="cellular").called == ("*99#",)
    assert config(modem="cellular", numbers=["*99***2#"]).called == ("*99***2#",)
    assert findings(modem="cellular", pin={"env": "PIN"}, apn="internet") == []


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("555-1234", "5551234"),
        ("(0) 30 / 1".replace("/", "-"), "0301"),
        ("0,5551234", "0,5551234"),
        ("+49", "+49"),
        ("*99#", "*99#"),
    ],
)
def test_numbers_as_people_write_them(written, dialled):
    """What is for the eye is left out."""
    assert config(numbers=[written]).called == (dialled,)


@pytest.mark.parametrize("number", [5551234, "555\r", "AT&F\rATD1", "", "  ", "1;2", 'x"y', "1" * 65, True])
def test_what_is_no_number(number):
    """No command can be smuggled into the dial string."""
    where, _ = refusal(numbers=[number])
    assert where[0] == "numbers"


def test_a_number_without_quotes():
    """YAML would read it as an integer, and drop its zeros."""
    assert refusal(numbers=[301234])[1].endswith('put it in quotes: "301234"')


@pytest.mark.parametrize(
    "keys",
    [
        {"device": "ttyS0"},
        {"speed": 12},
        {"speed": True},
        {"speed": "9600"},
        {"modem": "isdn"},
        {"modem": {"chat": "ATZ"}},
        {"modem": {"chat": [""]}},
        {"modem": {"chat": ["", "\\z"]}},
        {"modem": {"chat": ["", "a"] * 101}},
        {"modem": {"script": []}},
        {"mru": 64},
        {"mru": 1501},
        {"accm": -1},
        {"apn": 'a"b'},
        {"apn": "a b"},
        {"init": ["M0"]},
        {"init": ["AT\r"]},
        {"auth": ["eap"]},
        {"pin": 1234},
        {"nonsense": 1},
    ],
)
def test_what_is_refused(keys):
    """Each at its own key."""
    assert refusal(**{"numbers": "1", **keys})[0][0] == next(iter(keys))


def test_kinds_of_modems():
    """A word, or a conversation."""
    assert config(modem="null-modem").modem == Modem("null-modem")
    assert config(modem={"chat": ["", "ATZ"]}).modem == Modem("chat", ("", "ATZ"))


@pytest.mark.parametrize(
    ("keys", "path", "problem"),
    [
        ({}, (), "there is no number to call"),
        ({"modem": "null-modem", "numbers": "1"}, ("numbers",), "a null-modem cable calls no number"),
        ({"numbers": "1", "user": "x"}, (), "user: and password: go together; password: is missing"),
        ({"numbers": "1", "password": "x"}, (), "user: and password: go together; user: is missing"),
        ({"numbers": "1", "pin": {"env": "P"}}, ("pin",), "pin is for cellular modems"),
        ({"numbers": "1", "apn": "x"}, ("apn",), "apn is for cellular modems"),
        ({"numbers": "1", "windows": True}, ("windows",), "windows is for a null-modem cable"),
        ({"modem": "cellular", "pin": "12"}, ("pin",), "a PIN has 4 to 8 digits"),
        (
            {"numbers": "1", "redial": 0},
            ("redial",),
            "the pause before redialling is less than 1 s or more than redial_max",
        ),
        (
            {"numbers": "1", "redial": "10m"},
            ("redial",),
            "the pause before redialling is less than 1 s or more than redial_max",
        ),
        ({"numbers": "1", "dial_timeout": 0}, ("dial_timeout",), "dial_timeout is not between 1 s and 1 h"),
        (
            {"numbers": "1", "network_timeout": "2h"},
            ("network_timeout",),
            "network_timeout is not between 1 s and 1 h",
        ),
        ({"numbers": "1", "auth": []}, ("auth",), "no way of authentication is left"),
        ({"numbers": ["1"] * 17}, ("numbers",), "more than 16 numbers"),
        ({"numbers": "1", "user": "a\nb", "password": "x"}, ("user",), "this can be no user name"),
    ],
)
def test_what_does_not_go_together(keys, path, problem):
    """Each with the key that is to be changed."""
    assert findings(**keys) == [(path, problem)]


@pytest.mark.parametrize(
    "context", [CheckContext("uplink", "m", "eth0"), CheckContext("uplink", "m", "", "02:00:00:00:00:01")]
)
def test_it_makes_its_interface_itself(context):
    """interface: and match: have no place here."""
    assert findings(context, numbers="1") == [((), "a dial-up uplink makes its interface itself")]


def test_no_secret_is_written_back():
    """Neither password nor PIN."""
    made = config(modem="cellular", user="guest", password="hunter2", pin="9876")
    for text in (made.model_dump_json(), repr(made)):
        assert "hunter2" not in text
        assert "9876" not in text
