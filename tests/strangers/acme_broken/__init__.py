"""A distribution whose every plugin is broken, each in its own way.  Only tests install it, see tests/conftest.py."""
