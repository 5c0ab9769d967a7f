"""A whole Internet in network namespaces: what `ics lab`, `make demo` and the namespaced tests stand on.

Theory.  Every host of a lab is a set of kernel namespaces (network, mount,
process, host name) held open by one small process.  That process reads its
standard input and ends when it sees the end of it; it is also process 1 of its
host, so the kernel ends every other process of the host with it.  Whatever
happens to the program that built the lab, `kill -9` included, the pipe closes
and nothing is left.  Wires are veth pairs made directly between a host and the
switch (a host of its own with one bridge a segment), so nothing ever shows in
the network of the machine.

The modules, from the ground up: spec (what a lab is), namespace (enter one),
privilege (root, or a user namespace), host (run things in it), wires (links and
addresses), daemon (programs that stay), clients (DHCP, DNS and HTTP as a PC
does them), capture, snapshot, isp (the provider's servers: zone, dns_server, web_server), gateway
(the real daemon), world (all of it together), demo and command.
"""
