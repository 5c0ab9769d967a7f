"""A helper whose sessions pass everything on: ``plugin: passing_helper:factory``.

A client that says ``WHO`` and a line's end is told what the session knows of its flow, in one line of JSON.
"""

import json
from typing import Literal

from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from icsframework.fields import NatHelperConfig
from icsframework.interfaces import API_VERSION, INatHelper, INatHelperFactory, ISession
from icsframework.values import Applied, Readiness, Send, Side, StreamProxy


class PassingConfig(NatHelperConfig):
    port: int
    """The port whose connections pass through it."""
    direction: Literal["outbound", "inbound"] = "outbound"
    """Whether clients or servers are behind the gateway."""


@implementer(ISession)
class PassingSession:
    def __init__(self, flow):
        self.flow = flow

    def received(self, side, data, now):
        if side is Side.CLIENT and data == b"WHO\n":
            names = ("client", "server", "outside", "uplink", "direction")
            told = {name: str(getattr(self.flow, name)) for name in names}
            return [Send(Side.CLIENT, json.dumps(told).encode() + b"\n")]
        return [Send(side.other, data)]

    def opened(self, token, result, now):
        return []

    def closed(self, side, now):
        return []

    def timeout(self, now):
        return []

    def deadline(self):
        return None


@implementer(INatHelper)
class PassingHelper(Service):
    def __init__(self, config):
        self.config = config

    def attachments(self):
        return (StreamProxy((self.config.port,), PassingSession, self.config.direction),)

    def reconfigure(self, new):
        self.config = new
        return succeed(Applied())


@implementer(INatHelperFactory)
class PassingFactory:
    api_version = API_VERSION
    Config = PassingConfig

    def prepare(self, config, system):
        return Readiness.ready()

    def create(self, config, gateway):
        return PassingHelper(config)


factory = PassingFactory()
