# -*- test-case-name: tests.store.test_messages -*-
"""
Tests for L{txjmapaccess.store.messages}.
"""

from __future__ import annotations

import io
from email.header import Header
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.mail.interfaces import IMessageIMAPFile
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.mail import Part
from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.structure import parseMessage
from txjmapaccess.pacing import SLICE, ClientGone, Turns
from txjmapaccess.store.messages import openMessage, readMessage

WHOLE = (
    "Subject: Grüße\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    "\r\n--x\r\nContent-Description: für alle\r\n\r\nText\r\n--x--\r\n"
).encode()


class MessageTests(SynchronousTestCase):
    """
    A whole message.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.hasGone = False
        self.turns = Turns(self.clock.seconds, self.clock.callLater, lambda: self.hasGone)

    def read(self, message: Any) -> Any:
        """
        @return: a Deferred of its octets.
        """
        return Deferred.fromCoroutine(readMessage(message, self.turns))

    def test_parts(self) -> None:
        """
        It is put together from its parts, with octets above ASCII where they were.
        """
        self.assertEqual(self.successResultOf(self.read(Part(WHOLE))), WHOLE)

    def test_boundary(self) -> None:
        """
        The boundary is the one by which the message is taken apart again: not what looks like one
        within another parameter, and one of ours where there is none.
        """
        for kind in (
            b'multipart/mixed; x="boundary=y"; boundary=x',
            b'multipart/mixed; boundary="x" (x)',
            b"multipart/mixed; boundary*=utf-8''x%3Fy",
            b"multipart/mixed",
        ):
            message = Part(WHOLE)
            message.getHeaders = lambda *_, kind=kind: {  # type: ignore[method-assign]
                "content-type": kind
            }
            (part,) = parseMessage(self.successResultOf(self.read(message))).parts
            self.assertEqual(part.octets, b"Text")

    def test_file(self) -> None:
        """
        One that is a file is that file, which is closed.
        """
        file = io.BytesIO(b"octets")
        for opened in (file, succeed(file)):
            message = Part(b"A: b\r\n\r\n")
            message.open = lambda opened=opened: opened  # type: ignore[attr-defined]
            alsoProvides(message, IMessageIMAPFile)
            file.__init__(b"octets")  # type: ignore[misc]
            self.assertEqual(self.successResultOf(self.read(message)), b"octets")
            self.assertTrue(file.closed)

    def test_turns(self) -> None:
        """
        A large one is read in several turns; not for a client that has gone.
        """

        class Slow(io.BytesIO):
            def read(slow, *args: Any) -> bytes:
                self.clock.rightNow += SLICE
                return super().read(*args)

        message = Part(b"A: b\r\n\r\n")
        message.getBodyFile = lambda: Slow(bytes(100000))  # type: ignore[method-assign]
        whole = self.read(message)
        self.assertNoResult(whole)
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        self.assertEqual(self.successResultOf(whole), b"A: b\r\n\r\n" + bytes(100000))
        opened = Deferred.fromCoroutine(openMessage(message, self.turns))
        self.assertNoResult(opened)
        self.hasGone = True
        self.clock.advance(0)
        self.failureResultOf(opened, ClientGone)


class FieldOctetsTests(SynchronousTestCase):
    """
    L{fieldOctets}.
    """

    def test_forms(self) -> None:
        """
        Whatever a store has for a value, it is what is in the message.
        """
        for value, expected in (
            ("Grüße", "Grüße".encode()),
            ("f\udcfcr", b"f\xfcr"),
            (b"f\xfcr", b"f\xfcr"),
            ("f\ud800r", b"f?r"),
            (Header("Grüße", "utf-8"), "Grüße".encode()),
        ):
            self.assertEqual(fieldOctets(value), expected)
