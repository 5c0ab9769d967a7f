"""Plain scalars by the core schema of YAML 1.2."""

import math

import pytest

from icsframework.config.scalars import MAX_DIGITS, resolve_plain

CORE = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "true": True,
    "TRUE": True,
    "False": False,
    "0": 0,
    "-19": -19,
    "+12": 12,
    "0123": 123,
    "0o17": 15,
    "0x00ff0000": 0x00FF0000,
    "1.5": 1.5,
    ".5": 0.5,
    "5.": 5.0,
    "-2E+05": -200000.0,
    "12e03": 12000.0,
    "-.inf": -math.inf,
}
TEXT = [
    "12:34:56:12:34:56",
    "10:30",
    "1_000",
    "no",
    "yes",
    "on",
    "Off",
    "y",
    "nULL",
    "2024-01-01",
    "0b11",
    "0o8",
    "0xg",
    "+0x1",
    "1e",
    ".",
    "-",
    "+",
    "1.2.3",
    "192.168.0.1",
    "12h",
    "=",
    "<<",
    "١",
    "inf",
    "nan",
]


@pytest.mark.parametrize("text", sorted(CORE))
def test_the_core_schema_decides(text):
    """Section 10.3.2: null, bool, int in three bases, float."""
    assert (type(resolve_plain(text)), resolve_plain(text)) == (type(CORE[text]), CORE[text])


@pytest.mark.parametrize("text", TEXT)
def test_the_rest_is_text(text):
    """Among it what YAML 1.1 took for numbers to the base of 60, truth values and dates."""
    assert resolve_plain(text) == text


def test_endless_digits_stay_text():
    """A digit string longer than any number of ours is never turned into one, whatever it costs."""
    assert resolve_plain("9" * MAX_DIGITS) == int("9" * MAX_DIGITS)
    assert resolve_plain("9" * (MAX_DIGITS + 1)) == "9" * (MAX_DIGITS + 1)


def test_not_a_number_is_a_float():
    """.nan is what it says."""
    assert math.isnan(resolve_plain(".nan"))
