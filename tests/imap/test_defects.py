# -*- test-case-name: tests.imap.test_defects -*-
"""
What C{twisted.mail.imap4.IMAP4Server} does wrong, row by row: each row fails on the plain server,
and holds on L{JMAPAccessIMAP4Server} and on an unmodified factory after L{extendFactory}.

Where a row no longer fails on the plain server Twisted has corrected it, and ours can go.
"""

from __future__ import annotations

import gc
from base64 import b64decode

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import CramMD5Credentials, IUsernamePassword
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, Cooperator
from twisted.mail.imap4 import (
    IMAP4Server,
    LOGINCredentials,
    PLAINCredentials,
)
from twisted.trial.unittest import FailTest, SynchronousTestCase

from tests.support.imap import (
    Connection,
    RecordingRealm,
    TLSStringTransport,
    base64,
    makePortal,
)
from tests.support.mailbox import Account, Mailbox
from txjmapaccess import JMAPAccessIMAP4Server, extendFactory

PASSWORD = b'pa"ss\\word'


class Checker:
    """
    Does what the row wants.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, work):
        self.requestAvatarId = work


def plain():
    """
    @return: Twisted's server.
    """
    return IMAP4Server()


def ours():
    """
    @return: Twisted's server with the mixin.
    """
    return JMAPAccessIMAP4Server()


def extended():
    """
    @return: what an unmodified factory builds after L{extendFactory}.
    """
    return extendFactory(Factory.forProtocol(IMAP4Server), None).buildProtocol(None)


class Rows:
    """
    The rows: each is called with a function that makes a connection.
    """

    makeServer = staticmethod(ours)

    def connect(self, work=None, logIn=False, chal=None, ctx=None, transport=None, **attributes):
        """
        @return: a connection to the server that is tried.
        """
        server = self.makeServer()
        server.challengers = chal or {}
        server.ctx = ctx
        self.realm = RecordingRealm(Account)
        checker = (
            InMemoryUsernamePasswordDatabaseDontUse(u=b"p", bs=PASSWORD)
            if work is None
            else Checker(work)
        )
        attributes.setdefault("requireTLS", None)
        clock = Clock()
        server._scheduler = Cooperator(
            terminationPredicateFactory=lambda: lambda: True,
            scheduler=lambda work: clock.callLater(0, work),
        ).coiterate
        connection = Connection(
            server=server,
            clock=clock,
            portal=makePortal(self.realm, [checker]),
            transport=transport,
            **attributes,
        )
        if logIn:
            self.assertIn(b"x OK ", connection.send(b"x LOGIN u p")[-1])
            if logIn == "select":
                self.assertIn(b"y OK ", connection.send(b"y SELECT INBOX")[-1])
        return connection

    def settle(self, connection):
        """
        @return: what comes when all that can happen has.
        """
        answer = []
        for _ in range(30):
            connection.clock.advance(0)
            answer += connection.received()
        return answer

    def ask(self, connection, *lines):
        """
        @return: the answer, when all that can happen has.
        """
        return connection.send(*lines) + self.settle(connection)

    def row_quotedStrings(self):
        """
        The escapes of a quoted string are undone.
        """
        connection = self.connect()
        self.assertIn(b"a OK ", connection.send(rb'a LOGIN "bs" "pa\"ss\\word"')[-1])

    def row_quotedStringsDoNotEcho(self):
        """
        Nothing of a malformed password is echoed.
        """
        answer = self.connect().send(rb'a LOGIN "bs" "pa\"ss" secret')
        self.assertNotIn(b"secret", b"".join(answer))

    def row_startTLSInjection(self):
        """
        Commands that came in clear behind STARTTLS do not run inside TLS.
        """
        connection = self.connect(ctx=object(), transport=TLSStringTransport())
        self.assertEqual(
            [line[:4] for line in connection.send(b"a STARTTLS", b"b NOOP", b"c LOGIN ada {29}")],
            [b"a OK"],
        )

    def row_passwordInClear(self):
        """
        With LOGINDISABLED, AUTHENTICATE PLAIN in clear is refused.
        """
        connection = self.connect(
            ctx=object(), transport=TLSStringTransport(), chal={b"PLAIN": PLAINCredentials}
        )
        self.assertIn(b"LOGINDISABLED", connection.greeting[0])
        self.assertIn(b"a NO ", connection.send(b"a AUTHENTICATE PLAIN")[0])

    def row_cancel(self):
        """
        C{*} cancels an exchange, with BAD.
        """
        for name, challenger in ((b"PLAIN", PLAINCredentials), (b"LOGIN", LOGINCredentials)):
            connection = self.connect(chal={name: challenger})
            connection.send(b"a AUTHENTICATE " + name)
            self.assertIn(b"a BAD ", connection.send(b"*")[0])

    def row_base64(self):
        """
        Junk is no base64.
        """
        connection = self.connect(chal={b"PLAIN": PLAINCredentials})
        connection.send(b"a AUTHENTICATE PLAIN")
        message = base64(b"\0u\0p")
        self.assertIn(b"a BAD ", connection.send(message[:4] + b"!?" + message[4:])[0])

    def row_authorizationIdentity(self):
        """
        An authorization identity is not dropped.
        """
        connection = self.connect(chal={b"PLAIN": PLAINCredentials}, refusalSeconds=0)
        connection.send(b"a AUTHENTICATE PLAIN")
        self.assertIn(b"a NO [AUTHORIZATIONFAILED]", connection.send(base64(b"v\0u\0p"))[0])

    def row_longChallenge(self):
        """
        A challenge is on one line, whatever its length.
        """

        class Long(CramMD5Credentials):
            def getChallenge(self):
                return b"x" * 100

        answer = self.connect(chal={b"CRAM-MD5": Long}).send(b"a AUTHENTICATE CRAM-MD5")
        self.assertEqual(b64decode(answer[0][2:], validate=True), b"x" * 100)

    def row_initialResponse(self):
        """
        RFC 4959: an initial response.
        """
        connection = self.connect(chal={b"PLAIN": PLAINCredentials})
        answer = connection.send(b"a AUTHENTICATE PLAIN " + base64(b"\0u\0p"))
        self.assertIn(b"a OK ", answer[-1])

    def row_pipelining(self):
        """
        Commands behind a LOGIN that is being checked wait for it.
        """
        checked = Deferred()
        connection = self.connect(lambda _: checked)
        self.assertEqual(connection.send(b"a LOGIN u p", b"b NAMESPACE"), [])
        checked.callback(b"u")
        answer = [line[:5] for line in self.settle(connection) if line[:1] != b"*"]
        self.assertEqual(answer, [b"a OK ", b"b OK "])

    def row_twoLogins(self):
        """
        Two logins are never in flight, and no logout is lost.
        """
        checks = []
        connection = self.connect(lambda _: checks.append(Deferred()) or checks[-1])
        connection.send(b"a LOGIN u p", b"b LOGIN u p")
        for check in checks:
            check.callback(b"u")
        self.settle(connection)
        connection.lose()
        self.assertEqual(len(self.realm.loggedOut), len(self.realm.loggedIn))
        self.assertEqual(len(checks), 1)

    def row_leaks(self):
        """
        Nothing of an exception in the checker reaches the client.
        """
        connection = self.connect(
            lambda _: fail(RuntimeError("ldap://10.1.2.3 secret=hunter2")), refusalSeconds=0
        )
        self.assertNotIn(b"hunter2", b"".join(self.ask(connection, b"a LOGIN u p")))

    def row_leaksNotASCII(self):
        """
        An exception with other letters is answered, too.
        """
        connection = self.connect(lambda _: fail(RuntimeError("für ada")), refusalSeconds=0)
        self.assertIn(b"a NO ", self.ask(connection, b"a LOGIN u p")[0])

    def row_statusQuoting(self):
        """
        STATUS quotes names.
        """
        connection = self.connect(logIn=True)
        answer = self.ask(connection, rb'a STATUS "A \"B" (MESSAGES)')
        self.assertEqual(answer[0], rb'* STATUS "A \"B" (MESSAGES 2)')

    def row_statusLiteral(self):
        """
        STATUS takes a name as a literal.
        """
        connection = self.connect(logIn=True)
        self.ask(connection, b"a STATUS {5}")
        self.assertIn(b"a OK ", self.ask(connection, b"INBOX (MESSAGES)")[-1])

    def row_statusUnknownItem(self):
        """
        STATUS answers an unknown item.
        """
        connection = self.connect(logIn=True)
        self.assertIn(b"a BAD ", self.ask(connection, b"a STATUS INBOX (NONSENSE)")[-1])

    def row_longLines(self):
        """
        A line that is too long is answered.
        """
        self.assertIn(b"a BAD ", self.connect().send(b"a NOOP " + b"x" * 16385)[0])

    def row_longLiterals(self):
        """
        A password may be longer than 4,096 octets.
        """
        self.assertEqual(self.connect().send(b"a LOGIN u {5000}")[0][:2], b"+ ")

    def row_bruteForce(self):
        """
        Failed logins are slowed, and the connection ends.
        """
        connection = self.connect()
        answer = connection.send(*[b"a LOGIN u x"] * 50)
        for _ in range(20):
            connection.clock.advance(0.5)
            answer += connection.received()
        self.assertLess(len(answer), 10)
        self.assertIn(b"* BYE", answer[-1])

    def row_lostLogout(self):
        """
        The client goes away while its login is checked: no avatar without its logout, no timer.
        """
        checked = Deferred()
        connection = self.connect(lambda _: checked)
        connection.send(b"a LOGIN u p")
        connection.lose()
        if not checked.called:
            checked.callback(b"u")
        self.assertEqual(self.realm.loggedIn, self.realm.loggedOut)
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def row_fetchUnknownItem(self):
        """
        An unknown FETCH item is a mistake of the client's.
        """
        connection = self.connect(logIn="select")
        answer = self.ask(connection, b"a FETCH 1 (NONSENSE)")
        self.assertIn(b"a BAD ", answer[-1])
        self.assertNotIn(b"Server error", answer[-1])

    def row_searchSubject(self):
        """
        SEARCH SUBJECT works.
        """
        connection = self.connect(logIn="select")
        answer = self.ask(connection, b"a SEARCH SUBJECT hi")
        self.assertEqual(answer[0], b"* SEARCH 1 2")

    def row_searchEmpty(self):
        """
        An empty result is a result.
        """
        connection = self.connect(logIn="select")
        self.assertEqual(self.ask(connection, b"a SEARCH UNSEEN")[0].rstrip(), b"* SEARCH")

    def row_searchCharset(self):
        """
        An unknown charset is refused.
        """
        connection = self.connect(logIn="select")
        answer = self.ask(connection, b"a SEARCH CHARSET KLINGON ALL")
        self.assertIn(b"a NO [BADCHARSET", answer[-1])

    def row_tags(self):
        """
        What is no tag is not echoed.
        """
        for tag in (b"a(b", b'"x"', b"\xe4", b"a\x01"):
            self.assertEqual(self.connect().send(tag + b" NOOP")[0][:6], b"* BAD ")

    def row_nonSynchronizingLiteral(self):
        """
        The content of C{{n+}} is not read as a command.
        """
        answer = self.connect(refusalSeconds=0).send(b"a LOGIN {6+}", b"z NOOP p")
        self.assertEqual([line[:2] for line in answer], [b"a "])

    def row_negativeLiteral(self):
        """
        C{{-1}} is no literal.
        """
        self.assertIn(b"a BAD ", self.connect().send(b"a LOGIN {-1}")[0])

    def row_noArguments(self):
        """
        LOGIN without arguments shows nothing of the inside.
        """
        self.assertNotIn(b"NoneType", b"".join(self.connect().send(b"a LOGIN")))

    def row_waiting(self):
        """
        CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE wait for the account, and tell when it
        failed.
        """
        for command in (b"CREATE x", b"DELETE x", b"RENAME x y", b"SUBSCRIBE x", b"UNSUBSCRIBE x"):
            connection = self.connect(logIn=True)
            self.assertIn(b"a NO ", self.ask(connection, b"a " + command)[-1])

    def row_fetchBehindSelect(self):
        """
        FETCH behind an asynchronous SELECT is carried out in the selected state.
        """
        selected = Deferred()

        class Slow(Account):
            def select(self, name, readwrite=1):
                return selected

        connection = self.connect(logIn=True)
        connection.server.account = Slow(b"u")
        connection.send(b"a SELECT INBOX", b"b FETCH 1:2 (UID)")
        selected.callback(Mailbox())
        answer = [line[:4] for line in self.settle(connection) if line[:1] != b"*"]
        self.assertEqual(answer, [b"a OK", b"b OK"])

    def row_literalBehindFetch(self):
        """
        Lines of a message that is appended behind a running FETCH are not run as commands.
        """
        connection = self.connect(logIn="select")
        deleted = []
        connection.server.account.delete = deleted.append
        body = b"From: x\r\n\r\nd DELETE other\r\nbody\r\n"
        append = b'e APPEND INBOX () "01-Jan-2030 00:00:00 +0000" {%d+}' % len(body)
        answer = self.ask(connection, b"c FETCH 1:2 (UID FLAGS)", append, body, b"z NOOP")
        self.assertEqual(deleted, [])
        self.assertEqual(
            [line[:5] for line in answer if line[:1] not in (b"*", b"+")],
            [b"c OK ", b"e OK ", b"z OK "],
        )
        self.assertEqual(connection.server.account.mailboxes["INBOX"].added, [body])

    def row_appendExists(self):
        """
        APPEND says nothing about the size of a mailbox that is not selected.
        """
        connection = self.connect(logIn=True)
        connection.send(b'a APPEND INBOX () "01-Jan-2030 00:00:00 +0000" {2}')
        answer = self.ask(connection, b"hi")
        self.assertEqual([line[:5] for line in answer], [b"a OK "])

    def row_appendWithoutFlags(self):
        """
        APPEND needs no flags.
        """
        connection = self.connect(logIn=True)
        connection.send(b"a APPEND INBOX {2}")
        self.assertIn(b"a OK ", self.ask(connection, b"hi")[-1])

    def row_appendMissing(self):
        """
        APPEND to a missing mailbox says that it can be created.
        """
        connection = self.connect(logIn=True)
        answer = connection.send(b"a APPEND missing () {2}")
        if answer[-1].startswith(b"+"):
            answer = self.ask(connection, b"hi")
        self.assertIn(b"a NO [TRYCREATE]", answer[-1])

    def row_copyMissing(self):
        """
        So does COPY.
        """
        connection = self.connect(logIn="select")
        self.assertIn(b"a NO [TRYCREATE]", self.ask(connection, b"a COPY 1 missing")[-1])

    def row_idle(self):
        """
        IDLE ends with DONE, and what is pipelined behind it runs.
        """
        connection = self.connect(logIn="select")
        connection.send(b"a IDLE")
        answer = self.ask(connection, b"DONE", b"b NOOP")
        self.assertEqual([line[:4] for line in answer], [b"a OK", b"b OK"])
        connection.send(b"c IDLE")
        self.assertIn(b"c BAD ", self.ask(connection, b"d NOOP")[0])

    def row_listDelimiter(self):
        """
        C{LIST "" ""} asks for the delimiter only.
        """
        connection = self.connect(logIn=True)
        answer = self.ask(connection, b'a LIST "" ""')
        self.assertEqual(len(answer), 2)
        self.assertIn(b"Noselect", answer[0])


ROWS = [name for name in vars(Rows) if name.startswith("row_")]


class PlainTests(Rows, SynchronousTestCase):
    """
    Every row fails on Twisted's own server.
    """

    makeServer = staticmethod(plain)


class OurTests(Rows, SynchronousTestCase):
    """
    Every row holds on a server with the mixin.
    """


class ExtendedTests(Rows, SynchronousTestCase):
    """
    Every row holds on an unmodified factory after L{extendFactory}.
    """

    makeServer = staticmethod(extended)


def _addTests(name):
    row = getattr(Rows, name)

    def fails(self):
        # Whatever the plain server does wrong may well be an exception.
        self.assertRaises((FailTest, Exception), row, self)
        # Or one that nobody handles, which would be found in the middle of a later test.
        gc.collect()
        self.flushLoggedErrors()

    def holds(self):
        row(self)
        self.assertEqual(self.flushLoggedErrors(), [])

    fails.__doc__ = holds.__doc__ = row.__doc__
    testName = name.replace("row_", "test_")
    setattr(PlainTests, testName, fails)
    setattr(OurTests, testName, holds)
    setattr(ExtendedTests, testName, holds)


for _name in ROWS:
    _addTests(_name)
