"""What the kernel is asked and what is made of its answers; the real one answers in tests/netns/dataplane."""

import re

import pytest
from twisted.internet.defer import fail, succeed

from icsframework.dataplane.helperprobe import probe_kernel_helpers
from icsframework.dataplane.nft import NothingThere
from icsframework.errors import NftError, NoPrivilege


class FakeKernel:
    """Has some helpers, as (name, protocol), and counts the questions."""

    def __init__(self, *has, error=None):
        self.has, self.error, self.asked = set(has), error or NothingThere("no such thing"), []

    def check(self, text):
        """Succeeds if it has all that the text names."""
        named = re.findall(r'type "(\S+)" protocol (\w+)', text)
        self.asked.append(named)
        return succeed(None) if set(named) <= self.has else fail(self.error)


def answers(kernel, *names):
    """What the probe says."""
    results = []
    probe_kernel_helpers(kernel, names).addBoth(results.append)
    return results[0]


def test_one_question_when_all_are_there():
    """With everything there, one run of nft answers for all of them, whichever protocol they are for."""
    kernel = FakeKernel(("pptp", "tcp"), ("tftp", "udp"), ("sip", "udp"))
    assert answers(kernel, "pptp", "tftp", "pptp", "sip/udp") == {"pptp": "", "tftp": "", "sip/udp": ""}
    assert len(kernel.asked) == 1


def test_no_question_without_names():
    """Nothing is asked for nothing."""
    kernel = FakeKernel()
    assert answers(kernel) == {}
    assert kernel.asked == []


def test_one_that_is_missing_is_named():
    """Each is asked for by itself, of both protocols; who is not there gets a reason that names what to look for."""
    found = answers(FakeKernel(("pptp", "tcp"), ("odd", "udp")), "pptp", "netbios-ns", "odd")
    assert (found["pptp"], found["odd"]) == ("", "")
    assert "no conntrack helper netbios-ns" in found["netbios-ns"]
    assert "modprobe nfct-helper-netbios-ns" in found["netbios-ns"]


def test_a_named_protocol_must_be_there():
    """A helper that is there for TCP does not carry UDP."""
    assert "pptp/udp" in answers(FakeKernel(("pptp", "tcp")), "pptp/udp")["pptp/udp"]


@pytest.mark.parametrize("name", ["", "a b", 'x"y', "sip/sctp", "x" * 16, "-x"])
def test_what_is_no_name_is_never_asked(name):
    """A name that could become another statement, or that no helper can have, is refused without asking."""
    kernel = FakeKernel()
    assert "is not the name" in answers(kernel, name)[name]
    assert kernel.asked == []


def test_another_refusal_is_told():
    """What nft says otherwise is the reason."""
    found = answers(FakeKernel(error=NftError("nft refused the rules, Operation not supported")), "pptp")
    assert found["pptp"] == "conntrack helper pptp: nft refused the rules, Operation not supported"


def test_without_privilege_nothing_is_known():
    """A kernel that does not answer is no kernel without helpers."""
    outcome = answers(FakeKernel(error=NoPrivilege()), "pptp")
    assert outcome.check(NoPrivilege)
