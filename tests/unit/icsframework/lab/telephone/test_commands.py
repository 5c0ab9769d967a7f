"""Command lines."""

import pytest

from icsframework.lab.telephone.commands import Command, split


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("", []),
        ("Z", [Command("Z", 0)]),
        ("e0 V1 &f1\\N3", [Command("E", 0), Command("V", 1), Command("&F", 1), Command("\\N", 3)]),
        ("X4DT 0,123;", [Command("X", 4), Command("D", text="0,123;")]),
        ("dp5", [Command("D", text="5")]),
        ("D*99***1#", [Command("D", text="*99***1#")]),
        ("S7=45S2?", [Command("S", 7, "45"), Command("S?", 2)]),
        ("S0=", [Command("S", 0, "")]),
        ('E0+CGDCONT=1,"IP","a.b"', [Command("E"), Command("+", text='+CGDCONT=1,"IP","a.b"')]),
        ("~", None),
        ("E0~", None),
        ("&", None),
    ],
)
def test_lines(line, commands):
    """Several commands stand together; D and + take the rest; what is no command spoils the line."""
    assert split(line) == commands
