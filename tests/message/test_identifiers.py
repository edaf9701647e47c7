# -*- test-case-name: tests.message.test_identifiers -*-
"""
How EMAILID, THREADID and MAILBOXID are made.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.identifiers import (
    accountID,
    emailID,
    firstReference,
    newMailboxID,
    threadID,
)


class IdentifierTests(SynchronousTestCase):
    """
    RFC 8474, section 7: 1 to 255 letters, digits, C{-} and C{_}.
    """

    def test_form(self) -> None:
        """
        One letter for the kind, then letters of one case and digits: identifiers never differ by
        case only, no two kinds share a value, and none begins with a digit or a dash.
        """
        email = emailID(b"base", b"digest")
        for letter, identifier in [
            ("M", email),
            ("T", threadID(b"1@x", email)),
            ("T", threadID(None, email)),
            ("F", newMailboxID()),
            ("A", accountID("ada")),
        ]:
            self.assertTrue(re.fullmatch(letter + "[a-z2-7]{26}", identifier), identifier)

    def test_email(self) -> None:
        """
        The same file has the same EMAILID whenever the index is built; another content or another
        name has another.
        """
        self.assertEqual(emailID(b"a", b"d"), emailID(b"a", b"d"))
        self.assertEqual(len({emailID(b, d) for b in (b"a", b"b") for d in (b"c", b"d")}), 4)

    def test_mailbox(self) -> None:
        """
        No MAILBOXID comes twice.
        """
        self.assertEqual(len({newMailboxID() for _ in range(1000)}), 1000)

    def test_thread(self) -> None:
        """
        Messages with one first reference are one thread; a message with none is its own.
        """
        self.assertEqual(threadID(b"1@x", "Ma"), threadID(b"1@x", "Mb"))
        self.assertNotEqual(threadID(None, "Ma"), threadID(None, "Mb"))
        self.assertNotEqual(threadID(None, "Ma"), threadID(b"Ma", "Mb"))

    def test_firstReference(self) -> None:
        """
        The first of References, else of In-Reply-To, else Message-ID, without angle brackets,
        comments, and the white space of folding.
        """
        self.assertEqual(firstReference(b" <a@x>\r\n <b@x>", b"<c@x>", b"<d@x>"), b"a@x")
        self.assertEqual(firstReference(None, b"your mail of Monday <c@x>", b"<d@x>"), b"c@x")
        self.assertEqual(firstReference(b"nothing", None, b"<d@\r\n x>"), b"d@x")
        self.assertEqual(firstReference(b"", b"<>", b"< >"), None)
        self.assertEqual(firstReference(None, None, None), None)

    @given(st.binary(), st.binary(), st.binary())
    def test_anyHeader(self, references: bytes, inReplyTo: bytes, messageID: bytes) -> None:
        """
        No header, whatever it holds, makes a THREADID that is none.
        """
        reference = firstReference(references, inReplyTo, messageID)
        self.assertTrue(re.fullmatch("T[a-z2-7]{26}", threadID(reference, "M" + "a" * 26)))
