"""Factories: the name of each says what is wrong with it."""

from acme_broken import sessions
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from icsframework.fields import NatHelperConfig, Port
from icsframework.interfaces import API_VERSION, INatHelper, INatHelperFactory
from icsframework.values import Applied, Readiness, StreamProxy


class BrokenConfig(NatHelperConfig):
    """One key."""

    port: Port = 7000
    """Where its sessions are."""


@implementer(INatHelper)
class Helper(Service):
    """Whole; the factories put in what is broken."""

    def __init__(self, config, session, broken):
        self.config, self.session, self.broken = config, session, broken

    def startService(self):
        Service.startService(self)
        return self.may("start", None)

    def stopService(self):
        Service.stopService(self)
        return self.may("stop", succeed(None))

    def reconfigure(self, new):
        answer = self.may("reconfigure", succeed(Applied()))
        self.config = new
        return answer

    def attachments(self):
        return self.may("attachments", [StreamProxy((self.config.port,), self.session)])

    def may(self, call, answer):
        """What is to be answered, unless this call is the broken one."""
        if call not in self.broken:
            return answer
        if isinstance(self.broken[call], Exception):
            raise self.broken[call]
        return self.broken[call]


@implementer(INatHelperFactory)
class Factory:
    """``broken``: a call to what comes of it."""

    def __init__(self, session=sessions.Relay, api_version=API_VERSION, config=BrokenConfig, **broken):
        self.api_version, self.Config = api_version, config
        self.session, self.broken = session, broken

    def prepare(self, config, system):
        if isinstance(self.broken.get("prepare"), Exception):
            raise self.broken["prepare"]
        return self.broken.get("prepare", Readiness.ready())

    def create(self, config, gateway):
        if isinstance(self.broken.get("create"), Exception):
            raise self.broken["create"]
        return self.broken.get("create") or Helper(config, self.session, self.broken)


class NoFactory:
    """Says which version it is of, and has nothing else."""

    api_version = API_VERSION


a_class = Factory
no_factory = NoFactory()
wrong_version = Factory(api_version=99)
no_model = Factory(config=dict)
prepare_raises = Factory(prepare=sessions.Defect("prepare has a bug"))
prepare_talks = Factory(prepare="ready")
create_raises = Factory(create=sessions.Defect("create has a bug"))
create_talks = Factory(create=object())
start_raises = Factory(start=sessions.Defect("start has a bug"))
attachments_raise = Factory(attachments=sessions.Defect("attachments have a bug"))
attachments_talk = Factory(attachments=["port 7000"])
stop_raises = Factory(stop=sessions.Defect("stop has a bug"))
stop_hangs = Factory(stop=Deferred())
reconfigure_raises = Factory(reconfigure=sessions.Defect("reconfigure has a bug"))

session_raises = Factory(sessions.Raises)
session_talks = Factory(sessions.Talks)
session_floods = Factory(sessions.Floods)
session_misses = Factory(sessions.Misses)
session_forgets = Factory(sessions.Forgets)
session_none = Factory(sessions.no_session)
session_unborn = Factory(sessions.unborn)
