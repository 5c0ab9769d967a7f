"""The contract of a NAT helper: says what it wants as values, and its sessions decide without I/O.

They are tried with noise, and with the conversations that the helper ships (see sessions.py) in all the ways in
which a network may deliver them.
"""

from collections.abc import Sequence
from typing import Any, get_args

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from icsframework.interfaces import INatHelper, ISession
from icsframework.testing.contract_life import check_life, check_reconfigure, created, whole
from icsframework.testing.contract_session import NOISE as FLOODS
from icsframework.testing.contract_session import check_conversation, check_noise
from icsframework.testing.held import watched
from icsframework.testing.sessions import Conversation, conversations_of, flow_of
from icsframework.testing.stage import ContractBroken, Stage
from icsframework.values import Action, Attachment, DatagramProxy, Refused, Side, StreamProxy

__all__ = ["check_helper"]

NOISE = (b"\0", b"\xff" * 64, b"\r\n", b"hello\r\n", b"A" * 4096)
"""What no protocol says, and what arrives all the same."""


def check_helper(factory: Any, config: Any) -> None:
    """Everything that interfaces.py says of an INatHelper and of the sessions it makes."""

    def make(stage: Stage) -> Any:
        return factory.create(config, stage.gateway)

    with whole(Stage(("eth0", "eth1"))) as stage:
        check_life(stage, make, INatHelper)
    with whole(Stage(("eth0", "eth1"))) as stage:
        helper = created(stage, make, INatHelper)
        helper.startService()
        check_reconfigure(stage, helper, config)
        shipped = conversations_of(type(factory).__module__)
        for attachment in _attachments(helper):
            if isinstance(attachment, StreamProxy | DatagramProxy):
                _check_sessions(attachment)
                _check_conversations(attachment, shipped)
        stage.stop(helper)


def _attachments(helper: Any) -> Sequence[Attachment]:
    found = helper.attachments()
    strange = [one for one in found if not isinstance(one, get_args(Attachment))]
    if strange:
        raise ContractBroken(f"attachments must be values.Attachment, not {strange[0]!r}")
    if list(found) != list(helper.attachments()):
        raise ContractBroken("attachments must be the same when asked again")
    return list(found)


def _check_sessions(proxy: StreamProxy | DatagramProxy) -> None:
    for port in proxy.ports:
        for side in Side:
            with watched() as done:
                _check_session(proxy.session(flow_of(proxy, port)), side)
            if done:
                raise ContractBroken(f"a session does no I/O; this one {'; it '.join(done)}")


def _check_session(session: Any, side: Side) -> None:
    try:
        verifyObject(ISession, session)
    except Invalid as error:
        raise ContractBroken(" ".join(str(error).split())) from error
    now = 1000.0
    answers = [session.received(side, noise, now) for noise in NOISE]
    answers += [session.opened(object(), Refused("a test"), now), session.timeout(now)]
    deadline = session.deadline()
    if deadline is not None and not isinstance(deadline, float | int):
        raise ContractBroken(f"deadline must answer seconds or None, not {deadline!r}")
    answers += [session.closed(side, now), session.closed(side.other, now)]
    for answer in answers:
        for action in answer:
            if not isinstance(action, get_args(Action)):
                raise ContractBroken(f"a session answers with values.Action, not {action!r}")


def _check_conversations(proxy: StreamProxy | DatagramProxy, shipped: Sequence[Conversation]) -> None:
    for said in shipped:
        check_conversation(proxy, said)
    for kind in FLOODS:
        for side in Side:
            check_noise(proxy, side, kind)
