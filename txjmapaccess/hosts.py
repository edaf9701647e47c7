# -*- test-case-name: tests.test_hosts -*-
"""
Hosts of URLs, as the resolver and TLS accept them.
"""

from __future__ import annotations

from ipaddress import ip_address

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
