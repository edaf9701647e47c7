# -*- test-case-name: tests.twistd.test_logs -*-
"""
Log events as lines of text, as Twisted writes them, or as lines of JSON (C{[log] format}).

Twisted's own formatter takes longer than the rest of a login. The text is the same, with three
exceptions: no character of an event can end its line or control a terminal; every character can be
encoded; and an event that cannot be formatted is not shown with all of its fields, because they may
contain secrets.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from time import gmtime, strftime
from typing import Any

from twisted.logger import formatEvent, formatTime
from twisted.python.failure import Failure

Event = dict[str, Any]

#: The fields of our own events that go into a line of JSON, see docs/observing.md. Other fields
#: come from other code.
FIELDS = (
    "event",
    "result",
    "connection",
    "address",
    "mechanism",
    "username",
    "verdict",
    "reason",
    "seconds",
    "checking",
    "limit",
    "backend",
    "server",
    "state",
)

_OURS = "txjmapaccess."
#: How Twisted's text for an event that it cannot format begins.
_UNFORMATTABLE = ("Unable to format event", "MESSAGE LOST")
#: Control characters, other line breaks, and surrogates, which have no place in UTF-8.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def textLine(event: Event) -> str | None:
    """
    @return: an event as L{twisted.logger.textFileLogObserver} writes it, see the module; L{None}
        for an empty one.
    """
    text = _text(event)
    if "log_failure" in event:
        text = f"{text}\n{_traceback(event['log_failure'])}"
    if not text:
        return None
    if not text.isprintable():
        text = _UNPRINTABLE.sub(_escaped, text).replace("\n", "\n\t")
    return f"{_time(event)} [{_system(event)}] {text}\n"


def jsonLine(event: Event) -> str | None:
    """
    @return: an event as one object of JSON (RFC 8259), in ASCII: C{time}, C{level}, C{system},
        C{text}, C{traceback} when there is one, and L{FIELDS} when the event is ours; L{None} for
        an empty one.
    """
    text = _text(event)
    if not text and "log_failure" not in event:
        return None
    line = [
        f'{{"time": {_timeUTC(event)}, "level": {_json(_level(event))}',
        f'"system": {_json(_namespace(event))}',
        f'"text": {_json(text)}',
    ]
    if "log_failure" in event:
        line.append(f'"traceback": {_json(_traceback(event["log_failure"]))}')
    if "event" in event and _namespace(event).startswith(_OURS):
        line += [f'"{name}": {_json(event[name])}' for name in FIELDS if name in event]
    return ", ".join(line) + "}\n"


def _json(value: object) -> str:
    """
    @return: C{value} in JSON; for other types only the name of the class, because the text may
        contain anything.
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        return _jsonString(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and math.isfinite(value):
        return float.__repr__(value)
    return _jsonString(type(value).__name__)


def _jsonString(text: str) -> str:
    string: str = encode_basestring_ascii(text)
    if "\\ud" in string:
        # Many parsers refuse lone surrogates.
        string = encode_basestring_ascii(_SURROGATES.sub("\ufffd", text))
    return string


def _text(event: Event) -> str:
    pattern = event.get("log_format")
    # Most have no fields, and formatting takes longer than the rest of a login.
    if type(pattern) is str and "{" not in pattern and "}" not in pattern:
        return pattern
    text = formatEvent(event)
    if not text.startswith(_UNFORMATTABLE):
        return text
    what = ascii(pattern) if isinstance(pattern, str) else type(pattern).__name__
    return f"An event cannot be formatted: {what}"


def _traceback(failure: Any) -> str:
    try:
        return str(failure.getTraceback())
    except Exception as e:
        kind = type(failure.value if isinstance(failure, Failure) else failure).__name__
        return f"There is no traceback of {kind}: {type(e).__name__}"


def _system(event: Event) -> str:
    system = event.get("log_system")
    if system is None:
        return f"{event.get('log_namespace', '-')}#{_level(event) or '-'}"
    try:
        text = str(system)
    except Exception:
        return "UNFORMATTABLE"
    return text if text.isprintable() else ascii(text)


def _level(event: Event) -> str | None:
    level = event.get("log_level")
    return None if level is None else str(level.name)


def _time(event: Event) -> str:
    when = event.get("log_time")
    return "-" if when is None else _second(math.floor(when))


@lru_cache(4)
def _second(when: int) -> str:
    return formatTime(when)


def _namespace(event: Event) -> str:
    return str(event.get("log_namespace", "-"))


def _timeUTC(event: Event) -> str:
    when = event.get("log_time")
    if when is None:
        return "null"
    second = math.floor(when)
    return f'"{_secondUTC(second)}.{int((when - second) * 1000):03d}Z"'


@lru_cache(4)
def _secondUTC(when: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(when))


def _escaped(match: re.Match[str]) -> str:
    return ascii(match.group())[1:-1]
