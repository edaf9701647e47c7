"""
ID (RFC 2971) and ENABLE (RFC 5161), on the wire.
"""

from __future__ import annotations

from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection
from tests.support.mail import Session
from txjmapaccess.server import JMAPAccessMixin


class IDTests(SynchronousTestCase):
    """
    ID (RFC 2971, section 3).
    """

    def test_anyState(self):
        """
        ID is for every state, and the capability is advertised.
        """
        answer = [b'* ID ("name" "txjmapaccess")', b"a OK ID completed"]
        self.assertEqual(Connection().send(b"a ID NIL"), answer)
        session = Session()
        self.assertEqual(session.send(b"a ID NIL"), answer)
        self.assertEqual(session.selected().send(b"a ID NIL"), answer)
        self.assertIn(b" ID ", session.send(b"a CAPABILITY")[0])

    def test_fields(self):
        """
        Fields are strings, their values strings or NIL; literals are strings.
        """
        session = Session()
        for fields in (b"()", b'("name" "x")', b'("name" nil "a" "")', b'("NIL" "NIL")'):
            self.assertEqual(session.send(b"a ID " + fields)[-1], b"a OK ID completed", fields)
        self.assertEqual(
            session.send(b"a ID ({4+}", b'name "x" "y" {1+}', b"z)")[-1], b"a OK ID completed"
        )

    def test_malformed(self):
        """
        Anything else is BAD.
        """
        session = Session()
        for fields in (
            b"",
            b"x",
            b'"NIL"',
            b'("a")',
            b"(a b)",
            b'("a" "b"',
            b'("a" ("b"))',
            b'(NIL "b")',
            b"(" + b'"a" "b" ' * 31 + b")",
        ):
            (line,) = session.send(b"a ID " + fields)
            self.assertTrue(line.startswith(b"a BAD "), (fields, line))

    def test_endless(self):
        """
        Literals, empty ones too, are no way to make a command of any length.
        """
        for more in (b"xy " * 5000 + b"{0+}\r\n", b"{15000+}\r\n" + b"x" * 15000):
            connection = Connection()
            lines = connection.sendRaw(b"a ID ({0+}\r\n" + more)
            for _ in range(20):
                lines += connection.sendRaw(more)
            self.assertEqual(lines[0], b"a BAD Arguments too long")

    def test_answer(self):
        """
        An operator may have the server say something else, or nothing.
        """
        session = Session(serverID={})
        self.assertEqual(session.send(b"a ID NIL")[0], b"* ID NIL")
        session = Session(serverID={"name": 'a "b"'})
        self.assertEqual(session.send(b"a ID NIL")[0], rb'* ID ("name" "a \"b\"")')


class EnableTests(SynchronousTestCase):
    """
    ENABLE (RFC 5161, section 3).
    """

    def test_nothing(self):
        """
        Whatever is asked for, nothing is enabled.
        """
        session = Session()
        self.assertEqual(
            session.send(b"a ENABLE CONDSTORE X-Y"), [b"* ENABLED", b"a OK ENABLE completed"]
        )
        self.assertIn(b" ENABLE ", session.send(b"a CAPABILITY")[0])

    def test_malformed(self):
        """
        There must be an argument, and no more than names.
        """
        session = Session()
        for arguments in (b"", b'"x"', b"(x)", b"{1+}"):
            lines = session.send(b"a ENABLE " + arguments, *[b"x"] * (b"{" in arguments))
            self.assertTrue(lines[0].startswith(b"a BAD "), (arguments, lines))
            self.assertEqual(session.send(b"b NOOP"), [b"b OK NOOP No operation performed"])

    def test_states(self):
        """
        ENABLE is for the authenticated state, before a mailbox is selected.
        """
        self.assertEqual(Connection().send(b"a ENABLE X"), [b"a BAD Unsupported command"])
        session = Session().selected()
        self.assertEqual(session.send(b"a ENABLE X"), [b"a BAD Unsupported command"])


class ForeignTests(SynchronousTestCase):
    """
    Servers that have more than Twisted's.
    """

    def test_theirs(self):
        """
        A command that another server has stays; the capabilities of what it replaced are not
        advertised.
        """

        class Theirs(IMAP4Server):
            def do_ID(self, tag, line):
                self.sendPositiveResponse(tag, b"Theirs")

            def do_STATUS(self, tag, line):
                self.sendPositiveResponse(tag, b"Theirs")

            auth_ID = (do_ID, IMAP4Server.arg_line)
            auth_STATUS = (do_STATUS, IMAP4Server.arg_line)

        session = Session(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(session.send(b"a ID NIL"), [b"a OK Theirs"])
        self.assertEqual(session.send(b"a STATUS x (y)"), [b"a OK Theirs"])
        capabilities = session.send(b"a CAPABILITY")[0]
        self.assertNotIn(b"LIST-STATUS", capabilities)
        self.assertNotIn(b"STATUS=SIZE", capabilities)
