"""Which reply belongs to which command."""

import pytest

from ics_plugins.helpers.ftp.dialogue import (
    MAX_PENDING,
    MAX_UNANSWERED,
    Dialogue,
    Kind,
    Pending,
    TooManyCommands,
)
from ics_plugins.helpers.ftp.replies import Reply


def dialogue(*kinds):
    """The greeting is over, and these commands are pending."""
    talk = Dialogue()
    talk.answered(talk.find(Reply(220)))
    for kind in kinds:
        talk.sent(Pending(kind))
    return talk


def answered(talk, *codes):
    """What each reply was taken for."""
    found = []
    for code in codes:
        pending = talk.find(Reply(code))
        found.append(pending and pending.kind)
        if pending:
            talk.answered(pending)
    return found


def test_the_greeting_comes_first():
    """Commands sent before it are answered after it."""
    talk = Dialogue()
    talk.sent(Pending(Kind.OTHER))
    assert answered(talk, 220, 331, 230) == [Kind.GREETING, Kind.OTHER, None]


def test_one_reply_for_each_command_in_order():
    """Whatever its code says, if it does not say more."""
    talk = dialogue(Kind.OTHER, Kind.PORT, Kind.TRANSFER, Kind.OTHER)
    assert answered(talk, 250, 200, 550, 200) == [Kind.OTHER, Kind.PORT, Kind.TRANSFER, Kind.OTHER]
    assert len(talk) == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [(227, Kind.PASV), (229, Kind.EPSV), (234, Kind.AUTH), (226, Kind.TRANSFER), (426, Kind.TRANSFER)],
)
def test_back_in_step_after_commands_that_nobody_answered(code, kind):
    """A code that fits one kind only is the answer to that, and what stood before it is given up."""
    talk = dialogue(Kind.OTHER, Kind.OTHER, kind, Kind.OTHER)
    assert answered(talk, code, 200) == [kind, Kind.OTHER]


@pytest.mark.parametrize("kind", [Kind.PASV, Kind.EPSV, Kind.AUTH])
def test_an_extra_reply_is_nobodys(kind):
    """A positive reply that cannot be meant for the oldest command leaves it waiting; a negative one can be."""
    assert answered(dialogue(kind), 226, 200, 500) == [None, None, kind]


def test_a_transfer_begins():
    """With its preliminary reply, which is that of the first one pending."""
    talk = dialogue(Kind.OTHER, Kind.TRANSFER, Kind.TRANSFER)
    talk.begins()
    talk.answered(talk.find(Reply(200)))
    first = talk.find(Reply(226))
    talk.answered(first)
    assert (first.began, talk.find(Reply(226)).began) == (True, False)
    dialogue(Kind.OTHER).begins()


def test_our_answers_come_due_in_their_turn():
    """Each once, when all before it is answered."""
    talk = dialogue(Kind.OTHER)
    talk.sent(Pending(Kind.OURS, text=b"one\r\n"))
    talk.sent(Pending(Kind.OURS, text=b"two\r\n"))
    talk.sent(Pending(Kind.TRANSFER))
    talk.sent(Pending(Kind.OURS, text=b"three\r\n"))
    said = [talk.due()]
    for code in (200, 226):
        talk.answered(talk.find(Reply(code)))
        said += [talk.due(), talk.due()]
    assert said == [b"", b"one\r\ntwo\r\n", b"", b"three\r\n", b""]


def test_our_answers_survive_a_step():
    """Passed over because the server left a command before it unanswered, ours is due all the same."""
    talk = dialogue(Kind.OTHER)
    talk.sent(Pending(Kind.OURS, text=b"ours\r\n"))
    talk.sent(Pending(Kind.PASV))
    assert answered(talk, 227) == [Kind.PASV]
    assert talk.due() == b"ours\r\n"


def test_waiting_commands_are_bounded():
    """The greeting counts."""
    talk = Dialogue()
    for _ in range(MAX_PENDING - 1):
        talk.sent(Pending(Kind.PASV))
    with pytest.raises(TooManyCommands, match="256 commands"):
        talk.sent(Pending(Kind.OTHER))
    assert len(talk) == MAX_PENDING


def test_nobody_is_that_patient():
    """What means nothing to us is bounded, too, far above what keeps a session alive in a long transfer."""
    talk = dialogue(*[Kind.OTHER] * MAX_UNANSWERED)
    with pytest.raises(TooManyCommands, match="4096 commands"):
        talk.sent(Pending(Kind.OTHER))


def test_commands_of_no_interest_are_only_counted():
    """However many a client sends during a transfer, each takes its answer, and they take no room."""
    talk = dialogue(Kind.TRANSFER, *[Kind.OTHER] * 4000, Kind.PASV)
    assert len(talk) == 3
    assert answered(talk, 226, *[200] * 4000, 227) == [Kind.TRANSFER, *[Kind.OTHER] * 4000, Kind.PASV]
    assert answered(dialogue(Kind.OTHER, Kind.OTHER), 200, 200, 200) == [Kind.OTHER, Kind.OTHER, None]
    talk = dialogue(*[Kind.OTHER] * 5, Kind.PASV)
    assert answered(talk, 227, 200) == [Kind.PASV, None]
