# -*- test-case-name: tests.test_settings -*-
"""
Tables of settings: from TOML values, strcred arguments or keyword arguments to a frozen dataclass.

The fields of the dataclass are the keys; their annotations are the types: L{str}, L{bool},
L{int}, L{float}, C{tuple[str, ...]}, and each of them C{| None}. A field without a default is
required. What the types cannot say, C{__post_init__} of the dataclass checks, with L{problem}.

Every error is a L{ConfigurationError} whose text is one sentence that names the key.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from txjmapaccess.errors import ConfigurationError

_T = TypeVar("_T")

_NAMES: dict[object, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple[str, ...]: "a list of strings",
}


def problem(key: str, sentence: str) -> ConfigurationError:
    """
    @return: the exception to raise: C{key}, and what is wrong with its value.
    """
    return ConfigurationError(f"{key} {sentence}")


def fromMapping(cls: type[_T], values: Mapping[str, Any], where: str = "") -> _T:
    """
    Build C{cls} from values that have their types already (TOML, keyword arguments).

    @param where: what to put before a key in an error: C{"[ldap] "}.

    @raise ConfigurationError: for an unknown key, a missing one, a value of the wrong type, and
        whatever C{cls} itself objects to.
    """
    types = _types(cls)
    for key in values:
        if key not in types:
            raise ConfigurationError(f"{where}{key}: unknown key{suggestion(key, types)}")
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if _isRequired(field) and field.name not in values:
            raise ConfigurationError(f"{where}{field.name} is missing")
    mayBeNone = _mayBeNone(cls)
    converted = {
        key: None
        if value is None and key in mayBeNone
        else _checked(value, types[key], where + key)
        for key, value in values.items()
    }
    try:
        return cls(**converted)
    except ConfigurationError as e:
        raise ConfigurationError(f"{where}{e}") from None


def fromArguments(cls: type[_T], argstring: str) -> _T:
    """
    Build C{cls} from the argument string of a plugin: C{key=value} separated by C{:}, with a
    C{:} or C{\\} in a value escaped by C{\\}, as in endpoint strings; members of a list are
    separated by commas.

    @raise ConfigurationError: see L{fromMapping}.
    """
    types = _types(cls)
    values: dict[str, Any] = {}
    for argument in _split(argstring):
        key, equals, text = argument.partition("=")
        if not equals:
            # Not the argument itself: it may be a secret in the wrong place.
            raise ConfigurationError("an argument does not have the form key=value")
        if key in values:
            raise problem(key, "is set twice")
        values[key] = _parsed(text, types[key], key) if key in types else text
    return fromMapping(cls, values)


def _split(argstring: str) -> list[str]:
    if not argstring:
        return []
    fields = re.findall(r"(?:[^:\\]|\\.?)*", argstring)
    # findall gives an empty match at the end of every non-empty one.
    pieces = [f for f in fields if f]
    return [re.sub(r"\\(.)", r"\1", piece) for piece in pieces]


def _types(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {f.name: _withoutNone(hints[f.name]) for f in dataclasses.fields(cls) if f.init}


def _mayBeNone(cls: type) -> set[str]:
    hints = get_type_hints(cls)
    return {name for name, hint in hints.items() if type(None) in getattr(hint, "__args__", ())}


def _withoutNone(hint: Any) -> Any:
    members = [a for a in getattr(hint, "__args__", ()) if a is not type(None)]
    isOptional = type(None) in getattr(hint, "__args__", ())
    return members[0] if isOptional else hint


def _isRequired(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def suggestion(key: str, known: Mapping[str, Any]) -> str:
    """
    @return: the end of a sentence about an unknown C{key}: the known one that looks like it.
    """
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _checked(value: Any, wanted: Any, name: str) -> Any:
    if wanted == tuple[str, ...] and isinstance(value, (list, tuple)):
        if all(isinstance(member, str) for member in value):
            return tuple(value)
    elif wanted is float and isinstance(value, int) and not isinstance(value, bool):
        # Whole numbers of TOML may be larger than any float.
        with contextlib.suppress(OverflowError):
            return float(value)
    elif wanted is int and isinstance(value, bool):
        pass
    elif wanted in (str, bool, int, float) and isinstance(value, wanted):
        return value
    raise ConfigurationError(f"{name} must be {_NAMES[wanted]}")


def _parsed(text: str, wanted: Any, name: str) -> Any:
    if wanted is bool:
        if text not in ("true", "false"):
            raise ConfigurationError(f"{name} must be true or false")
        return text == "true"
    if wanted in (int, float):
        try:
            return wanted(text)
        except ValueError:
            raise ConfigurationError(f"{name} must be {_NAMES[wanted]}") from None
    if wanted == tuple[str, ...]:
        return tuple(member for member in text.split(",") if member)
    return text
