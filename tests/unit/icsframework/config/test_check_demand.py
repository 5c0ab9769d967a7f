"""Remarks about dialling on demand."""

import pytest

LAN = "lans: [{name: home, interface: eth1}]\n"


@pytest.fixture
def warned(load_text):
    """What is said of one uplink with these keys (and nothing else may be wrong): key and message, without the advice."""

    def look(keys, rest=""):
        result = load_text(f"{LAN}uplinks:\n- {{plugin: ethernet, interface: eth0, {keys}}}\n{rest}")
        assert result.errors == ()
        return [
            str(one).split(": ", 1)[1].split("; ")[0].removeprefix("uplinks[0].") for one in result.warnings
        ]

    return look


def test_a_usual_modem_gets_no_remark(warned):
    """Everything that dialling on demand knows, in sensible amounts."""
    assert (
        warned(
            "connect: demand, demand: {idle: 5m, hold: 60s, min_up: 2m, ignore: [ntp], hours: '06:00-23:00'}, "
            "limits: {time: 2h/day, data: 500MB/month, dials: 20/hour, money: 10/month, price: 0.02}, "
            "wake: [{name: '*.telemetry.example', action: ignore}, {client: gateway, port: 25}], keep: [{port: 993}]"
        )
        == []
    )


def test_what_is_for_traffic_has_no_effect_on_an_uplink_that_it_does_not_dial(warned):
    """Hours and limits have: they are for every uplink."""
    assert warned(
        "demand: {idle: 5m, hold: 60s, min_up: 1m, ignore: ntp, hours: '06:00-23:00'}, limits: {data: 1GB/day}, "
        "wake: [{port: 80}], keep: [{port: 80}]"
    ) == [
        f"{key}: has no effect: connect is always, so traffic does not dial it"
        for key in ("demand.idle", "demand.hold", "demand.min_up", "demand.ignore", "wake", "keep")
    ]


def test_a_link_that_is_dialled_by_hand_is_hung_up_for_quiet_only_if_the_file_says_so(warned):
    """Then what keeps it up means something; what wakes it never does."""
    by_hand = "connect is manual, so it is hung up by command"
    assert warned("connect: manual, demand: {min_up: 1m, ignore: ntp}, keep: [{port: 80}]") == [
        f"demand.min_up: has no effect: {by_hand}",
        f"demand.ignore: has no effect: {by_hand}",
        f"keep: has no effect: {by_hand}",
    ]
    assert warned(
        "connect: manual, demand: {idle: 5m, min_up: 1m, hold: 9s}, wake: [{port: 80}], keep: [{port: 80}]"
    ) == [
        "demand.hold: has no effect: connect is manual, so traffic does not dial it",
        "wake: has no effect: connect is manual, so traffic does not dial it",
    ]


def test_a_link_that_is_never_hung_up_has_nothing_that_keeps_it(warned):
    """`idle: 0` is never."""
    assert warned("connect: demand, demand: {idle: 0, min_up: 1m}, keep: [{port: 80}]") == [
        "demand.min_up: has no effect: demand.idle is 0, so it is never hung up for quiet",
        "keep: has no effect: demand.idle is 0, so it is never hung up for quiet",
    ]


def test_times_that_are_too_short(warned):
    """Quiet that every reader makes, and a wait that no link is up for."""
    assert warned("connect: demand, demand: {idle: 9s, hold: 4s}") == [
        "demand.idle: 9s of quiet are soon over: it will be dialled again and again",
        "demand.hold: hardly a link comes up within 4s: the first packets are lost",
    ]
    assert warned("connect: demand, demand: {idle: 10s, hold: 5s}") == []


def test_limits_that_nothing_fits_in(warned):
    """Not even one charge unit."""
    assert warned("limits: {dials: 0/day, time: [2h/day, 0s/month], money: 0.01/day, price: 0.02}") == [
        "limits.dials: allows nothing: the uplink will never connect",
        "limits.time[1]: allows nothing: the uplink will never connect",
        "limits.money: allows less than one charge unit costs (0.02): the uplink will never connect",
    ]


def test_limits_that_are_never_reached(warned):
    """More time than the longest period has, and the larger of two amounts for the same one."""
    assert warned("limits: {time: [1h/hour, 25h/day, 745h/month], data: [1GB/day, 2GB/day, 9GB/month]}") == [
        "limits.time[0]: is never reached: no hour is longer",
        "limits.time[1]: is never reached: no day is longer",
        "limits.time[2]: is never reached: no month is longer",
        "limits.data[1]: is never reached: another amount for the same day is less",
    ]
    assert warned("limits: {time: [59m/hour, 24h/day, 744h/month], dials: [3/hour, 3/hour]}") == []


def test_one_device_carries_one_link(warned):
    """Two entries for one modem take turns; one that is not enabled does not count."""
    other = (
        "- {plugin: dialup, name: a, device: /dev/ttyS0}\n- {plugin: dialup, name: b, device: /dev/ttyS0%s}\n"
    )
    assert warned("name: cable", other % "") == [
        "uplinks[2].device: /dev/ttyS0 is also that of uplinks[1]: only one of them can be connected at a time"
    ]
    assert warned("name: cable", other % ", enabled: false") == []


def test_an_entry_that_is_not_used_gets_no_remarks(warned):
    """It does nothing as it is."""
    assert warned("enabled: false, wake: [{port: 80}], limits: {dials: 0/day}") == []
