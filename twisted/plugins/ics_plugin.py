"""Lets twistd list and run ``ics``; names the module by string, so that listing imports nothing of ours."""

from twisted.application.service import ServiceMaker

ics = ServiceMaker(
    "ics", "icsframework.tap", "An Internet gateway for the network behind this machine", "ics"
)
