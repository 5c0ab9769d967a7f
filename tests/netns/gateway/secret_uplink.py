"""A stranger's uplink that has a password: `plugin: secret_uplink:factory`.  It never connects."""

from icsframework.fields import Secret
from icsframework.testing.uplink import ScriptedUplinkConfig, ScriptedUplinkFactory


class SecretUplinkConfig(ScriptedUplinkConfig):
    """With a password."""

    password: Secret
    """Whatever its provider wants."""


class SecretUplinkFactory(ScriptedUplinkFactory):
    """Makes a ScriptedUplink that was given a password."""

    Config = SecretUplinkConfig


factory = SecretUplinkFactory()
