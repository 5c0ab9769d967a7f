"""Errors are sentences for people and carry the exit status they end the process with."""

import inspect
import re

import pytest

from icsframework import errors

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.IcsError)]
STATUSES = {
    "UsageError": 2,
    "ConfigurationError": 2,
    "PluginError": 2,
    "NotRunning": 69,
    "Handover": 75,
    "NoPrivilege": 77,
}


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_without_words_has_a_sentence(cls):
    """Raised without a message, an error says its docstring: one sentence with its full stop."""
    said = str(cls())
    assert said == cls.__doc__.strip()
    assert re.fullmatch(r"[^\n]{10,150}[.?]", said)


def test_a_message_wins():
    """What is known about the case replaces the general sentence."""
    assert str(errors.PortTaken("port 53 is taken by named")) == "port 53 is taken by named"


def test_exit_statuses():
    """Every error ends the process with the status of the manual, 1 if it has none of its own."""
    assert {cls.__name__: cls.exit_status for cls in CLASSES if cls.exit_status != 1} == STATUSES


def test_a_failed_connection_keeps_its_error_number():
    """The reason of the kernel is there for the code that decides, beside the sentence for people."""
    error = errors.ConnectFailed("192.0.2.1 port 25 refuses", 111)
    assert (str(error), error.code) == ("192.0.2.1 port 25 refuses", 111)


def test_wire_errors_are_not_ours():
    """A peer's mistake is no error of the gateway: nothing that catches ours catches it."""
    assert not issubclass(errors.WireError, errors.IcsError)
