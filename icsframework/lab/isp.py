"""The provider's servers as a program of its own in a host of the lab.

Run as `python -m icsframework.lab.isp FILE`; FILE is JSON: `listen` (addresses),
`dns` (null or {names, ttl}), `web` (null or {page, big, port}) and `ftp` (null
or {root, port}; only where vsftpd is not installed).  It prints "serving" when every port is open.  None of it is code of the gateway, so that
the gateway is judged by somebody else's servers.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed_reactor

from icsframework.lab.zone import Zone

__all__ = ["main"]

reactor: Any = installed_reactor


def serve_dns(listen: Sequence[str], names: dict[str, list[str]], ttl: int) -> None:
    """UDP and TCP port 53 on each address (each its own socket, so that answers leave from the address asked)."""
    from icsframework.lab import dns_server

    zone = Zone({name: tuple(texts) for name, texts in names.items()})
    factory = dns_server.ZoneFactory(zone, ttl)
    for address in listen:
        reactor.listenUDP(53, dns_server.protocol(factory), interface=address, maxPacketSize=65535)
        reactor.listenTCP(53, factory, interface=address)


def serve_web(listen: Sequence[str], page: str, big: int, port: int) -> None:
    """The web site on each address."""
    from icsframework.lab.web_server import web_site

    site = web_site(page, big)
    for address in listen:
        reactor.listenTCP(port, site, interface=address)


def serve_ftp(listen: Sequence[str], root: str, port: int) -> None:
    """Twisted's FTP server on each address."""
    from icsframework.lab.ftp_server import twisted_server

    factory = twisted_server(root)
    for address in listen:
        reactor.listenTCP(port, factory, interface=address)


def main(arguments: Sequence[str]) -> None:
    """Serve what the file named in ``arguments`` says until killed."""
    config = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if config["dns"]:
        serve_dns(config["listen"], **config["dns"])
    if config["web"]:
        serve_web(config["listen"], **config["web"])
    if config["ftp"]:
        serve_ftp(config["listen"], **config["ftp"])
    print("serving", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
