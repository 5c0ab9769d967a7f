"""The running gateway: what puts the rooms together, and what each plugin sees of it."""
