"""What ``ics connect`` writes, character by character."""

from icsframework.control.progress import Progress


def test_lines_for_a_file() -> None:
    """Each stage once, as it begins, with the seconds since the connect began; the end says what it took in all."""
    progress = Progress("modem", None)
    written = [
        progress.stage("initialising", 10.0),
        progress.stage("calling 123", 12.25),
        progress.stage("calling 123", 13.0),
        progress.tick(14.0, None),
        progress.up("up: 10.0.0.2/32 on icsu-modem", 40.0),
    ]
    assert written == [
        "    0.0 s  modem: initialising\n",
        "    2.2 s  modem: calling 123\n",
        "",
        "",
        "up: 10.0.0.2/32 on icsu-modem (30.0 s)\n",
    ]


def test_one_line_of_a_terminal() -> None:
    """Written over itself, with blanks for what was longer, and replaced by the sentence at the end."""
    progress = Progress("modem", 80)
    written = [
        progress.stage("initialising", 10.0),
        progress.tick(12.6, 80),
        progress.tick(12.9, 80),
        progress.stage("dial", 13.0),
        progress.up("up: eth0", 14.0),
    ]
    assert written == [
        "\rmodem: initialising 0 s",
        "\rmodem: initialising 3 s",
        "",
        "\rmodem: dial 0 s        ",
        "\rup: eth0 (4.0 s)\n",
    ]


def test_a_narrow_terminal_and_one_that_is_made_narrower() -> None:
    """The line never reaches the edge, nor do the blanks; the seconds stay."""
    progress = Progress("modem", 20)
    assert progress.stage("calling 5551234567", 0.0) == "\rmodem: calling  0 s"
    assert progress.tick(1.0, 12) == "\rmodem:  1 s"
    assert progress.tick(1.0, 3) == "\r 1"
    assert all(len(progress.tick(99999.0, columns)) <= columns for columns in range(1, 40))


def test_a_connect_that_is_joined_counts_from_its_own_beginning() -> None:
    """Both the stage and the whole."""
    progress = Progress("modem", None)
    assert progress.stage("calling 123", 100.0, since=90.0, began=80.0) == "   10.0 s  modem: calling 123\n"
    assert progress.up("up: x", 101.0) == "up: x (21.0 s)\n"
    shown = Progress("modem", 80)
    assert shown.stage("calling 123", 100.0, since=90.0, began=80.0) == "\rmodem: calling 123 10 s"


def test_what_was_up_already_took_no_time() -> None:
    """Only the sentence."""
    for columns in (None, 80):
        progress = Progress("modem", columns)
        assert (progress.tick(1.0, columns), progress.stopped()) == ("", "")
        assert progress.up("up: x", 5.0) == "up: x\n"


def test_how_far_it_came_stays() -> None:
    """The error that follows begins a line of its own."""
    progress = Progress("modem", 80)
    progress.stage("authenticating", 0.0)
    assert (progress.stopped(), progress.stopped()) == ("\n", "")
    assert Progress("modem", None).stopped() == ""


def test_no_codes_of_a_peer_reach_the_terminal() -> None:
    """What a stage says may come from outside."""
    assert Progress("modem", None).stage("\x1b[2Jx\r\n", 0.0) == "    0.0 s  modem: ?[2Jx??\n"
