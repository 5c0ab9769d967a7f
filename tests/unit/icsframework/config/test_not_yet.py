"""What the file may say and this version does not do yet."""

from icsframework.config.marked import parse_marked
from icsframework.config.not_yet import NOT_YET, Idle, warn_not_yet
from icsframework.config.reading import Report
from icsframework.config.source import Source

TABLE = (Idle(("a", "b"), (False,)), Idle(("l", "[]", "x")), Idle(("whole",)))


def warnings(text, table=TABLE):
    """The warnings of a text."""
    report = Report(parse_marked(Source("g.yaml", text)))
    warn_not_yet(report, report.document.plain(), table)
    return [str(problem) for problem in report.warnings]


def test_one_warning_names_everything_in_the_order_of_the_file():
    """At the place of the first, each kind of key once."""
    assert warnings("l: [{y: 1}, {x: 2}, {x: 3}]\nwhole: {z: 1}\na: {b: true}") == [
        "g.yaml:1:14: l[1].x: checked and accepted, but without function in this version: l[].x, whole, a.b"
    ]


def test_values_that_mean_what_happens_anyway_are_not_named():
    """Nor is what is empty or left out."""
    assert warnings("a: {b: false}\nwhole: []\nl: [{y: 1}, 5]") == []
    assert warnings("a: {b: 0}") != []


def test_a_value_that_is_refused_is_not_called_accepted(load_text):
    """One sentence about it is enough."""
    text = "lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, interface: eth0, connect: dial}]"
    found = load_text(text)
    assert (len(found.errors), found.warnings) == (1, ())
    assert len(load_text(text.replace("dial", "standby")).warnings) == 1


def test_the_minimal_file_has_no_warning(load_text):
    """Defaults are never named, only what somebody wrote."""
    assert (
        load_text("lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, interface: eth0}]").warnings == ()
    )


def test_every_line_of_the_table_can_match(load_text):
    """Each names a key that the models know, so that a line that is forgotten cannot stand there unseen."""
    assert len({idle.path for idle in NOT_YET}) == len(NOT_YET)
    for idle in NOT_YET:
        text: object = {}
        for part in reversed(idle.path):
            text = [text] if part == "[]" else {part: text}
        unknown = [
            p for p in load_text(f"{text!r}".replace("{}", "{zz: 1}")).errors if "unknown key" in p.message
        ]
        assert [problem.path[-1] for problem in unknown if problem.path[-1] != "zz"] == []
