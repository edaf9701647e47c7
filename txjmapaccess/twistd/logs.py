# -*- test-case-name: tests.test_logs -*-
"""
Log events as lines of text, as Twisted writes them, or as lines of JSON (C{[log] format}).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from twisted.logger import formatEvent, formatTime
from twisted.python.failure import Failure

Event = dict[str, Any]

#: What JSON can hold as it is. Anything else in an event is for its text only.
_SCALARS = (str, int, float, bool, type(None))


@lru_cache(4)
def _second(when: int) -> str:
    return formatTime(when)


def _time(event: Event) -> str:
    when = event.get("log_time")
    return "-" if when is None else _second(int(when))


def _system(event: Event) -> str:
    system = event.get("log_system")
    if system is not None:
        return str(system)
    level = event.get("log_level")
    return f"{event.get('log_namespace', '-')}#{'-' if level is None else level.name}"


def _text(event: Event) -> str:
    """
    @return: the text of an event, with its traceback when it has one.
    """
    pattern = event.get("log_format")
    # Most have nothing to be put in, and formatting takes longer than all the rest of a login.
    plain = isinstance(pattern, str) and "{" not in pattern and "}" not in pattern
    text = pattern if plain else formatEvent(event)
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        text = f"{text}\n{failure.getTraceback()}"
    return str(text)


def textLine(event: Event) -> str | None:
    """
    @return: an event as L{twisted.logger.textFileLogObserver} writes it; L{None} for an empty one.
    """
    text = _text(event)
    if not text:
        return None
    if "\n" in text:
        text = text.replace("\n", "\n\t")
    return f"{_time(event)} [{_system(event)}] {text}\n"


def jsonLine(event: Event) -> str | None:
    """
    @return: an event as one object of JSON: C{time}, C{level}, C{system}, C{text}, C{traceback}
        when there is one, and the fields of the event itself.
    """
    pattern = {name: event[name] for name in event if name != "log_failure"}
    text = _text(pattern)
    failure = event.get("log_failure")
    if not text and failure is None:
        return None
    level = event.get("log_level")
    line = {
        "time": _time(event),
        "level": None if level is None else level.name,
        "system": event.get("log_namespace", "-"),
        "text": text,
    }
    if isinstance(failure, Failure):
        line["traceback"] = failure.getTraceback()
    for name, value in event.items():
        if not name.startswith("log_") and isinstance(value, _SCALARS):
            line.setdefault(name, value)
    return json.dumps(line, ensure_ascii=False, default=str) + "\n"
