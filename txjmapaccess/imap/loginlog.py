# -*- test-case-name: tests.imap.test_login -*-
"""
One log event for each login, accepted or not. Metrics are made of the same events: their fields
are described in docs/observing.md, and no credential is ever among them.

A name that was refused is not among them either: people type their password there.
"""

from __future__ import annotations

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import couldTell, isOurs
from txjmapaccess.redaction import Presented, redactedReason, traced
from txjmapaccess.verdict import Usable

#: The value of the field C{event} of the events of this module.
LOGIN = "login"

# Not on a class: that would make a new logger for each event.
_log = Logger()


def oneLine(name: str | None) -> str:
    """
    @return: a name for a line of text; what a foreign checker accepted may hold a line break.
    """
    return name if name is not None and name.isprintable() else ascii(name)


def logAccepted(
    connection: int, address: str, record: LoginRecord, seconds: float, checking: float
) -> None:
    """
    @param connection: a number that no other connection of this process has.
    @param seconds: from the command, or the last response of its exchange, to its answer.
    @param checking: how much of that the checker took.
    """
    verdict = record.verdict
    access = type(verdict).__name__.lower()
    reason = None if isinstance(verdict, Usable) else verdict.reason.value
    # The text is made here: letting the log format the fields costs more than the policy.
    name = oneLine(record.username)
    text = (
        f"{name} logged in with {record.mechanism} from {address}, JMAP is {access}"
        f"{'' if reason is None else f': {reason}'} (connection {connection}, {seconds:.3f} s)"
    )
    if "{" in text or "}" in text:
        text = text.replace("{", "{{").replace("}", "}}")
    _log.observer(
        {
            # What Logger.emit adds, which for each event sorts all levels that there are.
            "log_logger": _log,
            "log_level": LogLevel.info,
            "log_namespace": _log.namespace,
            "log_source": None,
            "log_format": text,
            "log_time": record.decidedAt,
            "event": LOGIN,
            "result": "accepted",
            "connection": connection,
            "address": address,
            "mechanism": record.mechanism,
            "username": record.username,
            "verdict": access,
            "reason": reason,
            "seconds": seconds,
            "checking": checking,
        }
    )


def logRefused(
    connection: int,
    address: str,
    mechanism: str,
    failure: Failure,
    seconds: float,
    secrets: Presented | None = None,
) -> None:
    """
    @param connection: as in L{logAccepted}.
    @param seconds: how long it took to find out, which is not when it is answered.
    @param secrets: what the client presented; L{None} when that is not known.
    """
    known = couldTell(failure)
    what = "was refused" if known else "could not be checked"
    (_log.info if known else _log.error)(
        f"A login from {{address}} {what}:"
        " {reason} ({mechanism}, connection {connection}, {seconds:.3f} s)",
        event=LOGIN,
        result="refused" if known else "unavailable",
        connection=connection,
        address=address,
        mechanism=mechanism,
        reason=redactedReason(failure, secrets),
        seconds=seconds,
        checking=seconds,
    )
    if not (known or isOurs(failure)):
        _log.error(
            "The checker or the realm failed (connection {connection}): {traceback}",
            connection=connection,
            traceback=traced(failure),
        )
