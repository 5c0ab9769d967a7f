"""The port book: who owns which external port, how it comes into the kernel, and what survives a restart."""
