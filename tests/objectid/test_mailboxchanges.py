# -*- test-case-name: tests.objectid.test_mailboxchanges -*-
"""
CREATE, DELETE, RENAME and COPY on a store that knows nothing of identifiers, with an
L{txjmapaccess.objectid.ObjectIDIndex}: whoever does them, whoever is killed meanwhile, and whatever
the names are that mailboxes answer to.
"""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import globalLogPublisher
from twisted.mail.imap4 import IMAP4Server, MailboxException, MemoryAccount
from twisted.mail.interfaces import IMessageIMAPCopier
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.objectid.test_rfc8474 import TheirAccount, TheirMailbox
from tests.support.identifiers import AFTER, BEFORE, InlineIndex, found, stall
from tests.support.imap import configure
from tests.support.mail import HELLO, Mailbox, Session
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.objectid import mailboxchanges
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.pacing import SLICE
from txjmapaccess.server import JMAPAccessMixin


class ChangeTestCase(SynchronousTestCase):
    """
    @ivar session: a connection.
    """

    accountFactory = TheirAccount

    def setUp(self):
        self.path = os.path.abspath(self.mktemp())
        self.account = self.accountFactory()
        self.session = self.connect()

    def connect(self, **keywords):
        """
        @return: a connection at a server process that has just been started.
        """
        self.index = InlineIndex(self.path)
        return Session(lambda name: self.account, objectIDs=self.index, **keywords)

    def do(self, *lines, session=None):
        """
        Commands that succeed.

        @return: the last line of each answer.
        """
        answers = []
        for line in lines:
            answers.append((session or self.session).send(b"a " + line)[-1])
            self.assertTrue(answers[-1].startswith(b"a OK "), (line, answers))
        return answers

    def status(self, name, session=None):
        """
        @return: a MAILBOXID.
        """
        lines = (session or self.session).send(b'a STATUS "%b" (MAILBOXID)' % name)
        (value,) = found(lines, b"MAILBOXID")
        return value

    def emails(self, name, session=None):
        """
        @return: the EMAILIDs in a mailbox.
        """
        session = session or self.session
        self.do(b'SELECT "%b"' % name, session=session)
        return found(session.send(b"a FETCH 1:* EMAILID"), b"EMAILID")

    def killed(self, method, when, line):
        """
        A command whose process is killed before or after the store has done it.
        """
        goOn = stall(self.account, method, when)
        self.assertEqual(self.session.send(b"a " + line), [])
        goOn()
        self.index.kill()
        self.session = self.connect()

    def failing(self, method, when, error, line):
        """
        A command of which the store says that it failed.
        """
        original = getattr(self.account, method)

        def raising(*args):
            if when == AFTER:
                original(*args)
            raise error

        setattr(self.account, method, raising)
        self.assertTrue(self.session.send(b"a " + line)[-1].startswith(b"a NO "))
        delattr(self.account, method)
        self.flushLoggedErrors(RuntimeError)


class DeleteTests(ChangeTestCase):
    """
    DELETE: identifiers are not used again.
    """

    def setUp(self):
        super().setUp()
        self.do(b"CREATE a")
        self.account.mailboxes["a"].put()
        self.emailsBefore, self.before = self.emails(b"a"), self.status(b"a")

    def assertFresh(self):
        """
        A new mailbox a has other identifiers.
        """
        (line,) = self.do(b"CREATE a")
        self.assertNotIn(self.before, found([line], b"MAILBOXID"))
        self.account.mailboxes["a"].put(b"Subject: other\r\n\r\nOther\r\n")
        self.assertEqual(len(self.emails(b"a")), 1)
        self.assertNotEqual(self.emails(b"a"), self.emailsBefore)

    def test_done(self):
        """
        Of a mailbox that was deleted.
        """
        self.do(b"DELETE a")
        self.assertFresh()

    def test_killedAfter(self):
        """
        Of a mailbox that was deleted by a process that was killed before it could say so.
        """
        self.killed("delete", AFTER, b"DELETE a")
        self.assertFresh()

    def test_killedBefore(self):
        """
        A mailbox keeps its identifiers that was not deleted, because the process was killed.
        """
        self.killed("delete", BEFORE, b"DELETE a")
        self.assertEqual((self.status(b"a"), self.emails(b"a")), (self.before, self.emailsBefore))
        self.assertEqual(self.session.send(b"a CREATE a")[0][:5], b"a NO ")
        self.assertEqual(self.status(b"a"), self.before)

    def test_elsewhere(self):
        """
        Of a mailbox that somebody else has deleted, who knows of no index.
        """
        del self.account.mailboxes["a"]
        self.assertFresh()

    def test_madeMeanwhile(self):
        """
        When the store says that it has deleted a mailbox, it has, also when somebody else has made
        another of its name.
        """
        delete = self.account._delete

        def deleteAndMake(name):
            delete(name)
            self.account.mailboxes[name] = TheirMailbox()

        self.account._delete = deleteAndMake
        self.do(b"DELETE a")
        self.assertNotEqual(self.status(b"a"), self.before)

    def test_hidden(self):
        """
        A mailbox that is not listed keeps its identifiers, too, when the process is killed before
        it is deleted.
        """
        names = self.account._list
        self.account._list = lambda *args: [each for each in names(*args) if each[0] != "a"]
        self.killed("delete", BEFORE, b"DELETE a")
        self.assertEqual((self.status(b"a"), self.emails(b"a")), (self.before, self.emailsBefore))

    def test_elsewhereAbove(self):
        """
        Of one that CREATE makes on the way, too.
        """
        del self.account.mailboxes["a"]
        create = self.account._create

        def withParents(name):
            return [create(each) for each in ("a", name)]

        self.account._create = withParents
        self.do(b"CREATE a/b")
        self.assertNotEqual(self.status(b"a"), self.before)

    def test_refused(self):
        """
        A refusal changes nothing.
        """
        self.failing("delete", BEFORE, MailboxException("no"), b"DELETE a")
        self.assertEqual((self.status(b"a"), self.emails(b"a")), (self.before, self.emailsBefore))

    def test_failed(self):
        """
        After another failure it counts what is there.
        """
        self.failing("delete", BEFORE, RuntimeError(), b"DELETE a")
        self.assertEqual(self.status(b"a"), self.before)
        self.failing("delete", AFTER, RuntimeError(), b"DELETE a")
        self.assertFresh()


class RenameTests(ChangeTestCase):
    """
    RENAME: identifiers go with the mailbox.
    """

    def setUp(self):
        super().setUp()
        self.do(b"CREATE a", b"CREATE a/x", b"CREATE ab")
        self.account.mailboxes["a"].put()
        self.names = (b"a", b"a/x", b"ab")
        self.before = [self.status(name) for name in self.names]
        self.emailsBefore = self.emails(b"a")

    def test_killedAfter(self):
        """
        When the store has renamed it and the process is killed before it could say so.
        """
        self.killed("rename", AFTER, b"RENAME a b")
        after = [self.status(name) for name in (b"b", b"b/x", b"ab")]
        self.assertEqual(after, self.before)
        self.assertEqual(self.emails(b"b"), self.emailsBefore)

    def test_oldNameTaken(self):
        """
        A mailbox that is made under the old name then does not get them, asked about first or last.
        """
        self.killed("rename", AFTER, b"RENAME a b")
        (line,) = self.do(b"CREATE a")
        self.assertNotIn(found([line], b"MAILBOXID")[0], self.before)
        self.account.mailboxes["a"].put(b"Subject: other\r\n\r\nOther\r\n")
        self.assertNotEqual(self.emails(b"a"), self.emailsBefore)
        self.assertEqual([self.status(n) for n in (b"b", b"b/x", b"ab")], self.before)

    def test_killedBefore(self):
        """
        When it is killed before the store has renamed anything, all is as it was; a mailbox that is
        made under the new name gets others.
        """
        self.killed("rename", BEFORE, b"RENAME a b")
        (line,) = self.do(b"CREATE b")
        self.assertNotIn(found([line], b"MAILBOXID")[0], self.before)
        self.assertEqual([self.status(name) for name in self.names], self.before)
        self.assertEqual(self.emails(b"a"), self.emailsBefore)

    def test_killedHalfway(self):
        """
        When the store has renamed some of the mailboxes.
        """
        mailboxes = self.account.mailboxes
        self.killed("rename", BEFORE, b"RENAME a b")
        mailboxes["b/x"] = mailboxes.pop("a/x")
        self.assertEqual([self.status(n) for n in (b"a", b"b/x", b"ab")], self.before)

    def test_bothThere(self):
        """
        When both names are there afterwards, because somebody else has made one of them, nobody can
        tell which: then no mailbox gets the old identifiers.
        """
        self.killed("rename", BEFORE, b"RENAME a b")
        self.account.mailboxes["b"] = TheirMailbox()
        self.assertNotIn(self.status(b"a"), self.before)
        self.assertNotIn(self.status(b"b"), [*self.before, self.status(b"a")])

    def test_failed(self):
        """
        After a failure it counts what is there.
        """
        self.failing("rename", BEFORE, RuntimeError(), b"RENAME a b")
        self.assertEqual(self.status(b"a"), self.before[0])
        self.failing("rename", AFTER, RuntimeError(), b"RENAME a b")
        self.assertEqual([self.status(n) for n in (b"b", b"b/x", b"ab")], self.before)
        self.failing("rename", AFTER, TemporaryFailure(), b"RENAME b c")
        self.assertEqual([self.status(n) for n in (b"c", b"c/x", b"ab")], self.before)

    def test_refused(self):
        """
        A refusal changes nothing, even when a mailbox of the new name turns up.
        """

        def refuse(*args):
            self.account.mailboxes["b"] = TheirMailbox()
            raise MailboxException("no")

        self.account.rename = refuse
        self.assertTrue(self.session.send(b"a RENAME a b")[-1].startswith(b"a NO "))
        self.assertEqual([self.status(name) for name in self.names], self.before)

    def test_madeMeanwhile(self):
        """
        When the store says that it has renamed a mailbox, it has, also when somebody else has made
        another under the old name.
        """
        rename = self.account._rename

        def renameAndMake(old, new):
            rename(old, new)
            self.account.mailboxes[old] = TheirMailbox()

        self.account._rename = renameAndMake
        self.do(b"RENAME a b")
        self.assertEqual(self.status(b"b"), self.before[0])
        self.assertNotIn(self.status(b"a"), self.before)

    def test_staleTarget(self):
        """
        What is in the index of a mailbox of the new name that somebody else has deleted is no
        hindrance.
        """
        stale = self.status(b"ab")
        del self.account.mailboxes["ab"]
        self.do(b"RENAME a ab")
        self.assertEqual(self.status(b"ab"), self.before[0])
        self.assertNotEqual(stale, self.before[0])

    def test_opensAnything(self):
        """
        In a store that opens whatever it is asked for, identifiers go with the mailbox, too, and
        the others keep theirs.
        """
        mailboxes = self.account.mailboxes
        self.account.select = lambda name, rw=True: mailboxes.get(name, mailboxes["INBOX"])
        self.do(b"RENAME a b")
        self.assertEqual([self.status(n) for n in (b"b", b"b/x", b"ab")], self.before)
        self.killed("rename", AFTER, b"RENAME b c")
        self.assertEqual([self.status(n) for n in (b"c", b"c/x", b"ab")], self.before)
        self.killed("rename", BEFORE, b"RENAME c d")
        self.assertEqual([self.status(n) for n in (b"c", b"c/x", b"ab")], self.before)

    def test_hidden(self):
        """
        A mailbox that is not listed under either name takes them along.
        """
        names = self.account._list
        hidden = {"ab", "ac"}
        self.account._list = lambda *args: [e for e in names(*args) if e[0] not in hidden]
        self.do(b"RENAME ab ac")
        self.assertEqual(self.status(b"ac"), self.before[2])
        self.killed("rename", AFTER, b"RENAME ac ab")
        self.assertEqual([self.status(n) for n in self.names], self.before)

    def test_cannotSettle(self):
        """
        When the store cannot be asked afterwards, the RENAME is answered all the same, and what
        became of it is found out by whoever asks next.
        """
        rename = self.account._rename

        def renameAndBreak(old, new):
            rename(old, new)
            self.account.listMailboxes = lambda ref, wildcard: 1 / 0

        self.account._rename = renameAndBreak
        self.do(b"RENAME a b")
        self.assertEqual(found(self.session.send(b"a STATUS b (MAILBOXID)"), b"MAILBOXID"), [])
        del self.account.listMailboxes
        self.assertEqual(self.status(b"b"), self.before[0])

    def test_openElsewhere(self):
        """
        Whoever has a mailbox open still has its identifiers when somebody else renames it and makes
        another of its name; whatever he asks about in between, and whatever its objects are like.
        """

        class Slotted(TheirMailbox):
            __hash__ = None

        self.account.mailboxes["a"].__class__ = Slotted
        self.do(b"SELECT a")
        other = self.connect()
        self.do(b"RENAME a b", b"CREATE a", session=other)
        self.account.mailboxes["a"].put(b"Subject: other\r\n\r\nOther\r\n")
        for name in (b"INBOX", b"a"):
            self.status(name)
        self.assertEqual(
            found(self.session.send(b"a FETCH 1 EMAILID"), b"EMAILID"), self.emailsBefore
        )
        self.assertNotEqual(self.emails(b"a", other), self.emailsBefore)

    def test_openUnknown(self):
        """
        A mailbox that was opened while the index could not be used, and then renamed, is not taken
        for what has its name.
        """
        with open(self.index.fileOf("arnt"), "rb") as file:
            whole = file.read()
        with open(self.index.fileOf("arnt"), "wb"):
            pass
        self.session = self.connect()
        self.do(b"SELECT a")
        with open(self.index.fileOf("arnt"), "wb") as file:
            file.write(whole)
        self.do(b"RENAME a b", session=self.connect())
        self.assertEqual(found(self.session.send(b"a FETCH 1 EMAILID"), b"EMAILID"), [])
        self.assertEqual(self.emails(b"b"), self.emailsBefore)

    def lookedAtAfter(self, *lines):
        """
        Another session does this after the store has opened a mailbox and before its MAILBOXID is
        looked up.

        @return: the MAILBOXIDs that are shown.
        """
        select, opened = self.account.select, self.account.select("a", 1)
        waiting = [Deferred()]
        self.account.select = lambda *args: waiting.pop() if waiting else select(*args)
        slow = waiting[0]
        self.assertEqual(self.session.send(b"a SELECT a"), [])
        self.do(*lines, session=self.connect())
        slow.callback(opened)
        answer = self.session.received()
        self.assertTrue(answer[-1].startswith(b"a OK "), answer)
        return found(answer, rb"^\* OK \[MAILBOXID")

    def test_renamedWhileSelected(self):
        """
        A mailbox that was renamed after it was opened is not given another MAILBOXID, and its old
        name has none.
        """
        self.assertEqual(self.lookedAtAfter(b"RENAME a b"), [])
        self.assertIsNone(AccountIndex(self.index.fileOf("arnt")).findMailbox("a", 7))
        self.assertEqual(self.status(b"b"), self.before[0])

    def test_deletedWhileSelected(self):
        """
        So with one that was deleted: the next of its name has a MAILBOXID of its own.
        """
        self.assertEqual(self.lookedAtAfter(b"DELETE a"), [])
        self.assertIsNone(AccountIndex(self.index.fileOf("arnt")).findMailbox("a", 7))

    def test_renamedWhileAdded(self):
        """
        A mailbox that is renamed after the mailboxes were listed, and before it is put into the
        index, is not put there under its old name.
        """
        self.account.mailboxes["n"] = TheirMailbox()
        session, other = self.connect(), None
        add = AccountIndex.addMailbox

        def renameAndAdd(index, *args):
            nonlocal other
            if other is None:
                other = self.connect()
                self.do(b"RENAME n m", session=other)
            return add(index, *args)

        self.patch(AccountIndex, "addMailbox", renameAndAdd)
        self.assertEqual(found(session.send(b"a SELECT n"), rb"^\* OK \[MAILBOXID"), [])
        self.assertIsNone(AccountIndex(self.index.fileOf("arnt")).findMailbox("n", 7))
        self.status(b"m")

    def test_waits(self):
        """
        While a mailbox is being renamed, whoever asks about it waits, and changes wait for each
        other; others do not.
        """
        renamed = Deferred()
        rename = self.account.rename
        self.account.rename = lambda old, new: renamed.addCallback(lambda _: rename(old, new))
        self.assertEqual(self.session.send(b"a RENAME a b"), [])
        asking, deleting = self.connect(), self.connect()
        self.assertEqual(asking.send(b"a STATUS a (MAILBOXID)"), [])
        self.assertEqual(deleting.send(b"a DELETE a"), [])
        self.status(b"INBOX", self.connect())
        renamed.callback(None)
        self.assertEqual(self.session.received(), [b"a OK Mailbox renamed"])
        for session in (asking, deleting):
            session.clock.advance(1)
        self.assertEqual(deleting.received(), [b"a NO [NONEXISTENT] No such mailbox"])
        self.assertEqual(self.status(b"b"), self.before[0])

    def test_waitsTooLong(self):
        """
        Who has waited for too long changes nothing.
        """
        self.account.rename = lambda old, new: Deferred()
        self.assertEqual(self.session.send(b"a RENAME a b"), [])
        self.patch(mailboxchanges, "_LOOKS", 3)
        other = self.connect()
        other.send(b"a DELETE ab")
        other.clock.pump([0.02, 0] * 4)
        self.assertEqual(other.received(), [b"a NO [UNAVAILABLE] Temporarily not available"])
        self.assertIn("ab", self.account.mailboxes)

    def test_waitsForNobody(self):
        """
        Who has gone away meanwhile changes nothing either.
        """
        self.account.rename = lambda old, new: Deferred()
        self.session.send(b"a RENAME a b")
        running, other = self.index, self.connect()
        other.send(b"a DELETE ab")
        other.lose()
        running.kill()
        other.clock.pump([0.02, 0] * 4)
        self.assertIn("ab", self.account.mailboxes)


class CopyTests(ChangeTestCase):
    """
    COPY: the copies have the EMAILIDs of their sources.
    """

    def setUp(self):
        super().setUp()
        self.do(b"CREATE box")
        self.inbox, self.box = self.account.mailboxes["INBOX"], self.account.mailboxes["box"]
        self.inbox.put()
        self.inbox.put(HELLO + b"!")
        self.before = self.emails(b"INBOX")

    def slowly(self):
        """
        Let copies be there before the store says so.

        @return: a Deferred that lets it say so.
        """
        said = Deferred()
        copy = self.box.copy

        def slow(message):
            uid = copy(message)
            done = Deferred()
            said.addCallback(lambda _: done.callback(uid))
            return done

        self.box.copy = slow
        return said

    def test_readMeanwhile(self):
        """
        Nobody is told another EMAILID who reads a copy before its COPY has come to an end; what was
        there before is told.
        """
        self.box.put(b"Subject: x\r\n\r\n")
        said = self.slowly()
        self.assertEqual(self.session.send(b"a COPY 1:2 box"), [])
        other = self.connect()
        self.do(b"SELECT box", session=other)
        self.assertEqual(len(found(other.send(b"a FETCH 1 EMAILID"), b"EMAILID")), 1)
        self.assertEqual(other.send(b"a FETCH 2:3 EMAILID"), [])
        said.callback(None)
        self.assertTrue(self.session.received()[-1].startswith(b"a OK "))
        other.clock.advance(1)
        self.assertEqual(found(other.received(), b"EMAILID"), self.before)

    def test_killed(self):
        """
        What a COPY leaves behind that was killed are new messages, of which EMAILIDs are told.
        """
        self.slowly()
        self.assertEqual(self.session.send(b"a COPY 1:2 box"), [])
        self.index.kill()
        self.session = self.connect()
        copies = self.emails(b"box")
        self.assertEqual((len(set(copies)), set(copies) & set(self.before)), (2, set()))
        self.assertEqual(self.emails(b"INBOX"), self.before)
        del self.box.copy
        self.do(b"COPY 1:2 box")
        self.assertEqual(self.emails(b"box"), copies + self.before)

    def test_failed(self):
        """
        So are those of a COPY that failed.
        """
        self.box.copy = lambda message: 1 / 0
        self.assertTrue(self.session.send(b"a COPY 1 box")[-1].startswith(b"a NO "))
        self.flushLoggedErrors(ZeroDivisionError)
        self.box.put()
        self.assertEqual(len(self.emails(b"box")), 1)
        self.assertEqual(AccountIndex(self.index.fileOf("arnt")).begun(), [])

    def withoutUIDs(self, *sizes):
        """
        Let the store tell no UIDs, and deliver something before each copy.
        """
        copy = self.box.copy

        def deliverAndCopy(message):
            for size in sizes:
                self.box.put(b"x" * size)
            copy(message)

        self.box.copy = deliverAndCopy

    def test_withoutUIDs(self):
        """
        Where the store does not tell the UIDs of copies, the new messages are they, in order.
        """
        self.withoutUIDs()
        self.do(b"COPY 1:2 box")
        self.assertEqual(self.emails(b"box"), self.before)

    def test_withoutUIDsAtOnce(self):
        """
        Also when several sessions copy at once: one waits for the other.
        """
        self.withoutUIDs()
        copy, said = self.box.copy, Deferred()

        def later(message):
            done = Deferred()
            said.addCallback(lambda _: done.callback(copy(message)))
            return done

        self.box.copy = later
        other = self.connect().selected()
        self.assertEqual(self.session.send(b"a COPY 1:2 box"), [])
        self.assertEqual(other.send(b"a COPY 2 box"), [])
        said.callback(None)
        self.assertTrue(self.session.received()[-1].startswith(b"a OK "))
        other.clock.advance(1)
        self.assertTrue(other.received()[-1].startswith(b"a OK "))
        self.assertEqual(self.emails(b"box"), [*self.before, self.before[1]])

    def test_others(self):
        """
        Unless their sizes or their number say that others have come as well: then no message gets
        an EMAILID that may be that of another.
        """
        self.withoutUIDs(5)
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.do(b"COPY 1 box")
        self.assertIn("cannot be distinguished", events[-1].get("problem", ""))
        self.assertFalse(set(self.emails(b"box")) & set(self.before))

    def test_otherInstead(self):
        """
        Also when there are as many as there should be.
        """

        def copy(message):
            self.box.put(b"x" * len(HELLO[1:]))

        self.box.copy = copy
        self.do(b"COPY 1 box")
        self.assertFalse(set(self.emails(b"box")) & set(self.before))

    def overriding(self, method):
        """
        @return: a connection to a server with a COPY of its own, which has selected INBOX.
        """
        theirs = type("Theirs", (IMAP4Server,), {"_cbCopySelectedMailbox": method})
        session = self.connect(server=type("Server", (JMAPAccessMixin, theirs), {})())
        return session.selected()

    def test_overridden(self):
        """
        A server that has overridden what Twisted's COPY calls, and answers at once.
        """

        def copy(server, mbox, tag, messages, mailbox, uid):
            for _, message in server.mbox.fetch(messages, uid):
                mbox.copy(message)
            server.sendPositiveResponse(tag, b"Theirs")

        session = self.overriding(copy)
        self.assertEqual(session.send(b"a COPY 1:2 box", b"a COPY 1 box")[-1], b"a OK Theirs")
        self.assertEqual(self.emails(b"box", session), [*self.before, self.before[0]])

    def test_overriddenSlowly(self):
        """
        One that answers later, of which its method says nothing. Whoever asks meanwhile waits.
        """
        said = self.slowly()

        def copy(server, mbox, tag, messages, mailbox, uid):
            IMAP4Server._cbCopySelectedMailbox(server, mbox, tag, messages, mailbox, uid)

        alsoProvides(self.box, IMessageIMAPCopier)
        session = self.overriding(copy)
        self.assertEqual(session.send(b"a COPY 1:2 box", b"a COPY 1 box"), [])
        other = self.connect()
        self.do(b"SELECT box", session=other)
        self.assertEqual(other.send(b"a FETCH 1:2 EMAILID"), [])
        said.callback(None)
        session.clock.pump([0.02, 0] * 3)
        lines = session.received()
        self.assertEqual([line[:5] for line in lines], [b"a OK "] * 2)
        other.clock.advance(1)
        self.assertEqual(found(other.received(), b"EMAILID"), self.before)
        self.assertEqual(self.emails(b"box", session), [*self.before, self.before[0]])

    def test_overriddenRefusing(self):
        """
        One that refuses.
        """

        def copy(server, mbox, tag, messages, mailbox, uid):
            server.sendNegativeResponse(tag, b"Theirs")

        session = self.overriding(copy)
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.assertEqual(session.send(b"a COPY 1:2 box"), [b"a NO Theirs"])
        self.assertEqual(events, [])
        self.box.put()
        self.assertEqual(len(self.emails(b"box", session)), 1)


class UnusableTests(ChangeTestCase):
    """
    An index that cannot be used: what it must be told of is refused, so that no identifier is ever
    wrong. Everything else can be done.
    """

    def setUp(self):
        super().setUp()
        self.do(b"CREATE a")
        self.account.mailboxes["INBOX"].put()
        self.do(b"SELECT INBOX")
        with open(self.index.fileOf("arnt"), "wb"):
            pass

    def test_refused(self):
        """
        Mailboxes stay as they are, and nothing is copied.
        """
        for line in (b"CREATE b", b"DELETE a", b"RENAME a b", b"COPY 1 a"):
            self.assertEqual(
                self.session.send(b"a " + line),
                [b"a NO [UNAVAILABLE] Temporarily not available"],
                line,
            )
        self.assertEqual(set(self.account.mailboxes), {"INBOX", "a"})
        self.assertEqual(self.account.mailboxes["a"].messages, [])

    def test_search(self):
        """
        A search for an identifier is refused: there may be such a message.
        """
        for key in (b"EMAILID M1", b"NOT EMAILID M1", b"THREADID T1"):
            self.assertEqual(
                self.session.send(b"a SEARCH " + key),
                [b"a NO [UNAVAILABLE] Temporarily not available"],
            )
        self.assertEqual(self.session.send(b"a SEARCH ALL")[0], b"* SEARCH 1")

    def test_mail(self):
        """
        Mail can be read, marked, delivered and expunged.
        """
        for line in (
            *(b"SELECT a", b"SELECT INBOX", b"FETCH 1 (EMAILID BODY[])", b'LIST "" "*"'),
            *(b"STATUS a (MESSAGES MAILBOXID)", b"STORE 1 FLAGS (\\Deleted)", b"EXPUNGE"),
        ):
            self.do(line)
        lines = self.session.send(b"a APPEND INBOX {5+}", b"hello")
        self.assertTrue(lines[-1].startswith(b"a OK "), lines)

    def test_log(self):
        """
        The log names the file, and the command that rebuilds it.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for line in (b"DELETE a", b"SEARCH EMAILID M1", b"FETCH 1 EMAILID"):
            events.clear()
            self.session.send(b"a " + line)
            (text,) = [str(event.get("reason") or event.get("problem")) for event in events]
            self.assertIn(f"objectid rebuild {self.index.fileOf('arnt')}", text)


class PreservingAccount(TheirAccount):
    """
    An account that keeps the case of letters in names, and does not care about it.
    """

    def select(self, name, rw=True):
        same = [each for each in self.mailboxes if each.lower() == name.lower()]
        return self.mailboxes[same[0]] if same else None


class PreservingTests(ChangeTestCase):
    """
    A store in which names differ in more than their case.
    """

    accountFactory = PreservingAccount

    def test_rename(self):
        """
        A mailbox keeps its identifiers when the case of its name is changed, also when the process
        is killed then.
        """
        self.do(b"CREATE foo")
        before = self.status(b"foo")
        self.do(b"RENAME foo Foo")
        self.assertEqual(self.status(b"fOO"), before)
        self.killed("rename", AFTER, b"RENAME Foo FOO")
        for name in (b"FOO", b"foo", b"Foo"):
            self.assertEqual(self.status(name), before)

    def test_renamedElsewhere(self):
        """
        What the index has of a name that somebody else has changed so is forgotten at the next
        occasion: the mailbox has one identifier.
        """
        self.do(b"CREATE foo")
        self.account.mailboxes["Foo"] = self.account.mailboxes.pop("foo")
        self.do(b"CREATE foo/x")
        self.assertEqual(self.status(b"foo"), self.status(b"Foo"))


class FoldingAccount(MemoryAccount):
    """
    Twisted's own account, whose names are all in upper case, whatever the client says.
    """

    def __init__(self):
        super().__init__("arnt")
        self.addMailbox("INBOX")
        self.slow = None

    def _emptyMailbox(self, name, id):
        mailbox = TheirMailbox()
        mailbox.destroy = lambda: None
        return mailbox


class FoldingTests(ChangeTestCase):
    """
    A store in which one mailbox answers to several names.
    """

    accountFactory = FoldingAccount

    def test_names(self):
        """
        It has one identifier.
        """
        (line,) = self.do(b"CREATE Foo/")
        (value,) = found([line], b"MAILBOXID")
        for name in (b"foo", b"FOO", b"Foo"):
            self.assertEqual(self.status(name), value)
            self.assertEqual(self.status(name, self.connect()), value)
        self.assertNotEqual(self.status(b"inbox"), value)

    def test_emails(self):
        """
        So have its messages, copies too.
        """
        self.account.mailboxes["INBOX"].put()
        self.do(b"CREATE foo", b"SELECT inbox", b"COPY 1 Foo")
        before = self.emails(b"INBOX")
        for name in (b"foo", b"FOO", b"inbox"):
            self.assertEqual(self.emails(name), before)

    def test_rename(self):
        """
        RENAME keeps identifiers; this account renames all mailboxes whose names begin alike.
        """
        self.do(b"CREATE foo", b"CREATE foo/x", b"CREATE foot")
        before = [self.status(name) for name in (b"foo", b"foo/x", b"foot")]
        self.do(b"RENAME Foo bar")
        self.assertEqual([self.status(n) for n in (b"Bar", b"bar/X", b"bart")], before)

    def test_killedInRename(self):
        """
        Also when the process is killed.
        """
        self.do(b"CREATE foo", b"CREATE foo/x")
        before = [self.status(name) for name in (b"foo", b"foo/x")]
        self.killed("rename", AFTER, b"RENAME Foo bar")
        self.do(b"CREATE foo")
        self.assertEqual([self.status(n) for n in (b"BAR", b"bar/x")], before)
        self.assertNotIn(self.status(b"Foo"), before)

    def test_delete(self):
        """
        DELETE under another name spends the identifier.
        """
        for when in (None, AFTER):
            self.do(b"CREATE foo")
            before = self.status(b"foo")
            if when:
                self.killed("delete", when, b"DELETE Foo")
            else:
                self.do(b"DELETE Foo")
            self.do(b"CREATE FOO")
            self.assertNotEqual(self.status(b"foo"), before)
            self.do(b"DELETE foo")


class OwnCommandTests(ChangeTestCase):
    """
    A server with commands of its own.
    """

    def test_methods(self):
        """
        Those that call C{createIdentified}, C{deleteIdentified} and C{renameIdentified} keep
        identifiers right, as do ours.
        """

        class Theirs(IMAP4Server):
            def do_XMAKE(self, tag, name):
                return self._then(tag, self.createIdentified(name.decode()))

            def do_XDROP(self, tag, name):
                return self._then(tag, self.deleteIdentified(name.decode()))

            def do_XMOVE(self, tag, old, new):
                return self._then(tag, self.renameIdentified(old.decode(), new.decode()))

            def _then(self, tag, done):
                return done.addCallback(lambda _: self.sendPositiveResponse(tag, b"Theirs"))

            auth_XMAKE = (do_XMAKE, IMAP4Server.arg_astring)
            auth_XDROP = (do_XDROP, IMAP4Server.arg_astring)
            auth_XMOVE = (do_XMOVE, IMAP4Server.arg_astring, IMAP4Server.arg_astring)

        self.session = self.connect(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.do(b"XMAKE a")
        before = self.status(b"a")
        self.do(b"XMOVE a b")
        self.assertEqual(self.status(b"b"), before)
        self.do(b"XDROP b", b"XMAKE b")
        self.assertNotEqual(self.status(b"b"), before)
        self.assertEqual(self.session.send(b"a XDROP nix"), [b"a NO [NONEXISTENT] No such mailbox"])

    def test_copy(self):
        """
        A COPY of its own within C{changing} keeps EMAILIDs right.
        """

        class Theirs(IMAP4Server):
            def do_COPY(self, tag, messages, name, uid=0):
                return Deferred.fromCoroutine(self._theirs(tag, messages, name.decode(), uid))

            async def _theirs(self, tag, messages, name, uid):
                target = self.account.select(name)
                found = [message for _, message in self.mbox.fetch(messages, uid)]

                async def copy():
                    return [target.copy(message) for message in found]

                await self.changing(
                    "copying", (self.mbox, found, name, target, target.getUIDNext()), copy
                )
                self.sendPositiveResponse(tag, b"Theirs")

            select_COPY = (do_COPY, IMAP4Server.arg_seqset, IMAP4Server.arg_finalastring)

        self.session = self.connect(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.do(b"CREATE a")
        self.account.mailboxes["INBOX"].put()
        before = self.emails(b"INBOX")
        self.assertEqual(self.do(b"COPY 1 a"), [b"a OK Theirs"])
        self.assertEqual(self.emails(b"a"), before)

    def test_result(self):
        """
        They give what the account gives.
        """
        results = []
        self.account.create = lambda name: "made"
        maybeDeferred(self.session.server.createIdentified, "a").addCallback(results.append)
        self.assertEqual(results, ["made"])


class SearchTests(ChangeTestCase):
    """
    SEARCH for identifiers (RFC 8474, section 6) with an index.
    """

    def setUp(self):
        super().setUp()
        self.inbox = self.account.mailboxes["INBOX"]
        for n in range(3):
            self.inbox.put(b"Message-ID: <%d@x>\r\nReferences: <0@x>\r\n\r\n" % n)

    def search(self, keys):
        """
        @return: what is found.
        """
        return self.session.send(b"a SEARCH " + keys)[0]

    def test_unseen(self):
        """
        Messages are found of which nobody has seen the identifiers.
        """
        other = self.connect()
        wanted = self.emails(b"INBOX", other)[1]
        os.unlink(self.index.fileOf("arnt"))
        self.do(b"SELECT INBOX")
        self.assertEqual(self.search(b"EMAILID " + wanted.encode()), b"* SEARCH 2")

    def test_byIndex(self):
        """
        No message is looked at that the index knows, nor one that came since but once.
        """
        wanted = self.emails(b"INBOX")[1].encode()
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH 2")
        self.inbox.put(b"Message-ID: <3@x>\r\nReferences: <0@x>\r\n\r\n")
        self.do(b"NOOP")
        looked = []
        fetch = self.inbox.fetch

        def looking(messages, uid):
            chosen = list(fetch(messages, uid))
            looked.append([message.uid for _, message in chosen])
            return chosen

        self.inbox.fetch = looking
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH 2")
        self.assertEqual(looked, [[4], [2]])
        looked.clear()
        self.index.jobs.clear()
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH 2")
        # For 5:* the mailbox gives the last one, whatever its UID (RFC 3501, section 6.4.8).
        self.assertEqual(looked, [[4], [2]])
        self.assertNotIn("findMessages", self.index.jobs)
        self.assertNotIn("addMessages", self.index.jobs)

    def test_unreadable(self):
        """
        A message that could not be read is tried again.
        """
        wanted = self.emails(b"INBOX")[1].encode()
        os.unlink(self.index.fileOf("arnt"))
        self.do(b"SELECT INBOX")
        self.inbox.messages[1].getBodyFile = lambda: 1 / 0
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH")
        del self.inbox.messages[1].getBodyFile
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH 2")

    def test_clientGone(self):
        """
        When the client goes away meanwhile, that is no fault of a message.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.do(b"SELECT INBOX")
        server = self.session.server
        times = iter(range(100000))
        configure(server, {"seconds": lambda: next(times) * 2 * SLICE})
        server.dataReceived(b"a FETCH 1:* EMAILID\r\n")
        self.session.lose()
        self.session.clock.pump([0] * 9)
        self.assertEqual([event for event in events if "problem" in event], [])
        self.assertNotIn("addMessages", self.index.jobs)

    def test_expunged(self):
        """
        What is gone is not found.
        """
        wanted = self.emails(b"INBOX")[1].encode()
        del self.inbox.messages[1]
        self.assertEqual(self.search(b"EMAILID " + wanted), b"* SEARCH")
        self.assertEqual(self.search(b"NOT EMAILID " + wanted), b"* SEARCH 1 2")


class PlainMailboxTests(SynchronousTestCase):
    """
    What these tests stand on.
    """

    def test_sameUIDValidity(self):
        """
        Every mailbox of the store has the same UIDVALIDITY: the index gets no help from it.
        """
        self.assertEqual(Mailbox().getUIDValidity(), TheirMailbox().getUIDValidity())
