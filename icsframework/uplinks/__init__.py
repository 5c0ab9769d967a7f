"""Which link should be up and why (policy), and the shell that carries it out (supervisor)."""
