"""The test kit for plugin authors: fakes of every contract, recording what is done with them.

contract     does a plugin keep its contract?  (check_plugin, PluginContract)
transcript   a conversation through a NAT helper as a text, compared as a whole (check_transcript)
sessions     conversations as values, which a helper ships for the generic tests
flows        control connections for both: from behind the gateway, to a published service
gateway      FakeGateway, the IGateway of a test; host, store, uplink, lan, helper are its parts and its plugins
registry     a registry of factories without entry points

The other modules are what these are made of.
"""
