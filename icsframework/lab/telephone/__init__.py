"""The lab's telephone network: a modem on a pseudo-terminal, a line with its faults, and who answers at the other end."""
