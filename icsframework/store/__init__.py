"""Durable memory: journals of records and small snapshots, each safe against power loss once it is acknowledged."""

__all__: list[str] = []
