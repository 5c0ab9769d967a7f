"""The parts of a file."""

from icsframework.config.lans import LanSection, ServiceSection
from icsframework.config.parts import LanPart
from icsframework.config.plugins import Entry
from icsframework.config.reading import Part
from icsframework.fields import LanServiceConfig


def test_a_lan_is_complete_with_its_services():
    """Only if nothing is wrong with it or with any of them."""
    lan = Part(("lans", 0), LanSection(name="home", interface="eth1"))
    good = Entry("lan_service", Part((), ServiceSection(plugin="dhcp")), Part((), LanServiceConfig()))
    bad = Entry("lan_service", Part((), ServiceSection(plugin="dhcp")), Part((), None))
    complete = LanPart(lan, (good,)).complete
    assert (complete.name, [service.own for service in complete.services]) == ("home", [LanServiceConfig()])
    assert LanPart(lan, (good, bad)).complete is None
    assert LanPart(Part((), lan.value, frozenset({"users"})), (good,)).complete is None
