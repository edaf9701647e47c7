# -*- test-case-name: tests.jmap.test_identifiers -*-
"""
Tests for L{txjmapaccess.store.serveridentifiers} in JMAP: a store that has no identifiers, and an
index that IMAP and JMAP share.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.identifiers import InlineIndex, found, registerExample
from tests.support.imap import RecordingRealm, makePortal
from tests.support.jmap import Server, basic
from tests.support.mail import Account, IdentifiedAccount, Session


def damaging(path: str) -> Callable[..., Deferred[None]]:
    """
    @return: in the place of C{check}, what finds a file in order before it is damaged.
    """

    def check(*_: object) -> Deferred[None]:
        with open(path, "wb"):
            return succeed(None)

    return check


class IndexTests(SynchronousTestCase):
    """
    L{JMAPResource} with an index.
    """

    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        self.account = Account()
        for number in range(3):
            self.account.mailboxes["INBOX"].put(b"Message-ID: <%d@x>\r\n\r\nHi\r\n" % number)
        self.work = self.account.add("Work")
        self.work.put(b"In-Reply-To: <0@x>\r\n\r\nHo\r\n")

    def server(self, shared: bool = True, account: object = None) -> Server:
        """
        @return: a JMAP server that has the index.
        """
        realm = RecordingRealm(lambda _: account or self.account)
        index = InlineIndex(self.path, sharedWithJMAP=shared)
        server = Server(portal=makePortal(realm), objectIDs=index)
        server.realm = realm
        return server

    def read(self, server: Server) -> tuple[set[str], dict[str, str]]:
        """
        @return: the MAILBOXIDs, and the THREADIDs by EMAILID.
        """
        (accountID,) = server.ask(Authorization=basic()).json["accounts"]
        mailboxes, _, emails = server.call(
            ("Mailbox/get", {"accountId": accountID}),
            ("Email/query", {"accountId": accountID}),
            (
                "Email/get",
                {
                    "accountId": accountID,
                    "#ids": {"resultOf": "1", "name": "Email/query", "path": "/ids"},
                    "properties": ["threadId"],
                },
            ),
        )
        threads = {email["id"]: email["threadId"] for email in emails[1]["list"]}
        return {mailbox["id"] for mailbox in mailboxes[1]["list"]}, threads

    def readIMAP(self) -> tuple[set[str], dict[str, str]]:
        """
        @return: the same over IMAP.
        """
        session = Session(
            lambda name: self.account, objectIDs=InlineIndex(self.path, sharedWithJMAP=True)
        )
        mailboxes, threads = set(), {}
        for name in (b"INBOX", b"Work"):
            lines = session.send(b"x SELECT " + name)
            mailboxes.update(found(lines, b"MAILBOXID"))
            lines = session.send(b"x FETCH 1:* (EMAILID THREADID)")
            threads.update(zip(found(lines, b"EMAILID"), found(lines, b"THREADID"), strict=True))
        return mailboxes, threads

    def test_same(self) -> None:
        """
        Both sides have the same identifiers, no matter which sees a message first.
        """
        before = self.read(self.server())
        self.assertEqual(self.readIMAP(), before)
        self.assertEqual((len(before[0]), len(before[1])), (2, 4))
        self.assertEqual(len(set(before[1].values())), 3)
        self.account.add("New").put(b"Message-ID: <9@x>\r\n\r\nNew\r\n")
        self.work.put(b"Message-ID: <10@x>\r\n\r\nNew\r\n")
        afterwards = self.readIMAP()
        mailboxes, threads = self.read(self.server())
        self.assertEqual(len(mailboxes - afterwards[0]), 1)
        self.assertEqual(afterwards[1].items() - threads.items(), set())

    def test_notShared(self) -> None:
        """
        An index that JMAP is not said to share makes nothing usable, in IMAP or here.
        """
        self.assertEqual(self.server(shared=False).ask(Authorization=basic()).status, 401)

    def test_accountID(self) -> None:
        """
        The accountId is the store's, or made from the user's name.
        """
        session = self.server().ask(Authorization=basic()).json
        (made,) = session["accounts"]
        self.assertRegex(made, r"\AA[a-z0-9]+\Z")
        session = self.server(account=IdentifiedAccount()).ask(Authorization=basic()).json
        self.assertNotEqual(list(session["accounts"]), [made])

    def test_damagedIndex(self) -> None:
        """
        With an index that is damaged after the login, an account is not empty: every method fails
        that needs identifiers, and the log names the file and the command that rebuilds it. Then
        sessions fail too, until the index may be tried again.
        """
        self.read(self.server())
        path = InlineIndex(self.path).fileOf("arnt")
        server = self.server()
        (accountID,) = server.ask(Authorization=basic()).json["accounts"]
        self.patch(InlineIndex, "check", damaging(path))
        with capturedLogs() as events:
            answers = server.call(
                ("Mailbox/get", {"accountId": accountID}),
                ("Email/query", {"accountId": accountID}),
            )
        self.assertEqual(answers, [("error", {"type": "serverUnavailable"})] * 2)
        (first, _) = [event for event in events if "problem" in event]
        self.assertIn(f"objectid rebuild {path}", str(first["problem"]))
        self.assertEqual(server.ask(Authorization=basic()).status, 503)

    def test_illegalAccountID(self) -> None:
        """
        An accountId that is no Id (RFC 8620, section 1.2) is never told.
        """
        for accountID in ("", "a b", "a" * 256, 7, None, "é"):
            account = IdentifiedAccount()
            account.getAccountID = lambda accountID=accountID: accountID
            server = self.server(account=account)
            with capturedLogs() as events:
                self.assertEqual(server.ask(Authorization=basic()).status, 503)
            (problem,) = [event["problem"] for event in events if "problem" in event]
            self.assertIn("invalid accountId", problem)

    def test_brokenIndex(self) -> None:
        """
        An index that does not know whose account it is is 503, and a line in the log.
        """
        realm = RecordingRealm(lambda _: self.account)

        def nobody(connection):
            raise KeyError("x")

        index = InlineIndex(self.path, sharedWithJMAP=True, accountName=nobody)
        server = Server(portal=makePortal(realm), objectIDs=index)
        self.assertEqual(server.ask(Authorization=basic()).status, 503)
        self.assertEqual(realm.loggedOut, [b"arnt"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class FaultTests(SynchronousTestCase):
    """
    L{JMAPResource} with a store that has an illegal identifier.
    """

    def test_once(self) -> None:
        """
        It is logged once, not with each request, and for each account by itself.
        """
        account = IdentifiedAccount()
        account.mailboxes["INBOX"].put().getEmailID = lambda: "a b"
        users = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim", bob=b"trondheim")
        server = Server(portal=makePortal(RecordingRealm(lambda _: account), [users]))
        with capturedLogs() as events:
            for user in ("arnt", "arnt", "bob"):
                account.getAccountID = lambda user=user: user
                ((_, answer),) = server.call(
                    ("Email/query", {"accountId": user}), Authorization=basic(user)
                )
                self.assertEqual(answer["ids"], [])
        self.assertEqual(len([event for event in events if event.get("kind") == "EMAILID"]), 2)


class AdapterTests(SynchronousTestCase):
    """
    L{JMAPResource} with adapters that are registered for a store.
    """

    def test_same(self) -> None:
        """
        Those in docs/integrating.md give it the same identifiers over IMAP and JMAP.
        """
        registerExample(self)
        account = Account()
        account.mailboxes["INBOX"].put()
        realm = RecordingRealm(lambda _: account)
        server = Server(portal=makePortal(realm))
        (accountID,) = server.ask(Authorization=basic()).json["accounts"]
        mailboxes, emails = server.call(
            ("Mailbox/get", {"accountId": accountID}),
            ("Email/query", {"accountId": accountID}),
        )
        session = Session(lambda _: account)
        lines = session.send(b"x SELECT INBOX", b"x FETCH 1 EMAILID")
        self.assertEqual(
            [mailbox["id"] for mailbox in mailboxes[1]["list"]], found(lines, b"MAILBOXID")
        )
        self.assertEqual(emails[1]["ids"], found(lines, b"EMAILID"))
        self.assertEqual((accountID, emails[1]["ids"]), ("A1", ["M1"]))
