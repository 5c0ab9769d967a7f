"""Tests against software that others wrote, on this machine's loopback and on socket pairs; no privilege needed."""
