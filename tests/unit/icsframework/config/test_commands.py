"""The bodies of ics check and ics schema."""

import io
import json

import pytest

from icsframework.config.commands import check, schema

GOOD = "lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, interface: eth0}]\nhelpers: []\n"


@pytest.fixture
def run(tmp_path, plugins):
    """Run ics check over a text; returns status, standard output and standard error, with the path as g.yaml."""

    def act(text):
        path = tmp_path / "g.yaml"
        path.write_text(text)
        out, err = io.StringIO(), io.StringIO()
        status = check(path, plugins, out, err)
        return status, *(stream.getvalue().replace(str(path), "g.yaml") for stream in (out, err))

    return act


def test_a_correct_file(run):
    """Status 0 and one line."""
    assert run(GOOD) == (0, "g.yaml: correct\n", "")


def test_errors_end_with_status_2(run):
    """Each on a line of its own, in the order of the file among warnings, and a summary; what is refused is not warned of."""
    assert run(
        GOOD + "publish: [{protocol: tcp, port: 80, to: 10.9.9.9}]\ncontrol: {web: 5}\n"
        "gateway: {resolver: file}\nx: 1\n"
    ) == (
        2,
        "g.yaml: 3 errors, 1 warning\n",
        "g.yaml:4:41: publish[0].to: 10.9.9.9 is in no LAN; write an address in 192.168.0.0/24\n"
        "g.yaml:5:16: control.web: '5' is not true or false; write true or false\n"
        "warning: g.yaml:6:11: gateway.resolver: checked and accepted, but without function in this version: gateway.resolver\n"
        "g.yaml:7:1: x: unknown key 'x'; known here: control, gateway, helpers, lans, publish, uplinks, version\n",
    )


def test_warnings_and_notes_do_not_change_the_status(run):
    """They are printed and counted; notes are only printed."""
    status, out, err = run(GOOD.replace("helpers: []", "control: {web: true}"))
    assert (status, out) == (0, "g.yaml: 1 warning\n")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["note", "note", "warning"]


def test_a_file_that_is_not_there(plugins):
    """One sentence, status 2."""
    out, err = io.StringIO(), io.StringIO()
    assert check("/nonexistent/g.yaml", plugins, out, err) == 2
    assert err.getvalue() == "/nonexistent/g.yaml: no such file; check the path\n"
    assert out.getvalue() == "/nonexistent/g.yaml: 1 error\n"


def test_the_schema_is_printed_as_json(plugins):
    """Status 0."""
    out = io.StringIO()
    assert schema(plugins, out) == 0
    assert json.loads(out.getvalue())["title"] == "Configuration of an ics gateway"
