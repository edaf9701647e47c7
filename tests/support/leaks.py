# -*- test-case-name: tests.test_leaks -*-
"""
Everything that the tests log, and every password and token that they use, collected in a directory
for L{tests.leaks} to look for the one in the other.

It is on when the environment has C{TXJMAPACCESS_LOGS}, the name of a directory. Nothing depends on
a test's author: credentials are noted where the code under test makes an object of them, and log
events where Twisted publishes them, both in the process of the tests and in the C{twistd} processes
that they start (L{tests.support.twistd}).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from typing import Any

VARIABLE = "TXJMAPACCESS_LOGS"

_lock = threading.Lock()
_noted: set[bytes] = set()


def directory() -> str | None:
    """
    @return: where it is all collected, or L{None} when it is not.
    """
    return os.environ.get(VARIABLE) or None


def note(secret: str | bytes) -> None:
    """
    Remember that a password or a token was used.
    """
    octets = secret if isinstance(secret, bytes) else secret.encode("utf-8", "surrogatepass")
    if directory() is None or octets in _noted:
        return
    _noted.add(octets)
    _append("secrets", octets.hex())


def keep(path: str) -> None:
    """
    Keep a copy of a log file.
    """
    where = directory()
    if where is not None and os.path.exists(path):
        with open(path, "rb") as log, open(_path("files"), "ab") as kept, _lock:
            shutil.copyfileobj(log, kept)


def keepText(text: str) -> None:
    """
    Keep what a process wrote.
    """
    if directory() is not None:
        _append("files", text)


def watch() -> None:
    """
    Begin to note and to log all that happens in this process.
    """
    from twisted.logger import globalLogPublisher

    from txjmapaccess.credentials import BearerToken, UsernamePassword
    from txjmapaccess.ldap.serviceaccount import ServiceAccount
    from txjmapaccess.oauth.settings import IntrospectionSettings

    _noteWhenMade(UsernamePassword, "password")
    _noteWhenMade(BearerToken, "token")
    _noteWhenMade(ServiceAccount, "password")
    _noteWhenMade(IntrospectionSettings, "clientSecret")
    globalLogPublisher.addObserver(observe)


def _noteWhenMade(kind: Any, attribute: str) -> None:
    make: Callable[..., None] = kind.__init__

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        make(self, *arguments, **keywords)
        note(getattr(self, attribute))

    kind.__init__ = __init__


def observe(event: dict[str, Any]) -> None:
    """
    An L{twisted.logger.ILogObserver}. Keeps the text of an event as we write it and as Twisted
    does, and of our own events every field.
    """
    from twisted.logger import eventAsText

    from txjmapaccess.twistd.logs import jsonLine, textLine

    if str(event.get("log_text")).startswith("--> "):
        # The name of a test.
        return
    lines = [textLine(event) or "", jsonLine(event) or "", eventAsText(event)]
    if str(event.get("log_namespace")).startswith("txjmapaccess."):
        fields = {name: value for name, value in event.items() if not name.startswith("log_")}
        lines.append(repr(fields))
    _append("events", "\n".join(lines))


def _append(kind: str, text: str) -> None:
    with _lock, open(_path(kind), "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text + "\n")


def _path(kind: str) -> str:
    return os.path.join(directory() or "", f"{kind}-{os.getpid()}")
