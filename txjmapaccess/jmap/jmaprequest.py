# -*- test-case-name: tests.jmap.test_jmaprequest -*-
"""
The Request object (RFC 8620, section 3.3): from the octets of an HTTP body to method calls. Pure
functions, strict about I-JSON (RFC 7493) and types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

from txjmapaccess.jmap.errors import RequestError
from txjmapaccess.jmap.sessionobject import CAPABILITIES, MAX_CALLS, MAX_SIZE_REQUEST

_DEEPEST = 50


class MethodCall(NamedTuple):
    """
    One method call.
    """

    name: str
    arguments: dict[str, Any]
    callID: str


class JMAPRequest(NamedTuple):
    """
    A valid Request object.

    @ivar using: the capabilities that the client uses.
    @ivar calls: the method calls, in order.
    @ivar createdIDs: the map of creation ids, which is returned unchanged because nothing is
        created; L{None} if there was none.
    """

    using: frozenset[str]
    calls: tuple[MethodCall, ...]
    createdIDs: dict[str, str] | None


def isJSON(contentType: str | None) -> bool:
    """
    @return: whether this is the media type C{application/json}, whatever its parameters.
    """
    return (contentType or "").partition(";")[0].strip().lower() == "application/json"


def checkSize(size: int) -> None:
    """
    @param size: in octets.

    @raise RequestError: for a request that is too large.
    """
    if size > MAX_SIZE_REQUEST:
        raise RequestError(
            "limit", "The request is larger than this server accepts", limit="maxSizeRequest"
        )


def parseRequest(body: bytes) -> JMAPRequest:
    """
    @raise RequestError: see RFC 8620, section 3.6.1.
    """
    value = _parseJSON(body)
    if not isinstance(value, dict):
        raise _notRequest("it is not an object")
    using, calls = value.get("using"), value.get("methodCalls")
    if not isinstance(using, list) or not _areStrings(using):
        raise _notRequest("using is not a list of strings")
    if not isinstance(calls, list):
        raise _notRequest("methodCalls is not a list")
    request = JMAPRequest(
        frozenset(using), tuple(_call(call) for call in calls), _createdIDs(value.get("createdIds"))
    )
    if not request.using <= CAPABILITIES:
        raise RequestError("unknownCapability", "The request uses an unknown capability")
    if len(request.calls) > MAX_CALLS:
        raise RequestError(
            "limit",
            "The request has more calls than this server accepts",
            limit="maxCallsInRequest",
        )
    return request


def _notRequest(why: str) -> RequestError:
    return RequestError("notRequest", f"This is not a JMAP request: {why}")


def _call(value: Any) -> MethodCall:
    if isinstance(value, list) and len(value) == 3:
        name, arguments, callID = value
        if isinstance(name, str) and isinstance(arguments, dict) and isinstance(callID, str):
            return MethodCall(name, arguments, callID)
    raise _notRequest("a method call is not a name, an object and an id")


def _createdIDs(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, dict) and _areStrings(value.values()):
        return value
    raise _notRequest("createdIds is not a map of ids")


def _areStrings(values: Iterable[Any]) -> bool:
    return all(isinstance(member, str) for member in values)


def _parseJSON(body: bytes) -> Any:
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_uniqueKeys, parse_constant=_noConstant
        )
        _checkValue(value, _DEEPEST)
    except (ValueError, RecursionError):
        # ValueError: UnicodeDecodeError, JSONDecodeError, a number with too many digits, and ours.
        raise RequestError("notJSON", "The request is not I-JSON in UTF-8") from None
    return value


def _uniqueKeys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError("duplicate name")
        members[key] = value
    return members


def _noConstant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _checkValue(value: Any, depth: int) -> None:
    """
    @raise ValueError: for lone surrogates (RFC 7493, section 2.1), infinite numbers, and structures
        too deep for later steps.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    elif isinstance(value, list):
        for member in value:
            _checkValue(member, depth - 1)
    elif isinstance(value, dict):
        for key, member in value.items():
            key.encode("utf-8")
            _checkValue(member, depth - 1)
