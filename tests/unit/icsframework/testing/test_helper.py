"""The scripted helper: what it notes, and shells without sockets."""

from zope.interface.verify import verifyObject

from icsframework.errors import HostError
from icsframework.interfaces import INatHelper, INatHelperFactory
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.helper import ScriptedHelperConfig, ScriptedHelperFactory, ScriptedShells
from icsframework.values import KernelHelper, RestartMe


def test_it_keeps_the_contracts_and_notes_what_it_is_asked() -> None:
    """Factory and helper provide their interfaces."""
    factory = ScriptedHelperFactory()
    verifyObject(INatHelperFactory, factory)
    helper = factory.create(ScriptedHelperConfig(ports=(99,)), FakeGateway("helper.one"))
    verifyObject(INatHelper, helper)
    helper.startService()
    assert helper.attachments() == [KernelHelper("pptp", "tcp", (99,))]
    answers: list[object] = []
    helper.reconfigure(ScriptedHelperConfig(restart=True)).addCallback(answers.append)
    helper.stopService()
    assert answers == [RestartMe()]
    assert factory.calls == ["create", "start", "attachments", "reconfigure", "stop"]


def test_shells_are_numbered_and_fail_on_request() -> None:
    """Each listens on a port of its own."""
    shells = ScriptedShells()
    ports: list[int] = []
    for _ in range(2):
        shells(None, None, None).start().addCallback(ports.append)
    assert ports == [40000, 40001]
    shells.error = HostError("no")
    told: list[str] = []
    shells(None, None, None).start().addErrback(lambda failure: told.append(str(failure.value)))
    assert told == ["no"]
