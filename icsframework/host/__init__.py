"""The only modules that touch the machine: links, routes, sysctls, sockets, TUN devices, processes."""
