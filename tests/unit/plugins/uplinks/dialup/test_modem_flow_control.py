"""RTS and CTS: used where the line is faster than the call."""

import pytest


@pytest.mark.parametrize(
    ("keys", "used"),
    [
        ({}, True),
        ({"rtscts": False}, False),
        ({"modem": "null-modem", "numbers": []}, False),
        ({"modem": "null-modem", "numbers": [], "rtscts": True}, True),
    ],
)
def test_flow_control_during_a_call(bench, keys, used):
    """Modems mind the wires; a null-modem cable may lack them, unless the file says that it does not."""
    one = bench(**keys).start()
    one.connect()
    one.wait(1)
    assert one.phone.line.flow_control is used
