"""
What a client is told without having asked, NOOP, CHECK and IDLE, on the wire (RFC 3501, sections
5.2, 5.5 and 7; RFC 2177).
"""

from __future__ import annotations

from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.mail import Account, PollableMailbox, Session
from txjmapaccess.imap.commands.idle import POLL_SECONDS
from txjmapaccess.server import JMAPAccessMixin


class PollableAccount(Account):
    """
    An account whose mailboxes must be looked at.
    """

    mailboxFactory = PollableMailbox


def vanished(listener):
    """
    The second and the first message are gone.
    """
    listener.messagesExpunged([2, 1])


def arrived(listener):
    """
    There are three messages now.
    """
    listener.newMessages(3, None)


def flagged(listener):
    """
    The first message has a flag.
    """
    listener.flagsChanged({1: ["\\Flagged"]})


class UnsolicitedTests(SynchronousTestCase):
    """
    When EXPUNGE may be sent (RFC 3501, section 7.4.1).
    """

    def setUp(self):
        self.session = Session().selected()
        self.listener = self.session.server
        for _ in range(3):
            self.session.inbox.put()

    def test_noCommand(self):
        """
        While no command runs, EXISTS and FLAGS may come, but EXPUNGE waits, and what comes after
        it waits with it.
        """
        flagged(self.listener)
        arrived(self.listener)
        self.assertEqual(self.session.received(), [rb"* 1 FETCH (FLAGS (\Flagged))", b"* 3 EXISTS"])
        vanished(self.listener)
        flagged(self.listener)
        self.assertEqual(self.session.received(), [])
        self.assertEqual(
            self.session.send(b"a NOOP"),
            [
                b"* 2 EXPUNGE",
                b"* 1 EXPUNGE",
                rb"* 1 FETCH (FLAGS (\Flagged))",
                b"a OK NOOP No operation performed",
            ],
        )

    def test_numberedCommands(self):
        """
        FETCH, STORE and SEARCH, by UID or not, are answered without EXPUNGE.
        """
        vanished(self.listener)
        for command in (
            b"FETCH 1 UID",
            b"STORE 1 FLAGS.SILENT ()",
            b"SEARCH ALL",
            b"UID FETCH 1 UID",
        ):
            lines = self.session.send(b"a " + command)
            self.assertTrue(lines[-1].startswith(b"a OK "), lines)
            self.assertNotIn(b"* 2 EXPUNGE", lines)
        self.assertIn(b"* 2 EXPUNGE", self.session.send(b"a CHECK"))

    def test_duringFetch(self):
        """
        What comes while a FETCH runs is sent behind its messages.
        """
        self.session.slow.names.add("fetch")
        self.session.send(b"a FETCH 1 UID")
        arrived(self.listener)
        vanished(self.listener)
        self.assertEqual(self.session.received(), [])
        self.assertEqual(
            self.session.go(), [b"* 1 FETCH (UID 1)", b"* 3 EXISTS", b"a OK FETCH completed"]
        )

    def test_otherMailbox(self):
        """
        What is still to be said about a mailbox is not said when another one is selected.
        """
        self.session.account.add("box")
        vanished(self.listener)
        self.assertNotIn(b"* 2 EXPUNGE", self.session.send(b"a SELECT box"))

    def test_modeChanged(self):
        """
        A change of the mode is an OK with a response code (RFC 3501, section 7.1).
        """
        self.listener.modeChanged(False)
        self.assertEqual(self.session.received(), [b"* OK [READ-ONLY] The mode has changed"])


class PollTests(SynchronousTestCase):
    """
    Mailboxes that must be looked at (L{txjmapaccess.interfaces.IPollableMailbox}).
    """

    def setUp(self):
        self.session = Session(PollableAccount).selected()

    def test_noopAndCheck(self):
        """
        NOOP and CHECK wait until the mailbox has been looked at.
        """
        self.session.slow.names.add("poll")
        for command in (b"NOOP", b"CHECK"):
            self.session.inbox.found = [vanished, arrived]
            self.assertEqual(self.session.send(b"a " + command), [])
            lines = self.session.go()
            self.assertEqual(lines[:-1], [b"* 2 EXPUNGE", b"* 1 EXPUNGE", b"* 3 EXISTS"])
            self.assertTrue(lines[-1].startswith(b"a OK "))

    def test_notSelected(self):
        """
        NOOP is for every state.
        """
        self.session.send(b"a UNSELECT")
        self.assertEqual(self.session.send(b"a NOOP"), [b"a OK NOOP No operation performed"])

    def test_failure(self):
        """
        NOOP succeeds also when the mailbox cannot be looked at; the operator is told, once.
        """
        self.session.slow.errors["poll"] = RuntimeError("secret")
        for _ in range(3):
            self.assertEqual(self.session.send(b"a NOOP"), [b"a OK NOOP No operation performed"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_checkpoint(self):
        """
        CHECK calls what a server may override.
        """
        called = []
        self.session.server.checkpoint = lambda: called.append(1)
        self.session.send(b"a CHECK")
        self.assertEqual(called, [1])


class IdleTests(SynchronousTestCase):
    """
    IDLE (RFC 2177).
    """

    def setUp(self):
        self.session = Session(PollableAccount).selected()

    def test_done(self):
        """
        DONE, in any case of letters, ends IDLE.
        """
        self.assertEqual(self.session.send(b"a IDLE"), [b"+ Idling"])
        self.assertEqual(self.session.send(b"done"), [b"a OK IDLE terminated"])

    def test_otherLine(self):
        """
        Any other line ends it with BAD, and is not carried out; nor is a literal that it announces.
        """
        self.session.send(b"a IDLE")
        self.assertEqual(self.session.send(b"b NOOP"), [b"a BAD Expected DONE"])
        self.session.send(b"a IDLE")
        self.assertEqual(
            self.session.send(b"b APPEND INBOX {8+}", b"c NOOP", b"", b"d NOOP"),
            [b"a BAD Expected DONE", b"d OK NOOP No operation performed"],
        )

    def test_pipelined(self):
        """
        What comes behind DONE runs.
        """
        self.assertEqual(
            self.session.send(b"a IDLE", b"DONE", b"b NOOP"),
            [b"+ Idling", b"a OK IDLE terminated", b"b OK NOOP No operation performed"],
        )

    def test_polls(self):
        """
        The mailbox is looked at in intervals, and the client told at once.
        """
        self.session.send(b"a IDLE")
        self.session.inbox.found = [vanished, arrived]
        self.session.clock.advance(POLL_SECONDS - 0.1)
        self.assertEqual(self.session.received(), [])
        self.session.clock.advance(0.1)
        self.assertEqual(self.session.received(), [b"* 2 EXPUNGE", b"* 1 EXPUNGE", b"* 3 EXISTS"])
        self.session.inbox.found = [arrived]
        self.session.clock.advance(POLL_SECONDS)
        self.assertEqual(self.session.received(), [b"* 3 EXISTS"])
        self.assertEqual(self.session.send(b"DONE"), [b"a OK IDLE terminated"])

    def test_doneDuringPoll(self):
        """
        A look that is under way is waited for.
        """
        self.session.slow.names.add("poll")
        self.session.inbox.found = [arrived]
        self.assertEqual(self.session.send(b"a IDLE"), [b"+ Idling"])
        self.assertEqual(self.session.send(b"DONE", b"b UNSELECT"), [])
        self.assertEqual(
            self.session.go(), [b"* 3 EXISTS", b"a OK IDLE terminated", b"b OK Unselected"]
        )

    def test_listener(self):
        """
        What a mailbox tells by itself is passed on at once, EXPUNGE too.
        """
        session = Session().selected()
        session.send(b"a IDLE")
        vanished(session.server)
        self.assertEqual(session.received(), [b"* 2 EXPUNGE", b"* 1 EXPUNGE"])

    def test_authenticated(self):
        """
        IDLE without a mailbox.
        """
        self.session.send(b"a UNSELECT")
        self.assertEqual(
            self.session.send(b"a IDLE", b"DONE"), [b"+ Idling", b"a OK IDLE terminated"]
        )

    def test_overridden(self):
        """
        A server that overrides what Twisted's IDLE calls keeps it.
        """

        class Theirs(IMAP4Server):
            def parse_idle(self, line):
                IMAP4Server.parse_idle(self, line)
                self.sendUntaggedResponse(b"OK Theirs")

        session = Session(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(
            session.send(b"a IDLE", b"DONE", b"b NOOP"),
            [
                b"+ ",
                b"a OK IDLE terminated",
                b"* OK Theirs",
                b"b OK NOOP No operation performed",
            ],
        )

    def test_connectionLost(self):
        """
        A client that goes away leaves no timer.
        """
        self.session.send(b"a IDLE")
        self.session.lose()
        self.assertEqual(self.session.clock.getDelayedCalls(), [])
        self.assertEqual(self.session.received(), [])
