# -*- test-case-name: tests.jmap.test_mail -*-
"""
The types of method arguments (RFC 8620, section 1). Each function gives a value back, or raises
L{MethodError}, C{invalidArguments}, with the name of the argument.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from txjmapaccess.jmap.errors import invalidArguments


def string(value: Any, name: str) -> str:
    """
    A String or an Id.
    """
    if isinstance(value, str):
        return value
    raise invalidArguments(f"{name} is not a string")


def strings(value: Any, name: str) -> list[str]:
    """
    A list of Strings or Ids.
    """
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return value
    raise invalidArguments(f"{name} is not a list of strings")


def boolean(value: Any, name: str) -> bool:
    """
    A Boolean.
    """
    if isinstance(value, bool):
        return value
    raise invalidArguments(f"{name} must be true or false")


def integer(value: Any, name: str) -> int:
    """
    An Int.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise invalidArguments(f"{name} is not a number")


def unsigned(value: Any, name: str) -> int:
    """
    An UnsignedInt.
    """
    if integer(value, name) >= 0:
        return int(value)
    raise invalidArguments(f"{name} is negative")


def checkNames(names: Iterable[str], known: Container[str], kind: str) -> None:
    """
    @param kind: what the names are of: C{"property"}, C{"argument"}.

    @raise MethodError: C{invalidArguments} for a name that is not C{known}.
    """
    for name in names:
        if name not in known:
            raise invalidArguments(f"unknown {kind} {name}")
