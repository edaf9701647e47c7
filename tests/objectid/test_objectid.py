"""
Object identifiers of stores that have them, of adapters, and of an L{ObjectIDIndex}: what is not in
the suite for all stores (L{tests.support.identifiers}).
"""

from __future__ import annotations

import io
import os
import threading
from contextlib import redirect_stderr, redirect_stdout

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import fail, succeed
from twisted.logger import formatEvent, globalLogPublisher
from twisted.mail.imap4 import IMAP4Server
from twisted.mail.interfaces import IMessageIMAPCopier, IMessageIMAPFile
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.coroutines import AsyncTestCase
from tests.support.identifiers import InlineIndex, found, registerExample
from tests.support.imap import Connection, RecordingRealm, configure, makePortal
from tests.support.mail import (
    HELLO,
    Account,
    IdentifiedAccount,
    IdentifiedMailbox,
    Message,
    Session,
)
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.objectid.__main__ import main
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.pacing import SLICE
from txjmapaccess.policy import SharedCredentials
from txjmapaccess.server import JMAPAccessMixin


class ObjectIDTests:
    """
    A connection to an account, and what to ask it.
    """

    def setUp(self):
        self.session = self.connect()
        self.account = self.session.account
        self.inbox = self.session.inbox

    def reply(self, n):
        """
        @return: a message that answers the first.
        """
        return (
            b"Subject: Re: Hello\r\n"
            b"Message-ID: <reply%d@example.com>\r\n"
            b"References: <1@example.com> <2@example.com>\r\n\r\nText\r\n" % n
        )

    def status(self, name, session=None):
        """
        @return: a mailbox's identifier.
        """
        (value,) = found(
            (session or self.session).send(b"a STATUS " + name + b" (MAILBOXID)"), b"MAILBOXID"
        )
        return value

    def fetch(self, item, session=None):
        """
        @return: an identifier of every message in the selected mailbox.
        """
        return found((session or self.session).send(b"a FETCH 1:* " + item), item.upper())

    def copyAnd(self, change):
        """
        Let the mailbox box do something to copies.
        """
        box = self.account.mailboxes["box"]
        put = box.put

        def changed(*args, **keywords):
            message = put(*args, **keywords)
            change(message)
            return message

        box.put = changed


class StoreTests(ObjectIDTests, SynchronousTestCase):
    """
    A store that has identifiers.
    """

    def connect(self, account=None):
        return Session(IdentifiedAccount if account is None else lambda name: account)

    def test_section5_2_withoutThreads(self):
        """
        Section 5.2: THREADID is NIL where there are no threads.
        """
        self.inbox.put(threadID=None)
        self.session.selected()
        self.assertEqual(self.session.send(b"a FETCH 1 THREADID")[0], b"* 1 FETCH (THREADID NIL)")
        self.assertEqual(
            self.session.send(b"a FETCH 1 (EMAILID THREADID)")[0],
            b"* 1 FETCH (EMAILID (M1) THREADID NIL)",
        )

    def test_section5_2_searchWithoutThreads(self):
        """
        Section 5.2: SEARCH for THREADID matches no message then, not for the value NIL either.
        """
        self.inbox.put(threadID=None)
        self.session.selected()
        for value in (b"T1", b"NIL", b"nil", b"None", b"M1"):
            for search in (b"SEARCH", b"UID SEARCH"):
                lines = self.session.send(b"a %b THREADID %b" % (search, value))
                self.assertEqual(lines[0], b"* SEARCH", value)
        self.assertEqual(self.session.send(b"a SEARCH NOT THREADID T1")[0], b"* SEARCH 1")

    def test_deferreds(self):
        """
        Identifiers may come with Deferreds.
        """
        message = self.inbox.put()
        message.getEmailID = lambda: succeed("M1")
        message.getThreadID = lambda: succeed("T1")
        self.session.slow.names.add("getMailboxID")
        self.assertEqual(self.session.send(b"a SELECT INBOX"), [])
        self.assertIn(b"* OK [MAILBOXID (F1)] Ok", self.session.go())
        self.assertEqual(self.fetch(b"EMAILID"), ["M1"])
        self.assertEqual(self.fetch(b"THREADID"), ["T1"])


class AdapterTests(SynchronousTestCase):
    """
    Adapters for a store that cannot be changed.
    """

    def test_adapters(self):
        """
        The lines in docs/integrating.md give a store identifiers.
        """
        registerExample(self)
        session = Session()
        session.inbox.put()
        self.assertIn(b" OBJECTID", session.send(b"a CAPABILITY")[0])
        self.assertIn(b"* OK [MAILBOXID (F7)] Ok", session.send(b"a SELECT INBOX"))
        self.assertEqual(
            session.send(b"a FETCH 1 (EMAILID THREADID)")[0],
            b"* 1 FETCH (EMAILID (M1) THREADID NIL)",
        )


class BadInputTests(SynchronousTestCase):
    """
    Stores whose identifiers cannot be shown: logged once with the object at fault, and left out.
    """

    def setUp(self):
        self.account = IdentifiedAccount()
        self.session = Session(self.again)
        self.inbox = self.session.inbox
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def reports(self):
        """
        @return: what was logged about identifiers.
        """
        return [event for event in self.events if "omitted" in str(event.get("log_format"))]

    def test_illegalEmailID(self):
        """
        An illegal EMAILID is left out, of one message or of all.
        """
        for value in ("", "a b", "a" * 256, None, 7, b"M1", "a)\r\nb"):
            self.inbox.messages.clear()
            self.inbox.put()
            bad = self.inbox.put()
            bad.getEmailID = lambda value=value: value
            self.session.selected()
            first = self.inbox.messages[0].uid
            self.assertEqual(
                self.session.send(b"a FETCH 1:2 (EMAILID UID)"),
                [
                    b"* 1 FETCH (EMAILID (M%d) UID %d)" % (first, first),
                    b"* 2 FETCH (UID %d)" % bad.uid,
                    b"a OK FETCH completed",
                ],
                value,
            )
            self.assertEqual(len(self.session.send(b"a FETCH 2 EMAILID")), 1)
        self.assertEqual({report["kind"] for report in self.reports()}, {"EMAILID"})
        self.assertEqual(len(self.reports()), 7)

    def test_raises(self):
        """
        An adapter that raises, at once or later, is told apart by the object, and its other
        identifier is shown.
        """
        for number, raising in enumerate((lambda: 1 / 0, lambda: fail(RuntimeError("x"))), 1):
            bad = self.inbox.put()
            bad.getThreadID = raising
            self.session.selected()
            for _ in range(3):
                self.assertEqual(
                    self.session.send(b"a FETCH %d (EMAILID THREADID)" % number),
                    [b"* %d FETCH (EMAILID (M%d))" % (number, number), b"a OK FETCH completed"],
                )
            self.assertIs(self.reports()[-1]["holder"], bad)
            bad.getThreadID, bad.getEmailID = bad.getEmailID, raising
            del bad.getThreadID
            self.assertEqual(
                self.session.send(b"a FETCH %d (EMAILID THREADID)" % number)[0],
                b"* %d FETCH (THREADID (T1))" % number,
            )
        self.assertEqual(len(self.reports()), 4)

    def test_noMessage(self):
        """
        So is a message that does not adapt to C{IObjectIDMessage}.
        """
        self.inbox.messageFactory = Message
        self.inbox.put()
        self.session.selected()
        self.assertEqual(
            self.session.send(b"a FETCH 1 (FLAGS EMAILID THREADID)")[0], b"* 1 FETCH (FLAGS ())"
        )
        self.assertIn("does not adapt", self.reports()[0]["problem"])

    def test_illegalMailboxID(self):
        """
        An illegal MAILBOXID is left out, everywhere.
        """
        for value in ("", "a b", "a" * 256, None, 7, b"F1", "a)\r\nb"):
            self.inbox.getMailboxID = lambda value=value: value
            lines = self.session.send(
                b"a SELECT INBOX",
                b"a EXAMINE INBOX",
                b"a STATUS INBOX (MAILBOXID UIDNEXT)",
                b'a LIST "" INBOX RETURN (STATUS (MAILBOXID UIDNEXT))',
            )
            self.assertNotIn(b"MAILBOXID", b"".join(lines))
            self.assertEqual(lines.count(b'* STATUS "INBOX" (UIDNEXT 1)'), 2)
        self.assertEqual(len(self.reports()), 1)

    def test_mailboxRaises(self):
        """
        A mailbox without a MAILBOXID can be created, selected and asked for its STATUS.
        """
        self.session.slow.errors["getMailboxID"] = RuntimeError("secret")
        self.assertEqual(self.session.send(b"a CREATE box"), [b"a OK Mailbox created"])
        self.assertEqual(
            self.session.send(b"a STATUS INBOX (MESSAGES MAILBOXID)")[0],
            b'* STATUS "INBOX" (MESSAGES 0)',
        )
        lines = self.session.send(b"a SELECT INBOX")
        self.assertTrue(lines[-1].startswith(b"a OK "))
        self.assertEqual(found(lines, b"MAILBOXID"), [])
        self.assertEqual([report["subject"] for report in self.reports()], ["box", "INBOX"])

    def test_once(self):
        """
        What is at fault is logged once, whatever connection meets with it, and each by itself;
        until it is clear that there are many.
        """
        for _ in range(150):
            self.inbox.put().getEmailID = lambda: "a b"
        for portal in (self.session.server.portal, makePortal(RecordingRealm(self.again))):
            for _ in range(2):
                session = Session(self.again, portal=portal).selected()
                session.send(b"a FETCH 1:2 EMAILID")
        reports = self.reports()
        self.assertEqual([r["subject"] for r in reports], [("INBOX", 1), ("INBOX", 2)] * 2)
        self.assertEqual([r["holder"] for r in reports], self.inbox.messages[:2] * 2)
        session.send(b"a FETCH 1:* EMAILID")
        self.assertEqual(len(self.reports()), 102)
        self.assertIn("others are not reported", formatEvent(self.reports()[-1]))

    def test_otherUsers(self):
        """
        What is at fault with another user is logged for him.
        """
        checker = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"x", bert=b"x")
        portal = makePortal(RecordingRealm(self.again), [checker])
        self.inbox.put().getEmailID = lambda: "a b"
        for user in (b"arnt", b"bert", b"bert"):
            connection = Connection(portal=portal)
            connection.send(b"a LOGIN %b x" % user, b"a SELECT INBOX", b"a FETCH 1 EMAILID")
        self.assertEqual(len(self.reports()), 2)

    def again(self, name):
        """
        @return: the account of the test.
        """
        return self.account

    def test_oneForTwoElsewhere(self):
        """
        An identifier that two mailboxes have is shown for one of them only, whoever asks.
        """
        self.session.account.mailboxes["twin"] = IdentifiedMailbox(self.session.slow)
        portal = self.session.server.portal
        self.assertEqual(found(self.session.send(b"a SELECT INBOX"), b"MAILBOXID"), ["F1"])
        for name, expected in ((b"twin", []), (b"INBOX", ["F1"])):
            session = Session(self.again, portal=portal)
            self.assertEqual(found(session.send(b"a SELECT " + name), b"MAILBOXID"), expected)
        self.assertEqual(len(self.reports()), 1)

    def test_otherAccounts(self):
        """
        What another account has is no matter; what an account without a good accountId has is that
        user's.
        """
        accounts = [IdentifiedAccount(), IdentifiedAccount()]
        accounts[0].getAccountID = lambda: "A2"
        accounts[1].mailboxes["twin"] = accounts[1].mailboxes.pop("INBOX")
        accounts[1].add("INBOX")
        portal = makePortal(RecordingRealm(lambda name: accounts.pop()))
        for name in (b"twin", b"INBOX"):
            lines = Session(portal=portal).send(b"a STATUS %b (MAILBOXID)" % name)
            self.assertEqual(found(lines, b"MAILBOXID"), ["F1"])
        self.account.mailboxes["twin"] = IdentifiedMailbox(self.session.slow)
        self.account.getAccountID = lambda: "A3"
        accounts = [self.account, IdentifiedAccount(), self.account]
        accounts[1].mailboxes["twin"] = accounts[1].mailboxes.pop("INBOX")
        accounts[1].add("INBOX")
        for name, expected in ((b"INBOX", ["F1"]), (b"twin", ["F1"]), (b"twin", [])):
            lines = Session(portal=portal).send(b"a STATUS %b (MAILBOXID)" % name)
            self.assertEqual(found(lines, b"MAILBOXID"), expected)
        self.session.account.getAccountID = lambda: 1 / 0
        self.assertEqual(found(self.session.send(b"a SELECT INBOX"), b"MAILBOXID"), ["F1"])

    def test_emailAndThread(self):
        """
        A value that is an EMAILID is no THREADID (section 5.2).
        """
        self.inbox.put(threadID="M2")
        self.inbox.put(threadID="M2")
        self.inbox.put(threadID="T3")
        self.session.selected()
        self.assertEqual(
            self.session.send(b"a FETCH 1:3 (EMAILID THREADID)")[:3],
            [
                b"* 1 FETCH (EMAILID (M1))",
                b"* 2 FETCH (EMAILID (M2))",
                b"* 3 FETCH (EMAILID (M3) THREADID (T3))",
            ],
        )
        self.assertEqual({report["kind"] for report in self.reports()}, {"THREADID"})

    def test_overriddenFetch(self):
        """
        Where another server has a FETCH of its own, an identifier that cannot be shown is none, and
        not NIL: in its place is the UID.
        """

        class Theirs(IMAP4Server):
            def do_FETCH(self, tag, messages, query, uid=0):
                for number, message in self.mbox.fetch(messages, uid):
                    pieces = []
                    for item in query:
                        spew = getattr(self, "spew_" + item.type)
                        spew(number, message, pieces.append, None)
                    line = b"%d FETCH (%b)" % (number, b" ".join(pieces))
                    self.sendUntaggedResponse(line)
                self.sendPositiveResponse(tag, b"Theirs")

            select_FETCH = (do_FETCH, IMAP4Server.arg_seqset, IMAP4Server.arg_fetchatt)

        self.session = Session(
            IdentifiedAccount, server=type("Server", (JMAPAccessMixin, Theirs), {})()
        )
        self.session.inbox.put(emailID="a b", threadID="c d")
        self.session.inbox.put(threadID=None)
        self.session.selected()
        self.assertEqual(
            self.session.send(b"a FETCH 1:2 (EMAILID THREADID FLAGS)")[:2],
            [
                b"* 1 FETCH (UID 1 UID 1 FLAGS ())",
                b"* 2 FETCH (EMAILID (M2) THREADID NIL FLAGS ())",
            ],
        )

    def test_oneForTwo(self):
        """
        An identifier that two mailboxes have is shown for one of them only (section 4).
        """
        twin = IdentifiedMailbox(self.session.slow)
        self.session.account.mailboxes["twin"] = twin
        lines = self.session.send(
            b"a STATUS INBOX (MAILBOXID)", b"a STATUS twin (MAILBOXID)", b"a SELECT twin"
        )
        self.assertEqual(found(lines, b"MAILBOXID"), ["F1"])
        (report,) = self.reports()
        self.assertIs(report["holder"], twin)

    def test_renamedElsewhere(self):
        """
        A mailbox that somebody else has renamed keeps its identifier.
        """
        self.session.account.add("box")
        self.session.send(b"a STATUS box (MAILBOXID)")
        self.session.account._rename("box", "new")
        self.assertEqual(
            found(self.session.send(b"a STATUS new (MAILBOXID)"), b"MAILBOXID"), ["F2"]
        )
        self.assertEqual(self.reports(), [])


class IndexTests(ObjectIDTests, SynchronousTestCase):
    """
    A store without identifiers, and an index.
    """

    def connect(self, account=None):
        if account is None:
            self.path = os.path.abspath(self.mktemp())
        self.index = InlineIndex(self.path)
        return Session(Account if account is None else lambda name: account, objectIDs=self.index)

    def file(self):
        """
        @return: the path of the account's file.
        """
        return os.path.join(self.path, "arnt.sqlite")

    def test_restart(self):
        """
        Another server with the same directory tells the same.
        """
        for n in range(3):
            self.inbox.put(self.reply(n))
        self.session.selected()
        emails, mailbox = self.fetch(b"EMAILID"), self.status(b"INBOX")
        self.session = self.connect(self.account).selected()
        self.assertEqual(self.fetch(b"EMAILID"), emails)
        self.assertEqual(self.status(b"INBOX"), mailbox)

    def test_firstSeen(self):
        """
        What was told once stays, whatever the store says about the message later; it is not read
        again.
        """
        message = self.inbox.put()
        self.session.selected()
        before = self.fetch(b"EMAILID"), self.fetch(b"THREADID")
        message.date = b"Fri, 01 Jan 2021 00:00:00 +0000"
        message.getHeaders = lambda *args: 1 / 0
        self.assertEqual((self.fetch(b"EMAILID"), self.fetch(b"THREADID")), before)

    def test_turns(self):
        """
        Others have their turn while a long message is read, or many.
        """
        turns, reads = [], set()

        class Long(io.BytesIO):
            def read(self, size=-1):
                reads.add(len(turns))
                return super().read(size)

        message = self.inbox.put()
        message.open = lambda: Long(bytes(3 * 65536))
        alsoProvides(message, IMessageIMAPFile)
        self.session.selected()
        callLater = self.session.server.callLater
        self.session.server.callLater = lambda *args: turns.append(args) or callLater(*args)
        times = iter(range(1000))
        configure(self.session.server, {"seconds": lambda: next(times) * 2 * SLICE})
        self.assertEqual(len(self.fetch(b"EMAILID")), 1)
        self.assertEqual(len(reads), 4)
        for number in range(10):
            small = self.inbox.put(b"%d" % number)
            small.getInternalDate = lambda: reads.add(len(turns)) or b""
        reads.clear()
        # Three messages in a slice.
        configure(self.session.server, {"seconds": lambda: next(times) * SLICE / 3})
        self.fetch(b"EMAILID")
        self.assertGreater(len(reads), 2)

    def test_different(self):
        """
        Messages that differ in their octets or in their INTERNALDATE have different EMAILIDs; the
        same message twice may have one.
        """
        self.inbox.put()
        self.inbox.put()
        self.inbox.put(date=b"Fri, 01 Jan 2021 00:00:00 +0000")
        self.inbox.put(HELLO + b".")
        self.session.selected()
        first, same, later, longer = self.fetch(b"EMAILID")
        self.assertEqual(first, same)
        self.assertEqual(len({first, later, longer}), 3)

    def test_values(self):
        """
        One letter in front, lower-case letters and digits behind it: values that differ only in
        case cannot be (section 8.1).
        """
        self.inbox.put()
        self.session.selected()
        for value, letter in (
            (self.status(b"INBOX"), "F"),
            (self.fetch(b"EMAILID")[0], "M"),
            (self.fetch(b"THREADID")[0], "T"),
        ):
            self.assertRegex(value, f"^{letter}[a-z2-7]{{26}}$")

    def test_renameBelow(self):
        """
        Mailboxes below a renamed one are renamed too.
        """
        for name in (b"a", b"a/b", b"ab"):
            self.session.send(b"x CREATE " + name)
        before = self.status(b"a"), self.status(b"a/b"), self.status(b"ab")
        rename = self.account._rename

        def withInferiors(old, new):
            for name in [n for n in self.account.mailboxes if n == old or n.startswith(old + "/")]:
                rename(name, new + name[len(old) :])

        self.account._rename = withInferiors
        self.session.send(b"x RENAME a z")
        after = self.status(b"z"), self.status(b"z/b"), self.status(b"ab")
        self.assertEqual(after, before)

    def test_renameRefused(self):
        """
        A RENAME that fails changes nothing.
        """
        self.session.send(b"x CREATE a", b"x CREATE b")
        before = self.status(b"a"), self.status(b"b")
        (line,) = self.session.send(b"x RENAME a b")
        self.assertTrue(line.startswith(b"x NO "))
        self.assertEqual((self.status(b"a"), self.status(b"b")), before)

    def test_renameChangesUIDValidity(self):
        """
        A store may give a renamed mailbox another UIDVALIDITY.
        """
        self.session.send(b"x CREATE a")
        before = self.status(b"a")
        rename = self.account._rename

        def changing(old, new):
            rename(old, new)
            self.account.mailboxes[new].getUIDValidity = lambda: 8

        self.account._rename = changing
        self.session.send(b"x RENAME a b")
        self.assertEqual(self.status(b"b"), before)
        self.account.mailboxes["b"].getUIDValidity = lambda: 9
        self.assertNotEqual(self.status(b"b"), before)

    def test_deleted(self):
        """
        The identifier of a deleted mailbox is not given again, even where UIDVALIDITY is the same.
        """
        self.session.send(b"x CREATE a")
        before = self.status(b"a")
        self.session.send(b"x DELETE a", b"x CREATE a")
        self.assertNotEqual(self.status(b"a"), before)

    def test_nameTakenOver(self):
        """
        A new mailbox under the name of a renamed one has an identifier of its own.
        """
        self.session.send(b"x CREATE a")
        before = self.status(b"a")
        self.session.send(b"x RENAME a b", b"x CREATE a")
        self.assertEqual(self.status(b"b"), before)
        self.assertNotEqual(self.status(b"a"), before)

    def test_uidValidity(self):
        """
        Another UIDVALIDITY is another mailbox (section 4).
        """
        before = self.status(b"INBOX")
        self.inbox.getUIDValidity = lambda: 8
        self.assertNotEqual(self.status(b"INBOX"), before)
        self.inbox.getUIDValidity = lambda: 7
        self.assertEqual(self.status(b"INBOX"), before)

    def test_copyByAppending(self):
        """
        COPY carries EMAILIDs where copies are added like new messages, and get other dates.
        """
        for n in range(2):
            self.inbox.put(self.reply(n))
        self.session.selected()
        before = self.fetch(b"EMAILID")
        self.session.send(b"x CREATE box")
        self.copyAnd(lambda message: setattr(message, "date", b"Fri, 01 Jan 2021 00:00:00 +0000"))
        self.session.send(b"x COPY 1:2 box", b"x SELECT box")
        self.assertEqual(self.fetch(b"EMAILID"), before)

    def test_copyWithoutUIDs(self):
        """
        COPY carries EMAILIDs also where the mailbox does not tell the UIDs of copies.
        """
        for n in range(3):
            self.inbox.put(self.reply(n))
        self.session.selected()
        before = self.fetch(b"EMAILID")
        self.session.send(b"x CREATE box")
        box = self.account.mailboxes["box"]
        box.put()
        self.copyAnd(lambda message: setattr(message, "date", b"Fri, 01 Jan 2021 00:00:00 +0000"))

        def copy(message):
            box.put(message.octets)

        box.copy = copy
        alsoProvides(box, IMessageIMAPCopier)
        self.session.send(b"x COPY 2:3 box", b"x SELECT box")
        self.assertEqual(self.fetch(b"EMAILID")[1:], before[1:])

    def test_unreadable(self):
        """
        A message that cannot be read has no identifiers; the others have.
        """
        for n in range(3):
            self.inbox.put(self.reply(n))
        self.inbox.messages[1].getBodyFile = lambda: 1 / 0
        self.session.selected()
        self.assertEqual(len(self.fetch(b"EMAILID")), 2)

    def test_damaged(self):
        """
        With a damaged index mail can be read. The operator is told the file and the command that
        rebuilds it, once; and that command saves what can be saved, or says that it is nothing.
        """
        self.inbox.put()
        self.session.selected()
        emails = self.fetch(b"EMAILID")
        with open(self.file(), "r+b") as file:
            file.write(b"This is no database")
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.session = self.connect(self.account).selected()
        for _ in range(2):
            self.assertEqual(self.fetch(b"EMAILID"), [])
        self.assertEqual(
            self.session.send(b"a FETCH 1 (EMAILID FLAGS)")[0], b"* 1 FETCH (FLAGS ())"
        )
        problems = [event["problem"] for event in events if "problem" in event]
        self.assertEqual(len(problems), 2)  # Of the mailbox, and of its messages.
        for problem in problems:
            self.assertIn(f"rebuild {self.file()}", problem)
        errors = io.StringIO()
        with redirect_stderr(errors):
            self.assertEqual(main(["rebuild", self.file()]), 1)
        self.assertIn("nothing could be recovered", errors.getvalue())
        self.session = self.connect(self.account).selected()
        self.assertEqual(self.fetch(b"EMAILID")[:1], emails)

    def test_rebuild(self):
        """
        What can still be read of a damaged index is in the rebuilt one.
        """
        for n in range(500):
            self.inbox.put(self.reply(n))
        self.session.send(b"x CREATE a", b"x RENAME a b")
        mailbox = self.status(b"b")
        self.session.selected()
        self.fetch(b"EMAILID")
        size = os.path.getsize(self.file())
        with open(self.file(), "r+b") as file:
            file.seek(size // 2)
            file.write(b"\xff" * (size // 2))
        output = io.StringIO()
        with redirect_stdout(output):
            self.assertEqual(main(["rebuild", self.file()]), 0)
        self.assertIn(".damaged", output.getvalue())
        self.session = self.connect(self.account)
        self.assertEqual(self.status(b"b"), mailbox)

    def test_shared(self):
        """
        JMAPACCESS stands on the word that the JMAP server has the same index.
        """
        for shared in (False, True):
            session = Session(
                objectIDs=InlineIndex(self.path, sharedWithJMAP=shared),
                jmapAccessPolicy=SharedCredentials("https://example.com/jmap"),
            )
            (line, _) = session.send(b"a CAPABILITY")
            self.assertIn(b" OBJECTID", line)
            self.assertEqual(b" JMAPACCESS" in line, shared)

    def test_unknownUser(self):
        """
        Where nobody knows whose account it is, there are no identifiers.
        """
        self.session.server.loginRecord = None
        self.assertEqual(found(self.session.send(b"a STATUS INBOX (MAILBOXID)"), b"MAILBOXID"), [])

    def test_fileNames(self):
        """
        No user name leads out of the directory.
        """
        for name in ("../../etc/passwd", "..", "a/b", "\0", "é" * 200, "."):
            path = self.index.fileOf(name)
            self.assertEqual(os.path.dirname(path), self.path)
            self.assertLess(len(os.path.basename(path)), 200)
        self.assertNotEqual(self.index.fileOf("a" * 300), self.index.fileOf("a" * 301))


class MainTests(SynchronousTestCase):
    """
    C{python -m txjmapaccess.objectid}
    """

    def run_(self, *arguments):
        """
        @return: the exit status and what is on stderr.
        """
        errors = io.StringIO()
        with redirect_stderr(errors):
            return main(arguments), errors.getvalue()

    def test_usage(self):
        """
        A wrong call is one sentence, and exit status 1.
        """
        for arguments in ((), ("rebuild",), ("other", "x")):
            status, errors = self.run_(*arguments)
            self.assertEqual((status, errors.count("\n")), (1, 1))

    def test_missing(self):
        """
        So is a file that is not there.
        """
        status, errors = self.run_("rebuild", "/nonexistent/x")
        self.assertEqual(
            (status, errors), (1, "/nonexistent/x cannot be rebuilt: No such file or directory\n")
        )


class ThreadTests(AsyncTestCase):
    """
    Jobs run in threads of the index.
    """

    async def test_run(self):
        """
        The result of a job comes with a Deferred; the directory is made for the first.
        """
        index = ObjectIDIndex(self.mktemp())
        self.addCleanup(index.close)
        path = index.fileOf("arnt")
        thread = await index.run(threading.current_thread)
        self.assertIsNot(thread, threading.current_thread())
        key = await index.run(AccountIndex(path).findMailbox, "INBOX", 7)
        self.assertEqual(await index.run(AccountIndex(path).findMailbox, "INBOX", 7), key)
        self.assertTrue(os.path.exists(path))
