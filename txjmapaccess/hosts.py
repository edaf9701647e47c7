# -*- test-case-name: tests.test_hosts -*-
"""
Hosts of URLs, as the resolver and TLS accept them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import idna


def isAddress(host: str) -> bool:
    """
    @return: whether C{host} is an IP address, and not a name.
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def addressOf(host: str) -> IPv4Address | IPv6Address | None:
    """
    @return: the address of a peer, without a zone, and IPv4 if it is mapped; L{None} for a name.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def isIn(networks: Iterable[Any], host: str) -> bool:
    """
    @param networks: of L{ipaddress}.

    @return: whether C{host} is an address in one of them, see L{addressOf}.
    """
    ip = addressOf(host)
    return ip is not None and any(ip.version == n.version and ip in n for n in networks)


def checkedHost(host: str, inBrackets: bool) -> str:
    """
    @param host: the host of a URL, without brackets.
    @param inBrackets: whether it was in brackets, as only IPv6 addresses are.

    @return: an address, or a name as TLS and the resolver accept it: ASCII, without a final dot.

    @raise ValueError: for a host that the resolver or TLS always refuses.
    """
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if inBrackets != (address is not None and address.version == 6) or "%" in host:
        raise ValueError("not an IPv6 address, or link-local")
    if address is not None:
        return host
    # As Twisted does it for endpoints and TLS (IDNA 2008); raises a ValueError.
    name = idna.encode(host).decode("ascii").removesuffix(".")
    if not name:
        raise ValueError("the root")
    if name.rpartition(".")[2].isdigit():
        raise ValueError("a mistyped address")
    return name
