"""Any bytes: the DHCP codec reads them or raises WireError, and what it read it can write."""

from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.frame import FrameBuilder, parse_frame
from icsframework.protocols.dhcp.message import LARGEST_SENT, Message

u32 = st.integers(0, 2**32 - 1)
messages = st.builds(
    Message,
    op=st.sampled_from([1, 2]),
    xid=u32,
    chaddr=st.binary(max_size=16),
    options=st.dictionaries(
        st.integers(1, 254).filter(lambda code: code != options.OPTION_OVERLOAD),
        st.binary(max_size=300),
        max_size=3,
    ),
    flags=st.integers(0, 0xFFFF),
    ciaddr=u32,
    yiaddr=u32,
    siaddr=u32,
    giaddr=u32,
    secs=st.integers(0, 0xFFFF),
    hops=st.integers(0, 255),
    htype=st.integers(0, 255),
    sname=st.binary(max_size=64).map(lambda b: b.rstrip(b"\0")),
    file=st.binary(max_size=128).map(lambda b: b.rstrip(b"\0")),
)
fixed_part = Message(1, 7, b"\x02" * 6).to_wire()[:240]


@given(messages)
def test_a_message_survives_the_wire(message):
    """Whatever a message holds comes back equal."""
    assert Message.from_wire(message.to_wire(LARGEST_SENT)) == message


@given(st.binary(max_size=600) | st.binary(max_size=400).map(lambda tail: fixed_part + tail))
def test_any_bytes_are_a_message_or_an_error(data):
    """Nothing but WireError comes out of reading; every option's own reader is as strict."""
    try:
        message = Message.from_wire(data)
    except WireError:
        return
    assert message.max_size >= 548
    for code, value in message.options.items():
        try:
            options.kind_of(code).shape.parse(value)
        except WireError:
            pass


@given(st.sampled_from(sorted(options.KINDS)), st.binary(max_size=80))
def test_an_option_that_reads_writes_the_same_value(code, value):
    """Reading what was written from a read value gives that value again."""
    shape = options.KINDS[code].shape
    try:
        read = shape.parse(value)
    except WireError:
        return
    if shape is not options.DOMAINS or all(label for name in read for label in name.split(".")):
        assert shape.parse(shape.pack(read)) == read


@given(st.binary(max_size=120), st.binary(min_size=6, max_size=6), u32, st.binary(max_size=100))
def test_any_frame_is_a_datagram_or_an_error(noise, mac, address, payload):
    """Random frames raise WireError; a built one reads back."""
    try:
        parse_frame(noise)
    except WireError:
        pass
    frame = FrameBuilder(mac, address, 67, 68).build(mac, address, payload)
    assert parse_frame(frame).payload == payload
    assert parse_frame(frame).source == address
