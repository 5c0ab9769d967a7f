"""Ways to the Internet."""
