"""Secrets of the configuration."""

import os
from pathlib import Path

import pytest

from icsframework.quantities import FieldError
from icsframework.secret import MAX_SECRET, Secret, SecretUnavailable


def written(tmp_path, content, mode=0o600):
    """A secret file."""
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def problems(path):
    """What is wrong with the secret in a file, as text."""
    return [str(problem) for problem in Secret.parse({"file": str(path)}).problems()]


def test_a_plain_secret_is_never_shown():
    """repr, str and the form for JSON hold no part of it; only reveal gives it."""
    secret = Secret.parse("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret!r} {secret} {secret.to_plain()}"
    assert secret == Secret.parse("hunter2") != Secret.parse("other")


def test_a_secret_in_a_file_is_read_when_it_is_needed(tmp_path):
    """One trailing line end is no part of it, and a changed file is seen at the next use."""
    path = written(tmp_path, b"first\n")
    secret = Secret.parse({"file": str(path)})
    assert (secret.reveal(), secret.to_plain(), list(secret.problems())) == ("first", {"file": str(path)}, [])
    path.write_bytes(b"sec ond\r\n")
    assert secret.reveal() == "sec ond"


def test_a_secret_in_the_environment(monkeypatch):
    """The variable is named in the refusal when it is not set."""
    secret = Secret.parse({"env": "ICS_TEST_SECRET"})
    monkeypatch.delenv("ICS_TEST_SECRET", raising=False)
    assert [p.problem for p in secret.problems()] == ["the environment variable ICS_TEST_SECRET is not set"]
    with pytest.raises(SecretUnavailable, match="ICS_TEST_SECRET is not set; set ICS_TEST_SECRET"):
        secret.reveal()
    monkeypatch.setenv("ICS_TEST_SECRET", "s")
    assert (secret.reveal(), list(secret.problems()), secret.to_plain()) == (
        "s",
        [],
        {"env": "ICS_TEST_SECRET"},
    )


def test_a_file_for_everybody_is_refused_with_mode_and_command(tmp_path):
    """The path, its mode and the command that mends it are in the sentence; group-readable is fine."""
    path = written(tmp_path, b"x", 0o644)
    assert problems(path) == [
        f"the secret {path} can be read by everybody (mode 0644); run: chmod 600 {path}"
    ]
    path.chmod(0o602)
    assert problems(path) == [
        f"the secret {path} can be changed by everybody (mode 0602); run: chmod 600 {path}"
    ]
    path.chmod(0o640)
    assert problems(path) == []


def test_unusable_files_are_named_with_the_reason(tmp_path):
    """Missing, empty, too long, binary, several lines, a directory, a FIFO: one sentence with the path each."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    found = {
        "missing": problems(tmp_path / "none"),
        "directory": problems(tmp_path),
        "fifo": problems(fifo),
    }
    for name, content in {
        "empty": b"\n",
        "long": b"x" * (MAX_SECRET + 1),
        "binary": b"\xff\xfe",
        "lines": b"a\nb\n",
        "nul": b"a\0",
    }.items():
        found[name] = problems(written(tmp_path, content))
    path = tmp_path / "password"
    assert found == {
        "missing": [
            f"the secret {tmp_path}/none cannot be read: no such file or directory; "
            f"create it, readable by its owner only: install -m 600 /dev/null {tmp_path}/none"
        ],
        "directory": [f"the secret {tmp_path} is not a regular file; name a file that holds the secret"],
        "fifo": [f"the secret {fifo} is not a regular file; name a file that holds the secret"],
        "empty": [f"the secret {path} is empty; write the secret into it"],
        "long": [f"the secret {path} has more than {MAX_SECRET} bytes; keep only the secret in it"],
        "binary": [f"the secret {path} is not one line of UTF-8 text; keep only the secret in it"],
        "lines": [f"the secret {path} is not one line of UTF-8 text; keep only the secret in it"],
        "nul": [f"the secret {path} is not one line of UTF-8 text; keep only the secret in it"],
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    """Permission denied is an error: the gateway could not read it either."""
    path = written(tmp_path, b"x", 0o000)
    assert "cannot be read: permission denied" in problems(path)[0]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        1234,
        0.5,
        True,
        [],
        {},
        {"file": "x"},
        {"file": 5},
        {"file": "/a", "env": "B"},
        {"env": ""},
        {"env": "A=B"},
        {"fil": "/x"},
        "a\0",
        "x" * 5000,
    ],
)
def test_what_is_no_secret_is_refused_without_quoting_it(value):
    """The refusal shows the three spellings; a number is told to be quoted, since a leading zero would be lost."""
    with pytest.raises(FieldError) as caught:
        Secret.parse(value)
    assert caught.value.advice
    assert "1234" not in str(caught.value)


def test_sources_are_values():
    """Equal sources are equal, which is how a reload finds what changed."""
    assert Secret.parse({"file": "/a"}) == Secret(file=Path("/a"))
    assert Secret.parse(Secret(env="A")) == Secret(env="A")
    assert len({Secret(env="A"), Secret(env="A"), Secret(plain="A")}) == 2
