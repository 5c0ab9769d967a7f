"""Every golden case gives exactly the text that its file expects."""

import difflib
import json
from dataclasses import replace

import pytest
import yaml

from icsframework.dataplane import inventory, policy, render, routing


def outputs(case):
    """What the program makes of a case: nft text, and routes and rules as ip(8) would say them."""
    present = case.sections.get("present")
    found = None
    if present is not None:
        found = inventory.parse(json.dumps({"nftables": yaml.safe_load(present)}))
    table = policy.build(case.plane)
    ways = [str(route) for route in routing.routes(case.plane)]
    rules = [str(rule) for rule in routing.rules(case.plane)]
    return {"nft": render.render(table, found), "routes": "\n".join(sorted(ways) + sorted(rules)) + "\n"}


def differences(case):
    """The lines by which the program's output differs from the file."""
    lines = []
    for name, text in outputs(case).items():
        expected, actual = case.sections.get(name, "").strip("\n"), text.strip("\n")
        lines += difflib.unified_diff(
            expected.splitlines(),
            actual.splitlines(),
            f"{case.path.name} expects ({name})",
            "is",
            lineterm="",
        )
    return lines


def test_case(case, update):
    """The rule set, routes and rules are, line by line, those of the case."""
    assert case.words.strip(), f"{case.path} does not say what it shows"
    if update:
        case.save(**outputs(case))
        pytest.skip("rewritten, look at the difference")
    lines = differences(case)
    assert not lines, "\n".join(["", *lines])


def test_a_difference_is_seen(case, update):
    """A case whose expected text has one line less is reported with that line."""
    if update:
        pytest.skip("the cases are being rewritten")
    first, _, rest = case.sections["nft"].partition("\n")
    assert f"+{first}" in differences(replace(case, sections=case.sections | {"nft": rest}))
