"""The only place that knows the bits of the packet mark.

``gateway.mark`` names the bits of the 32-bit packet mark (and of the connection
mark) that are ours, at least eight in one run.  From the lowest bit up::

    5 bits   uplink    1..31, the index of the uplink a flow belongs to; 0 for none
    1 bit    offload   the flow is carried by another data path than this one
    1 bit    trigger   (connection) the flow keeps the ports open that it triggered
    1 bit    inside    (connection) the flow does not leave by an uplink: with an index it goes
                       to an address of that uplink and back inside (hairpin), with none it is
                       the inside leg of a proxied flow, which has the outside client's address
                       (packet) it is for the gateway itself, whatever its address
    (more)   unused, left at 0

Nothing here touches the bits of other programs: every change is ``& ~ours | value``.
"""

from collections.abc import Iterable, Mapping

from icsframework.errors import ConfigurationError
from icsframework.frozen import dataclass

DEFAULT_MASK = 0x00FF0000
"""gateway.mark when the configuration does not say."""

MARK_BITS = 8
"""How many contiguous bits we need at least."""

UPLINK_BITS = 5
MAX_UPLINKS = (1 << UPLINK_BITS) - 1
"""Most uplinks one gateway can have: what the field of five bits tells apart, 0 being none."""

_ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Marks:
    """The layout of our bits in ``mask``; ConfigurationError if the mask cannot hold it."""

    mask: int = DEFAULT_MASK

    def __post_init__(self) -> None:
        run = self.mask >> self.shift if self.mask else 0
        if not 0 < self.mask <= _ALL or run & (run + 1) or run.bit_length() < MARK_BITS:
            raise ConfigurationError(
                f"gateway.mark: {self.mask:#010x} does not name at least {MARK_BITS} neighbouring bits "
                f"of 32; write for example {DEFAULT_MASK:#010x}."
            )

    @property
    def shift(self) -> int:
        """Position of our lowest bit."""
        return (self.mask & -self.mask).bit_length() - 1

    @property
    def uplink_mask(self) -> int:
        """The bits of the uplink field."""
        return MAX_UPLINKS << self.shift

    @property
    def offload(self) -> int:
        """The bit that says: another data path carries this flow."""
        return 1 << (self.shift + UPLINK_BITS)

    @property
    def trigger(self) -> int:
        """The bit of the connection mark that says: traffic of this flow keeps a port trigger alive."""
        return 1 << (self.shift + UPLINK_BITS + 1)

    @property
    def inside(self) -> int:
        """The bit of flows that an uplink has to do with, but that stay inside; of packets for the gateway itself."""
        return 1 << (self.shift + UPLINK_BITS + 2)

    def uplink_mark(self, index: int) -> int:
        """The mark of the uplink with this index (1..31), shifted: the value for SO_MARK, ip rules and map keys."""
        if not 1 <= index <= MAX_UPLINKS:
            raise ValueError(f"uplink index {index} is not in 1..{MAX_UPLINKS}")
        return index << self.shift

    def uplink_index(self, mark: int) -> int:
        """The uplink's index in a packet or connection mark, 0 for none."""
        return (mark & self.uplink_mask) >> self.shift

    # --- nft text -----------------------------------------------------------------------

    def key(self, source: str = "ct") -> str:
        """The uplink field of the connection mark (``meta`` for the packet's) as an nft expression: the first part of map keys."""
        return f"{source} mark & {self.uplink_mask:#010x}"

    def way(self) -> str:
        """Uplink field and ``inside`` bit of the connection mark: an uplink's mark here means that packets go its way."""
        return f"ct mark & {self.uplink_mask | self.inside:#010x}"

    def set_way(self, index: int = 0, inside: bool = False) -> str:
        """nft statement that sets both, leaving all other bits; without arguments it clears them."""
        value = (index << self.shift) | (self.inside if inside else 0)
        keep = _ALL & ~(self.uplink_mask | self.inside)
        return f"ct mark set ct mark & {keep:#010x}" + (f" | {value:#010x}" if value else "")

    def set_uplink(self, index: int, target: str) -> str:
        """nft statement that puts the uplink's index into ``target`` ("ct" or "meta"), leaving all other bits as they are.

        nft 1.0 cannot combine two registers, so that copying a field from one mark
        to the other takes a statement like this per uplink, chosen by a verdict map.
        """
        keep = _ALL & ~self.uplink_mask
        return f"{target} mark set {target} mark & {keep:#010x} | {self.uplink_mark(index):#010x}"


def assign_indices(names: Iterable[str], known: Mapping[str, int] | None = None) -> dict[str, int]:
    """Give every uplink name an index; names in ``known`` keep theirs, so that running flows keep their meaning.

    Raises ConfigurationError if there are more than MAX_UPLINKS.
    """
    wanted = list(dict.fromkeys(names))
    if len(wanted) > MAX_UPLINKS:
        raise ConfigurationError(
            f"uplinks: {len(wanted)} are configured, {MAX_UPLINKS} is the most; remove some."
        )
    kept = {name: index for name, index in (known or {}).items() if name in wanted}
    free = (index for index in range(1, MAX_UPLINKS + 1) if index not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in wanted}
