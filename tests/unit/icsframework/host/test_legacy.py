"""The tables of iptables-legacy, by a program that stands in for it."""

import pytest

from icsframework.host.legacy import read_legacy


@pytest.fixture
def program(tmp_path):
    """A function that writes the program and returns how it is found."""

    def make(text):
        path = tmp_path / "iptables-legacy"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return lambda: str(path)

    return make


@pytest.fixture
def tables(tmp_path):
    """The list of legacy tables."""
    path = tmp_path / "ip_tables_names"
    path.write_text("nat\nfilter\n")
    return path


def test_the_filter_table(program, tables):
    """Asked with -S, and with no need for the lock file of root."""
    found = read_legacy(
        tables, program('[ "$1 $XTABLES_LOCKFILE" = "-S /dev/null" ] && echo "-P FORWARD DROP"')
    )
    assert found.tables["ip", "filter"]["FORWARD"].policy == "drop"
    assert found.tables["ip", "filter"]["FORWARD"].legacy


def test_nobody_is_asked_without_need(program, tables, tmp_path):
    """Where there are no such tables the question would make them."""
    asked = tmp_path / "asked"
    find = program(f"touch {asked}")
    tables.write_text("nat\n")
    assert read_legacy(tables, find).tables == {}
    tables.unlink()
    assert read_legacy(tables, find).tables == {}
    assert not asked.exists()


def test_without_the_program_or_with_a_broken_one(program, tables):
    """Nothing is known, and nothing fails."""
    assert read_legacy(tables, lambda: None).tables == {}
    assert read_legacy(tables, program("exit 3")).tables == {}
    assert read_legacy(tables, lambda: "/nowhere/iptables-legacy").tables == {}
