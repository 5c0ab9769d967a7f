"""The table of the API, without HTTP."""

from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred

from icsframework.control.api import ROUTES, http_status
from icsframework.control.rights import Caller, Right
from icsframework.errors import ConfigurationError, NoPrivilege, NotRunning, UplinkFailed, UsageError
from icsframework.testing.control import ScriptedControl

ROOT = Caller("uid 0 (pid 1)", Right.OPERATE)


def call(control: ScriptedControl, method: str, path: str, **parameters: Any) -> Any:
    """The data, or the error."""
    outcome: list[Any] = []
    maybeDeferred(ROUTES[method, path].function, control, ROOT, parameters).addCallbacks(
        outcome.append, lambda failure: outcome.append(failure.value)
    )
    return outcome[0]


def test_questions_answer_in_stable_shapes() -> None:
    """Status, leases and history as JSON-able data."""
    control = ScriptedControl()
    assert call(control, "GET", "/v1/status")["gateway"]["state"] == "ready"
    assert call(control, "GET", "/v1/leases")[0]["address"] == "192.168.0.9"
    assert call(control, "GET", "/v1/history")[0]["event"] == "up"
    assert "/v1/status" in call(control, "GET", "/v1/version")["paths"]
    assert control.calls == []


def test_mappings_are_listed_opened_and_closed() -> None:
    """What was opened is told as the list tells it; what was closed in the words that named it."""
    control = ScriptedControl()
    row = call(control, "GET", "/v1/mappings")[0]
    assert row == {
        "protocol": "tcp",
        "uplink": "cable",
        "external_port": 8080,
        "to": "192.168.0.10:80",
        "remote": None,
        "owner": "added",
        "expires": None,
        "count": 1,
        "once": False,
        "external_address": "203.0.113.5",
        "reason": None,
    }
    wish = {"protocol": "tcp", "port": "8080", "to": "192.168.0.10:80"}
    assert call(control, "POST", "/v1/mappings/add", **wish) == {"added": [row]}
    assert call(control, "POST", "/v1/mappings/remove", protocol="tcp", port=8080) == {
        "removed": [
            {
                "uplink": "cable",
                "protocol": "tcp",
                "external_port": 8080,
                "to": "192.168.0.10:80",
                "count": 1,
            }
        ]
    }
    assert control.calls == ["add tcp 8080 192.168.0.10:80", "remove tcp 8080"]


def test_a_mapping_that_makes_no_sense_is_refused() -> None:
    """Nothing is opened or closed for it."""
    control = ScriptedControl()
    assert isinstance(call(control, "POST", "/v1/mappings/add", protocol="tcp"), UsageError)
    assert isinstance(call(control, "POST", "/v1/mappings/remove", protocol="tcp"), UsageError)
    assert control.calls == []


def test_commands_name_their_uplink() -> None:
    """An uplink, or the preferred one."""
    control = ScriptedControl()
    assert call(control, "POST", "/v1/connect", uplink="dsl") == {"interface": "eth0", "addresses": []}
    hung_up = {"uplink": "cable", "connect": "always", "until": None}
    assert call(control, "POST", "/v1/disconnect") == hung_up
    assert call(control, "POST", "/v1/reload") == {"changes": "nothing has changed"}
    assert call(control, "POST", "/v1/restart") == {"pid": 7}
    assert control.calls == [
        "connect dsl command",
        "disconnect None (disconnected by uid 0 (pid 1))",
        "reload",
        "restart",
    ]


def test_limits_are_lifted_only_by_who_says_so() -> None:
    """The history then says that it was so."""
    control = ScriptedControl()
    call(control, "POST", "/v1/connect", uplink="modem", override=True)
    call(control, "POST", "/v1/connect", uplink="modem", override=False)
    assert isinstance(call(control, "POST", "/v1/connect", override="yes"), UsageError)
    assert control.calls == ["connect modem command, override whatever", "connect modem command"]


def test_a_link_may_be_told_to_stay_down_for_a_time() -> None:
    """The answer says until when, the reason for how long; what is no time is refused before anything happens."""
    control = ScriptedControl()
    answer = call(control, "POST", "/v1/disconnect", **{"uplink": "modem", "for": "2h"})
    assert answer == {"uplink": "modem", "connect": "always", "until": "1970-01-01T02:00:00Z"}
    assert isinstance(call(control, "POST", "/v1/disconnect", **{"for": "soon"}), UsageError)
    assert control.calls == ["disconnect modem 7200 (disconnected by uid 0 (pid 1) for 2h)"]


def test_what_the_paths_know_is_told() -> None:
    """So that a newer command does not ask for what would be overlooked."""
    parameters = call(ScriptedControl(), "GET", "/v1/version")["parameters"]
    assert parameters == {
        "/v1/connect": ["uplink", "override"],
        "/v1/disconnect": ["uplink", "for"],
        "/v1/reload": ["dry_run", "confirm", "keep"],
    }


def test_a_reload_can_be_looked_at_tried_and_kept() -> None:
    """One path, told apart by its parameters; they exclude each other."""
    control = ScriptedControl()
    assert call(control, "POST", "/v1/reload", dry_run=True) == {
        "changes": "LAN home changed",
        "machine": ["add address 192.168.7.1/24 to eth1"],
        "nft": "--- in force\n",
    }
    assert call(control, "POST", "/v1/reload", confirm=60) == {"changes": "nothing has changed"}
    assert call(control, "POST", "/v1/reload", keep=True) == {"changes": "LAN home changed"}
    assert control.calls == ["preview", "reload 60", "keep"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"dry_run": "yes"},
        {"keep": 1},
        {"confirm": 0},
        {"confirm": 86401},
        {"confirm": 1.5},
        {"confirm": True},
        {"confirm": "60"},
        {"dry_run": True, "confirm": 60},
        {"keep": True, "confirm": 60},
        {"keep": True, "dry_run": True},
    ],
)
def test_a_reload_that_makes_no_sense_is_refused(parameters: dict[str, Any]) -> None:
    """In particular it is no reload at once."""
    control = ScriptedControl()
    assert isinstance(call(control, "POST", "/v1/reload", **parameters), UsageError)
    assert control.calls == []


def test_a_parameter_of_another_type_is_refused() -> None:
    """Whatever JSON holds, it is not passed on unchecked."""
    control = ScriptedControl()
    assert isinstance(call(control, "POST", "/v1/connect", uplink=["dsl"]), UsageError)
    assert control.calls == []


def test_changes_are_audited_and_guarded() -> None:
    """Whatever is not a question is written to the log with who asked, and needs more than the right to look."""
    for (method, path), route in ROUTES.items():
        assert route.audit == (method == "POST"), path
        assert (route.right > Right.VIEW) == (method == "POST"), path


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoPrivilege(), 403),
        (NotRunning(), 503),
        (UsageError(), 400),
        (ConfigurationError(), 400),
        (UplinkFailed(), 409),
    ],
)
def test_errors_have_an_http_status(error: Any, status: int) -> None:
    """So that any HTTP client sees what kind it is; the exit status stands in the body."""
    assert http_status(error) == status
