# -*- test-case-name: tests.message.test_dates -*-
"""
Dates of messages, IMAP and JMAP.
"""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.dates import (
    dayOf,
    formatDate,
    isIMAPDateTime,
    parseDateTime,
    parseIMAPDate,
    secondsOf,
)


class DateTests(SynchronousTestCase):
    """
    One date, many ways to write it.
    """

    def test_forms(self) -> None:
        """
        The forms of RFC 5322, section 3.3 and 4.3, and of IMAP.
        """
        for text in (
            "Fri, 21 Nov 1997 09:55:06 -0600",
            "21 Nov 97 09:55:06 CST",
            "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
            "21-Nov-1997 09:55:06 -0600",
            "Fri, 21 Nov 1997 09:55:06 -0600 (a (nested) comment)",
        ):
            self.assertEqual(secondsOf(text), 880127706, text)
            self.assertEqual(secondsOf(text.encode()), 880127706, text)
            self.assertEqual(dayOf(text), date(1997, 11, 21), text)

    def test_none(self) -> None:
        """
        What is no date is none.
        """
        for text in (
            None,
            "",
            "yesterday",
            "31 Feb 2014 06:12:00 +0000",
            "1 Jan 2014 99:99:99 +0000",
        ):
            self.assertIsNone(secondsOf(text), text)

    def test_format(self) -> None:
        """
        What is written can be read.
        """
        self.assertEqual(secondsOf(formatDate(880127706)), 880127706)

    @given(st.text() | st.text(alphabet="0123456789 :+-JanFeb,()"))
    def test_anything(self, text: str) -> None:
        """
        No text makes it fail.
        """
        parseDateTime(text)
        dayOf(text)
        isIMAPDateTime(text)

    def test_imap(self) -> None:
        """
        RFC 3501, section 9: C{date} and C{date-time}.
        """
        self.assertEqual(parseIMAPDate("1-feb-2003"), date(2003, 2, 1))
        for text in ("32-Jan-2003", "1-Foo-2003", "1-Jan-03", "", "1-Jan-2003 "):
            self.assertRaises(ValueError, parseIMAPDate, text)
        for text, isDate in (
            (" 1-Feb-2003 10:11:12 +0100", True),
            ("01-Feb-2003 23:59:60 +0000", True),
            ("Sat, 1 Feb 2003 10:11:12 +0100", True),
            ("30-Feb-2003 10:11:12 +0100", False),
            ("01-Feb-2003 24:11:12 +0100", False),
            ("01-Feb-2003 10:11:12 +0199", False),
            ("01-Feb-2003 10:11:12 +9900", False),
            ("nonsense", False),
        ):
            self.assertIs(isIMAPDateTime(text), isDate, text)
