# -*- test-case-name: tests.jmap.test_standardmethods -*-
"""
The standard methods of all data types (RFC 8620, section 5): /get, /changes, /query. Pure
functions.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from txjmapaccess.jmap.argumenttypes import (
    boolean,
    checkNames,
    integer,
    string,
    strings,
    unsigned,
)
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.sessionobject import MAX_OBJECTS, stateOf


def lookUp(objects: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """
    @return: the objects for C{ids}, and the ids that are not found (section 5.1).
    """
    ids = arguments.get("ids")
    wanted = list(objects if ids is None else dict.fromkeys(strings(ids, "ids")))
    if len(wanted) > MAX_OBJECTS:
        raise MethodError("requestTooLarge")
    found = [objects[objectID] for objectID in wanted if objectID in objects]
    return found, [objectID for objectID in wanted if objectID not in objects]


def getResponse(
    objects: Mapping[str, dict[str, Any]], known: tuple[str, ...], arguments: dict[str, Any]
) -> dict[str, Any]:
    """
    /get (section 5.1).

    @param known: the properties that the objects have.
    """
    found, notFound = lookUp(objects, arguments)
    names = arguments.get("properties")
    if names is not None:
        checkNames(strings(names, "properties"), known, "property")
        known = tuple(name for name in known if name == "id" or name in names)
    chosen = [{name: each[name] for name in known} for each in found]
    return {"state": stateOf(objects), "list": chosen, "notFound": notFound}


def changesResponse(state: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    /changes (section 5.2): only that nothing has changed, because nothing is kept from one request
    to the next.
    """
    if string(arguments.get("sinceState"), "sinceState") != state:
        raise MethodError("cannotCalculateChanges")
    nothing: dict[str, list[str]] = {"created": [], "updated": [], "destroyed": []}
    return {"oldState": state, "newState": state, "hasMoreChanges": False, **nothing}


def queryResponse(ids: list[str], arguments: dict[str, Any]) -> dict[str, Any]:
    """
    /query (section 5.5).

    @param ids: all results, sorted.
    """
    return {
        "queryState": stateOf(ids),
        "canCalculateChanges": False,
        **window(ids, arguments, MAX_OBJECTS),
    }


def sortBy(
    items: list[Any], comparators: Any, known: Container[str], keyOf: Callable[[Any], Any]
) -> None:
    """
    Sort the results of /query (section 5.5).

    @param comparators: a list of Comparators or L{None}.
    @param known: the properties by which the items can be sorted.
    @param keyOf: takes a Comparator, gives a key function.

    @raise MethodError: C{invalidArguments} or C{unsupportedSort}.
    """
    if comparators is not None and not isinstance(comparators, list):
        raise invalidArguments("sort is not a list")
    keys = []
    for each in comparators or ():
        if not isinstance(each, dict) or not isinstance(each.get("property"), str):
            raise invalidArguments("a comparator has no property")
        isAscending = boolean(each.get("isAscending", True), "isAscending")
        if each["property"] not in known:
            raise MethodError("unsupportedSort")
        keys.append((keyOf(each), isAscending))
    for key, isAscending in reversed(keys):
        items.sort(key=key, reverse=not isAscending)


def window(ids: Sequence[str], arguments: dict[str, Any], most: int) -> dict[str, Any]:
    """
    @param arguments: C{position}, C{anchor}, C{anchorOffset}, C{limit}, C{calculateTotal}.
    @param most: the maximum number of ids.

    @return: C{position}, C{ids}, C{total} and C{limit} of the response.

    @raise MethodError: C{invalidArguments} or C{anchorNotFound}.
    """
    start = _start(ids, arguments)
    limit = arguments.get("limit")
    given = most if limit is None else min(unsigned(limit, "limit"), most)
    result: dict[str, Any] = {"position": start, "ids": list(ids[start : start + given])}
    if given != limit:
        result["limit"] = given
    if arguments.get("calculateTotal") is True:
        result["total"] = len(ids)
    return result


def _start(ids: Sequence[str], arguments: dict[str, Any]) -> int:
    anchor = arguments.get("anchor")
    name = "position" if anchor is None else "anchorOffset"
    offset = integer(arguments.get(name, 0), name)
    if anchor is None:
        return offset if offset >= 0 else max(0, len(ids) + offset)
    if anchor not in ids:
        raise MethodError("anchorNotFound")
    return max(0, ids.index(anchor) + offset)
