# -*- test-case-name: tests.jmap.test_resultreferences -*-
"""
References to the results of earlier method calls (RFC 8620, section 3.7). Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from txjmapaccess.jmap.errors import MethodError, invalidArguments

#: A method response: name, arguments, method call id.
MethodResponse = tuple[str, dict[str, Any], str]

#: How much data the references of one call may resolve to: characters of strings, plus the number
#: of values. Without a limit, echoes of echoes double the response with every call.
MOST = 250_000

_INDEX = re.compile(r"(0|[1-9][0-9]{0,8})\Z")


def resolve(arguments: dict[str, Any], responses: Sequence[MethodResponse]) -> dict[str, Any]:
    """
    @return: C{arguments} with the value of each reference in its place.

    @raise MethodError: C{invalidArguments} for an argument in both forms,
        C{invalidResultReference} if a reference fails to resolve.
    """
    if not any(name.startswith("#") for name in arguments):
        return arguments
    resolved: dict[str, Any] = {}
    left = MOST
    for name, value in arguments.items():
        if name.startswith("#"):
            name = name[1:]
            if name in arguments:
                raise invalidArguments(f"{name} is set twice")
            value = _resolveOne(value, responses)
            left = _weigh(value, left)
        resolved[name] = value
    return resolved


def _failed(description: str) -> MethodError:
    return MethodError("invalidResultReference", description)


def _resolveOne(reference: Any, responses: Sequence[MethodResponse]) -> Any:
    fields = ("resultOf", "name", "path")
    if not isinstance(reference, dict) or not all(
        isinstance(reference.get(field), str) for field in fields
    ):
        raise invalidArguments("a result reference has resultOf, name and path")
    resultOf, name, path = (reference[field] for field in fields)
    found = next((response for response in responses if response[2] == resultOf), None)
    if found is None or found[0] != name:
        raise _failed("there is no such response")
    if path and not path.startswith("/"):
        raise _failed("the path does not start with a slash")
    return evaluate(found[1], path.split("/")[1:])


def evaluate(value: Any, tokens: Sequence[str]) -> Any:
    """
    Apply a JSON pointer (RFC 6901, section 4) in which C{*} means every item of an array.

    @raise MethodError: C{invalidResultReference} if it matches nothing.
    """
    for position, token in enumerate(tokens):
        if isinstance(value, list) and token == "*":
            results = [evaluate(item, tokens[position + 1 :]) for item in value]
            lists = [each if isinstance(each, list) else [each] for each in results]
            return [member for each in lists for member in each]
        value = _step(value, token.replace("~1", "/").replace("~0", "~"))
    return value


def _step(value: Any, token: str) -> Any:
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and _INDEX.match(token) and int(token) < len(value):
        return value[int(token)]
    raise _failed("the path matches nothing")


def _weigh(value: Any, left: int) -> int:
    """
    @return: C{left} without the size of C{value}.
    """
    left -= len(value) + 1 if isinstance(value, str) else 1
    if left < 0:
        raise _failed("the references resolve to too much data")
    if isinstance(value, dict):
        for key, member in value.items():
            left = _weigh(member, left - len(key))
    elif isinstance(value, list):
        for member in value:
            left = _weigh(member, left)
    return left
