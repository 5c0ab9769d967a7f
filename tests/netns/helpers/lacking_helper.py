"""A stranger's helper that wants of the kernel what no kernel has: ``plugin: lacking_helper:factory``."""

from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from icsframework.fields import NatHelperConfig
from icsframework.interfaces import API_VERSION, INatHelper, INatHelperFactory
from icsframework.values import Applied, KernelHelper, Readiness


class LackingConfig(NatHelperConfig):
    """No keys."""


@implementer(INatHelper)
class LackingHelper(Service):
    """Asks for a conntrack helper called ``telepathy``."""

    def attachments(self):
        return (KernelHelper("telepathy", "tcp", (1724,)),)

    def reconfigure(self, new):
        return succeed(Applied())


@implementer(INatHelperFactory)
class LackingFactory:
    """Makes it."""

    api_version = API_VERSION
    Config = LackingConfig

    def prepare(self, config, system):
        return Readiness.ready()

    def create(self, config, gateway):
        return LackingHelper()


factory = LackingFactory()
