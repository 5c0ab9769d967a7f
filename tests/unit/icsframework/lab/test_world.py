from pathlib import Path

import pytest

from icsframework.lab.errors import LabError, LabSpecError
from icsframework.lab.world import Lab


def test_a_lab_is_made_from_text_file_or_nothing(tmp_path):
    """Text, a path, or the built-in lab."""
    text = "hosts: {only: {}}"
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    assert Lab.from_yaml(text).spec == Lab.from_yaml(file).spec
    assert "gateway" in Lab.from_yaml().spec.hosts
    with pytest.raises(LabSpecError, match=r"^.*lab\.yaml:1: x: unknown key"):
        file.write_text("x: 1")
        Lab.from_yaml(file)


def test_a_lab_that_is_not_open_has_nothing():
    """Asking it is a sentence; closing it is harmless."""
    lab = Lab.from_yaml("hosts: {only: {}}")
    with pytest.raises(LabError, match="the lab has no host only; there are: none"):
        lab["only"]
    with pytest.raises(LabError, match="the lab is not open"):
        lab.switch  # noqa: B018
    lab.close()
    assert lab.directory == Path()
