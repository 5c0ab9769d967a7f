"""The bytes of the file."""

import os

import pytest

from icsframework.config.source import MAX_BYTES, SourceError, decode, read_source


def refusal(act, *arguments):
    """The problem that an act reports."""
    with pytest.raises(SourceError) as caught:
        act(*arguments)
    return str(caught.value.problem)


def test_text_is_read_with_its_mode(tmp_path):
    """UTF-8, with or without byte order mark; the permission bits come along."""
    path = tmp_path / "g.yaml"
    path.write_bytes("\ufeffä: 1\n".encode())
    path.chmod(0o640)
    source = read_source(path)
    assert (source.file, source.text, source.mode) == (str(path), "ä: 1\n", 0o640)


def test_what_cannot_be_read_is_named(tmp_path):
    """Missing, a directory, a FIFO, a path that is none: one sentence each."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert [
        refusal(read_source, path)
        for path in (tmp_path / "none", tmp_path, fifo, "a\0b", tmp_path / "none" / "x")
    ] == [
        f"{tmp_path}/none: no such file; check the path",
        f"{tmp_path}: this is a directory; name the configuration file itself",
        f"{fifo}: this is not a regular file; name the configuration file itself",
        "a\0b: cannot be read: not a path; check the path",
        f"{tmp_path}/none/x: no such file; check the path",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    """Permission denied is said as such."""
    path = tmp_path / "g.yaml"
    path.touch(0o000)
    assert (
        refusal(read_source, path)
        == f"{path}: cannot be read: permission denied; run as a user who may read it"
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a: 1\nb: \xff\n", "f:2:4: the file is not UTF-8 text (byte 0xff); save it as UTF-8"),
        (b"\xef\xbb\xbfa: \xe4\n", "f:1:4: the file is not UTF-8 text (byte 0xe4); save it as UTF-8"),
        ("a: 1".encode("utf-16"), "f: the file is UTF-16 text; save it as UTF-8"),
        (b"\x7fELF\x02\x01\x00", "f:1:1: the file holds the control character U+007F; remove it"),
        (
            b"a: 1\r\nb: \0",
            "f:2:4: the file holds the control character U+0000; name a text file; this one looks binary",
        ),
        ("a: 1\n\x85b: \ufffe".encode(), "f:3:4: the file holds the control character U+FFFE; remove it"),
        (b"#" * (MAX_BYTES + 1), "f: the file is larger than 1 MiB; name the configuration file itself"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(data, sentence):
    """With line and column where there is one, and the way out."""
    assert refusal(decode, data, "f") == sentence


def test_the_largest_file_is_still_read():
    """The bound itself is allowed."""
    assert len(decode(b"#" * MAX_BYTES, "f").text) == MAX_BYTES
