"""The JSON API of the daemon, its rights, and the client that the ``ics`` command uses."""
