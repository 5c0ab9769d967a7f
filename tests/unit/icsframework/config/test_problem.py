"""How a problem is written."""

import pytest

from icsframework.config.problem import Place, Problem, show_path


def test_a_problem_is_one_line_with_place_path_message_and_advice():
    """FILE:LINE:COLUMN: key path: what; what to do."""
    problem = Problem(
        "gateway.yaml",
        12,
        9,
        ("lans", 0, "services", 0, "range"),
        "is outside 192.168.0.0/24",
        "choose another",
    )
    assert (
        str(problem)
        == "gateway.yaml:12:9: lans[0].services[0].range: is outside 192.168.0.0/24; choose another"
    )
    assert problem.place == Place(12, 9)


def test_a_problem_of_the_file_as_a_whole_has_no_line():
    """Nor a path."""
    assert str(Problem("gateway.yaml", 0, 0, (), "the file is empty")) == "gateway.yaml: the file is empty"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", 1, "b-c"), "a[1].b-c"),
        (("a b\n",), r"'a b\n'"),
        (("a", "x" * 99), f"a.'{'x' * 40}'"),
        ((0,), "[0]"),
    ],
)
def test_strange_keys_are_quoted(path, text):
    """Whatever a key holds, the path stays one line."""
    assert show_path(path) == text
