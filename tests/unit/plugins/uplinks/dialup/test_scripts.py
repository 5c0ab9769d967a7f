"""Which conversation goes with which modem, and what it is told."""

import pytest

from ics_plugins.uplinks.dialup.config import DialupConfig
from ics_plugins.uplinks.dialup.scripts import SCRIPTS, order, script_of
from ics_plugins.uplinks.dialup.steps import Stage
from icsframework.fields import SecretUnavailable


def config(**keys):
    return DialupConfig.model_validate({"device": "/dev/ttyS0", **keys})


def never(pin):
    return False


@pytest.mark.parametrize("modem", ["hayes", "cellular", "null-modem", {"chat": ["", "ATZ"]}])
def test_every_kind_has_its_script(modem):
    """It begins with a stage."""
    own = config(modem=modem)
    assert own.kind in SCRIPTS
    assert isinstance(next(script_of(own, order(own, "123", False, never))), Stage)


def test_an_order_has_the_secrets_of_now(tmp_path):
    """A changed file is seen at the next call."""
    file = tmp_path / "password"
    file.write_text("one\n")
    own = config(numbers="1", user="u", password={"file": str(file)})
    assert order(own, "1", True, never).password == "one"
    file.write_text("two\n")
    assert order(own, "1", True, never).password == "two"
    file.unlink()
    with pytest.raises(SecretUnavailable):
        order(own, "1", True, never)


def test_a_file_that_holds_no_pin_is_not_sent(tmp_path):
    """Not a word of it reaches the SIM, nor the reason."""
    file = tmp_path / "pin"
    file.write_text("hunter2\n")
    with pytest.raises(SecretUnavailable) as caught:
        order(config(modem="cellular", pin={"file": str(file)}), "*99#", False, never)
    assert "hunter2" not in str(caught.value)
