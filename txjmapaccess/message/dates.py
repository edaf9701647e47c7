# -*- test-case-name: tests.message.test_dates -*-
"""
Dates: of messages (RFC 5322, section 3.3, with its obsolete forms), of IMAP (RFC 3501, section 9)
and of JMAP (RFC 8620, section 1.4).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from email.utils import formatdate, parsedate_tz

from txjmapaccess.message.tokens import withoutComments

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COLON = re.compile(r"\s*:\s*")
_DATE = re.compile(rf"(\d{{1,2}})-({'|'.join(_MONTHS)})-(\d{{4}})", re.ASCII | re.IGNORECASE)
_DATE_TIME = re.compile(
    rf"(?=[ \d]\d-) ?{_DATE.pattern} (\d\d):(\d\d):(\d\d) [+-](\d\d)(\d\d)",
    re.ASCII | re.IGNORECASE,
)
#: Characters. No date is longer.
_LONGEST = 1000


def _parsed(value: str | bytes | None) -> tuple[int, ...] | None:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    text = _COLON.sub(":", withoutComments(text[:_LONGEST])).strip()
    try:
        found = parsedate_tz(text)
    except (ValueError, IndexError, TypeError):  # pragma: no cover (older releases of Python)
        return None
    return None if found is None else tuple(number or 0 for number in found)


def parseDateTime(value: str | bytes | None) -> datetime | None:
    """
    @param value: a date and time in the form of RFC 5322, or of IMAP's C{date-time}.

    @return: the time in its own time zone, or L{None} for an invalid value. A zone without meaning
        (C{-0000}, or an unknown name) is UTC.
    """
    found = _parsed(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = found[:6]
    try:
        zone = timezone(timedelta(seconds=found[9]))
        # datetime has no leap seconds.
        return datetime(year, month, day, hour, minute, 59 if second == 60 else second, 0, zone)
    except (ValueError, OverflowError):
        return None


def secondsOf(value: str | bytes | None) -> int | None:
    """
    @param value: see L{parseDateTime}.

    @return: seconds since the epoch, or L{None} for an invalid value.
    """
    found = parseDateTime(value)
    return None if found is None else int((found - _EPOCH).total_seconds())


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def dayOf(value: str | bytes | None) -> date | None:
    """
    @param value: see L{parseDateTime}.

    @return: the day as it is written, without regard to the time zone.
    """
    found = _parsed(value)
    try:
        return None if found is None else date(*found[:3])
    except (ValueError, OverflowError):
        return None


def formatDate(seconds: float) -> str:
    """
    @return: a date and time in the form of RFC 5322.
    """
    return formatdate(seconds)


def parseIMAPDate(text: str) -> date:
    """
    @param text: C{1-Feb-2003}.

    @raise ValueError: for what is no date.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("not a date")
    return date(int(match[3]), _MONTHS.index(match[2].lower()) + 1, int(match[1]))


def isIMAPDateTime(text: str) -> bool:
    """
    @return: whether C{text} is a valid date and time, in IMAP's form or in that of RFC 5322, which
        Twisted's own client may send.
    """
    match = _DATE_TIME.fullmatch(text)
    isZone = match is None or (int(match[7]) < 24 and int(match[8]) < 60)
    return isZone and parseDateTime(text) is not None


def parseUTCDate(text: str) -> float:
    """
    @param text: a UTCDate (RFC 8620, section 1.4).

    @return: seconds since the epoch.

    @raise ValueError: for what is none.
    """
    if not text.endswith("Z"):
        raise ValueError("not in UTC")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc).timestamp()


def formatUTCDate(seconds: int) -> str:
    """
    @return: a UTCDate (RFC 8620, section 1.4).
    """
    return formatRFC3339(datetime.fromtimestamp(seconds, timezone.utc))


def formatRFC3339(time: datetime) -> str:
    """
    @return: a Date (RFC 8620, section 1.4), in the time zone of C{time}.
    """
    text = time.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
