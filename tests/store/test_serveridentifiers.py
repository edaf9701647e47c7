# -*- test-case-name: tests.store.test_serveridentifiers -*-
"""
Tests for L{txjmapaccess.store.serveridentifiers}: accounts whose identifiers cannot be read, over
the wire, on both sides.
"""

from __future__ import annotations

import os
import sqlite3
from itertools import count

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.support.identifiers import InlineIndex
from tests.support.imap import URL, Connection, RecordingRealm, capabilitiesIn, makePortal
from tests.support.jmap import Server, basic
from tests.support.mail import Account, IdentifiedAccount
from txjmapaccess import database
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.objectid import indexfile
from txjmapaccess.policy import SharedCredentials
from txjmapaccess.store.identifierproblems import WITHHELD_SECONDS, problemsOf
from txjmapaccess.store.mailboxes import listMailboxes
from txjmapaccess.verdict import Known, Reason, Usable


class SharedCase(SynchronousTestCase):
    """
    One account, one portal, an IMAP and a JMAP server.
    """

    accountFactory = Account

    def setUp(self):
        self.account = self.accountFactory()
        self.realm = RecordingRealm(lambda _: self.account)
        self.portal = makePortal(self.realm)
        self.path = os.path.abspath(self.mktemp())
        self.index = None
        self.clock = Clock()
        problemsOf(self.portal).seconds = self.clock.seconds
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def connect(self):
        """
        @return: a connection that has not logged in.
        """
        policy = SharedCredentials(URL)
        return Connection(portal=self.portal, jmapAccessPolicy=policy, objectIDs=self.index)

    def login(self):
        """
        @return: a connection that has logged in, and its verdict as a client sees it.
        """
        connection = self.connect()
        answer = connection.send(b"a LOGIN arnt trondheim", b"b GETJMAPACCESS", b"c CAPABILITY")
        self.assertTrue(answer[0].startswith(b"a OK [CAPABILITY "), answer)
        access = answer[1:3]
        self.assertEqual(
            access, [b'* JMAPACCESS "%s"' % URL.encode(), b"b OK GETJMAPACCESS completed"]
        )
        lists = [b"JMAPACCESS" in capabilitiesIn(answer[0]), b"JMAPACCESS" in answer[3].split()]
        self.assertEqual(lists[0], lists[1])
        verdict = connection.server.loginRecord.verdict
        self.assertEqual(verdict, Usable(URL) if lists[0] else Known(URL, Reason.IDENTIFIERS))
        return connection, lists[0]

    def jmap(self):
        """
        @return: the status of a JMAP session request.
        """
        return Server(portal=self.portal, objectIDs=self.index).ask(Authorization=basic()).status

    def reports(self):
        """
        @return: what the log has about JMAPACCESS.
        """
        return [
            event["log_format"].format(**event)
            for event in self.events
            if "withheld" in event.get("log_format", "") + str(event.get("withheld"))
        ]

    def assertWithheld(self, *words):
        """
        JMAPACCESS is not offered on either side, and one event says why.
        """
        for _ in range(2):
            self.assertEqual((self.login()[1], self.jmap()), (False, 503))
        (report,) = self.reports()
        for word in words:
            self.assertIn(word, report)

    def assertShared(self):
        """
        It is.
        """
        self.assertEqual((self.login()[1], self.jmap()), (True, 200))


class AtLoginTests(SharedCase):
    """
    What is known at the login.
    """

    def setUp(self):
        super().setUp()
        self.index = InlineIndex(self.path, sharedWithJMAP=True)

    def test_good(self):
        """
        An index that can be used, and a new one, are shared. No file is made to find out.
        """
        self.assertShared()
        self.assertEqual(os.listdir(self.path), [])
        connection, _ = self.login()
        self.assertIn(b"MAILBOXID", b"".join(connection.send(b"a SELECT INBOX")))
        self.assertShared()
        self.assertEqual(self.reports(), [])

    def test_notShared(self):
        """
        One that JMAP does not share is not looked at.
        """
        self.index = InlineIndex(self.path)
        self.assertEqual((self.login()[1], self.jmap()), (False, 401))
        self.assertEqual((self.index.jobs, self.reports()), ([], []))

    def test_file(self):
        """
        A file is in the place of the directory.
        """
        with open(self.path, "w"):
            self.assertWithheld(f"object identifiers {self.path} ", "needs a directory")

    def test_parent(self):
        """
        A file is in the place of its parent.
        """
        with open(self.path, "w"):
            pass
        self.path += "/ids"
        self.index = InlineIndex(self.path, sharedWithJMAP=True)
        self.assertWithheld(f"object identifiers {self.path} ", "Not a directory")

    def test_gone(self):
        """
        The directory has gone, and is not made again: identifiers would be others.
        """
        self.index._makeDirectory = lambda: None
        self.assertWithheld(f"object identifiers {self.path} ", "no such directory")

    def test_unwritable(self):
        """
        The directory cannot be written to.
        """
        os.mkdir(self.path, 0o500)
        if os.geteuid() == 0:  # access(2) asks for the real user.
            os.setreuid(65534, -1)
            self.addCleanup(os.setreuid, 0, -1)
        self.assertWithheld(f"object identifiers {self.path} ", "Permission denied")

    def test_damaged(self):
        """
        The file is damaged: the log has the command that rebuilds it.
        """
        self.login()[0].send(b"a SELECT INBOX")
        path = self.index.fileOf("arnt")
        for content in (b"", b"no database" * 100):
            with open(path, "wb") as file:
                file.write(content)
            self.events.clear()
            self.clock.advance(WITHHELD_SECONDS)
            self.assertWithheld(f"python -m txjmapaccess.objectid rebuild {path}")

    def test_written(self):
        """
        Another process writes to the file: it can be read, and the login does not wait.
        """
        self.patch(indexfile, "_LOGIN_PATIENCE", 0)
        self.login()[0].send(b"a SELECT INBOX")
        other = sqlite3.connect(self.index.fileOf("arnt"), isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        self.assertShared()
        self.assertEqual(self.reports(), [])

    def test_locked(self):
        """
        Another process keeps the file: the login does not wait for long. As soon as it does not,
        the next login is shared.
        """
        self.patch(indexfile, "_LOGIN_PATIENCE", 0.01)
        self.login()[0].send(b"a SELECT INBOX")
        path = self.index.fileOf("arnt")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        self.assertWithheld(path, "locked", "from a login")
        other.close()
        self.assertShared()

    def test_lockedLater(self):
        """
        So when the file is locked for too long after the login.
        """
        self.patch(database, "PATIENCE", 0.01)
        connection, _ = self.login()
        connection.send(b"a SELECT INBOX")
        other = sqlite3.connect(self.index.fileOf("arnt"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        connection.send(b"a EXAMINE INBOX")
        other.close()
        self.assertShared()

    def test_readOnly(self):
        """
        The file cannot be written to.
        """
        self.login()[0].send(b"a SELECT INBOX")
        path = self.index.fileOf("arnt")
        self.patch(os, "access", lambda asked, mode: asked != path)  # root can write anywhere.
        self.assertWithheld(path, "Permission denied")

    def test_nobodysIndex(self):
        """
        Nobody knows whose account it is: one event, with a traceback.
        """
        self.index._accountName = lambda connection: connection.account.noSuchName
        self.assertWithheld("AttributeError raised")
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_accountName(self):
        """
        The name of an account may be taken from the account or from the login.
        """
        for name in (lambda c: c.account.number, lambda c: c.loginRecord.username):
            self.account.number = "x1"
            self.index._accountName = name
            self.assertShared()

    def test_clientGone(self):
        """
        A client that goes away meanwhile is not waited for, and its avatar is logged out.
        """
        self.index.check = lambda _: Deferred()
        connection = self.connect()
        self.assertEqual(connection.send(b"a LOGIN arnt trondheim"), [])
        connection.lose()
        self.assertEqual(self.realm.loggedOut, [b"arnt"])
        self.assertEqual(self.reports(), [])


class AccountIDTests(SharedCase):
    """
    A store that has identifiers, and what it gives for an accountId.
    """

    accountFactory = IdentifiedAccount

    def test_good(self):
        """
        A legal one is shared.
        """
        self.assertShared()

    def test_illegal(self):
        """
        One that is no Id (RFC 8620, section 1.2) is not.
        """
        for value in ("", "a b", "a" * 256, 7, None, b"A1", "é"):
            self.account.getAccountID = lambda value=value: value
            self.events.clear()
            self.clock.advance(WITHHELD_SECONDS + 24 * 60 * 60)
            self.assertWithheld("IdentifiedAccount returned an invalid accountId")

    def test_raises(self):
        """
        A store that raises, at once or later, is logged with its traceback.
        """
        for raising in (lambda: 1 / 0, lambda: fail(ZeroDivisionError("x"))):
            self.account.getAccountID = raising
            self.events.clear()
            self.clock.advance(WITHHELD_SECONDS + 24 * 60 * 60)
            self.assertWithheld("IdentifiedAccount: ZeroDivisionError raised")
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_cancelled(self):
        """
        A store that gives up by itself does not end the login.
        """
        waiting = Deferred()
        self.account.getAccountID = lambda: waiting
        connection = self.connect()
        connection.send(b"a LOGIN arnt trondheim")
        waiting.cancel()
        self.assertEqual(connection.received()[0][:5], b"a OK ")
        self.assertEqual(connection.server.loginRecord.verdict, Known(URL, Reason.IDENTIFIERS))


class LaterTests(SharedCase):
    """
    What shows only when mailboxes are opened.
    """

    def setUp(self):
        super().setUp()
        self.index = InlineIndex(self.path, sharedWithJMAP=True)

    def assertFound(self, *commands, words=()):
        """
        It is found out over IMAP: this login was usable, later ones are not, until it is mended.
        """
        connection, isUsable = self.login()
        self.assertTrue(isUsable)
        answer = b"".join(connection.send(*commands))
        self.assertWithheld(*words)
        self.clock.advance(WITHHELD_SECONDS)
        self.assertShared()
        return answer

    def test_uidValidity(self):
        """
        A mailbox has another UIDVALIDITY each time that it is asked (RFC 3501, section 2.3.1.1).
        """
        numbers = count(1)
        self.account.mailboxes["INBOX"].getUIDValidity = lambda: next(numbers)
        answer = self.assertFound(b"a SELECT INBOX", words=["UIDVALIDITY changes"])
        self.assertNotIn(b"MAILBOXID", answer)

    def test_uidValidityOfOpened(self):
        """
        A mailbox has another UIDVALIDITY each time that it is opened.
        """
        inbox, numbers = self.account.mailboxes["INBOX"], count(1)

        def select(name, rw=True):
            value = next(numbers)
            inbox.getUIDValidity = lambda: value
            return inbox

        self.account.select = select
        self.assertFound(*[b"a SELECT INBOX"] * 3, words=["another UIDVALIDITY", "Mailbox"])

    def test_madeAgain(self):
        """
        A mailbox that a client makes again has another MAILBOXID each time, and so has one that
        another program has made again. Nothing is wrong with that.
        """
        connection, _ = self.login()
        numbers = count(8)
        for _ in range(4):
            connection.send(b"a CREATE box")
            value = next(numbers)
            self.account.mailboxes["box"].getUIDValidity = lambda value=value: value
            connection.send(b"a STATUS box (MAILBOXID)", b"a DELETE box")
        self.account.mailboxes["INBOX"].getUIDValidity = lambda: 6
        connection.send(b"a STATUS INBOX (MAILBOXID)")
        self.assertShared()
        self.assertEqual(self.reports(), [])

    def test_listMailboxes(self):
        """
        C{listMailboxes} gives no list.
        """
        for listed in (None, {"INBOX": 1}, {"ab": 1}, "ab", 7, ["INBOX"], [(1, None)]):
            self.setUp()
            self.account.listMailboxes = lambda *_, listed=listed: listed
            answer = self.assertFound(b"a SELECT INBOX", words=["listMailboxes gives"])
            self.assertNotIn(b"MAILBOXID", answer)

    def test_listingsOfOthers(self):
        """
        What Twisted iterates over is good: tuples, generators, C{dict.items()}; or a Deferred.
        """
        items = self.account.mailboxes.items()
        for make in (tuple, iter, lambda items: (item for item in items), lambda items: items):
            self.setUp()
            items = self.account.mailboxes.items()
            self.account.listMailboxes = lambda *_, make=make, items=items: make(items)
            connection, _ = self.login()
            self.assertIn(b"MAILBOXID", b"".join(connection.send(b"a SELECT INBOX")))
            self.assertShared()

    def test_indexBreaks(self):
        """
        An index breaks when a mailbox is selected.
        """
        connection, _ = self.login()
        self.account.mailboxes["INBOX"].put()
        connection.send(b"a SELECT INBOX")
        with open(self.index.fileOf("arnt"), "wb"):
            pass
        connection.send(b"a FETCH 1 EMAILID")
        self.assertWithheld("objectid rebuild")

    def test_foundByJMAP(self):
        """
        What JMAP finds out IMAP knows.
        """
        numbers = count(1)
        for break_ in (
            lambda: setattr(self.account, "listMailboxes", lambda *_: None),
            lambda: setattr(self.account.mailboxes["INBOX"], "getUIDValidity", numbers.__next__),
        ):
            self.setUp()
            break_()
            server = Server(portal=self.portal, objectIDs=self.index)
            session = server.ask(Authorization=basic()).json
            (accountID,) = session["accounts"]
            server.call(("Mailbox/get", {"accountId": accountID}))
            self.assertEqual((self.jmap(), self.login()[1]), (503, False))
            self.flushLoggedErrors(JMAPAccessError)  # What failed the call, where one did.
            self.clock.advance(WITHHELD_SECONDS)
            self.assertShared()


class StoresOwnTests(SharedCase):
    """
    A store that has identifiers, but not for each mailbox.
    """

    accountFactory = IdentifiedAccount

    def test_mailboxWithout(self):
        """
        A mailbox without a MAILBOXID: later logins are known.
        """
        self.account.mailboxes["INBOX"].getMailboxID = lambda: "a b"
        connection, isUsable = self.login()
        self.assertTrue(isUsable)
        connection.send(*[b"a SELECT INBOX"] * 3)
        self.assertWithheld("MAILBOXID", "not a valid")

    def test_messageWithout(self):
        """
        A message without an EMAILID is one message.
        """
        self.account.mailboxes["INBOX"].put().getEmailID = lambda: "a b"
        self.login()[0].send(b"a SELECT INBOX", b"a FETCH 1 EMAILID")
        self.assertShared()

    def test_changing(self):
        """
        A MAILBOXID that is another at each look is reported, whoever makes it.
        """
        numbers = count(1)
        self.account.mailboxes["INBOX"].getMailboxID = lambda: f"F{next(numbers)}"
        self.login()[0].send(*[b"a EXAMINE INBOX"] * 3)
        self.assertWithheld("another UIDVALIDITY or MAILBOXID at each look")


class ListingTests(SynchronousTestCase):
    """
    L{listMailboxes}.
    """

    def listed(self, gives):
        """
        @return: what is made of what an account gives.
        """
        account = Account()
        account.listMailboxes = lambda reference, pattern: gives
        return self.successResultOf(Deferred.fromCoroutine(listMailboxes(account)))

    def test_names(self):
        """
        Names are text or octets.
        """
        self.assertEqual(self.listed([("a", 1), (b"b", 2)]), [("a", 1), (b"b", 2)])
        self.assertEqual(self.listed(()), [])
        account = Account()
        account.listMailboxes = lambda reference, pattern: None
        looked = Deferred.fromCoroutine(listMailboxes(account))
        error = self.failureResultOf(looked, JMAPAccessError).value
        self.assertIn("gives NoneType instead", str(error))
