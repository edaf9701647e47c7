# -*- test-case-name: tests.test_hosts -*-
"""
Hosts of URLs: those that the resolver and TLS will take.
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
    @param inBrackets: whether it was in them, as IPv6 addresses are and nothing else.

    @return: an address, or a name as TLS and the resolver take it: ASCII, without a dot at the end.

    @raise ValueError: for what the resolver or TLS would refuse each time.
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
