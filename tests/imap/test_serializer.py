# -*- test-case-name: tests.imap.test_serializer -*-
"""
Tests for L{txjmapaccess.imap.serializer}: one command at a time.
"""

from __future__ import annotations

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection, IdentifiedAccount, RecordingRealm, makePortal
from txjmapaccess import JMAPAccessMixin
from txjmapaccess.imap.backpressure import Backpressure, backpressureOf
from txjmapaccess.imap.writeobserver import endsCommand


def countTurns(connection):
    """
    @return: a list that gets the number of answers of each turn but the last.
    """
    turns = []
    callLater = connection.server.callLater

    def counting(period, function):
        if period == 0:
            turns.append(len(connection.received()))
        return callLater(period, function)

    connection.server.callLater = counting
    return turns


class FillingTransport(StringTransport):
    """
    A transport that says when it has more to send than it likes, as those of Twisted do: when
    something is written, and not before.
    """

    def write(self, data):
        """
        See L{twisted.internet.interfaces.ITransport}.
        """
        super().write(data)
        if self.producer is not None and self.streaming and len(self.value()) > 4096:
            self.producer.pauseProducing()

    def drain(self):
        """
        The client reads.

        @return: what it gets.
        """
        data = self.value()
        self.clear()
        if self.producer is not None:
            self.producer.resumeProducing()
        return data


class SlowChecker:
    """
    Answers when the test says so.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self):
        self.asked = []
        self.cancelled = []

    def requestAvatarId(self, credentials):
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        answer = Deferred(lambda d: self.cancelled.append(credentials.username))
        self.asked.append((credentials.username, answer))
        return answer


class SlowTests(SynchronousTestCase):
    """
    Commands behind a slow login.
    """

    def setUp(self):
        """
        A connection whose logins wait.
        """
        self.checker = SlowChecker()
        self.realm = RecordingRealm()
        self.connection = Connection(portal=makePortal(self.realm, [self.checker]))

    def test_pipelined(self):
        """
        RFC 3501, section 5.5: commands behind a login are carried out after it, in order, in the
        state that it led to.
        """
        answer = self.connection.send(b"a LOGIN u p", b"b NAMESPACE", b"c NOOP")
        self.assertEqual(answer, [])
        self.checker.asked[0][1].callback(b"u")
        self.connection.clock.advance(0)
        answer = self.connection.received()
        self.assertEqual(
            [line[:4] for line in answer if line[:1] != b"*"], [b"a OK", b"b OK", b"c OK"]
        )

    def test_behindResponse(self):
        """
        So it is behind the last response of AUTHENTICATE.
        """
        flood = (b"a AUTHENTICATE PLAIN", b"AHUAcA==", b"b NAMESPACE", b"c LOGIN v p")
        self.assertEqual(self.connection.send(*flood), [b"+ "])
        self.assertEqual([name for name, _ in self.checker.asked], [b"u"])

    def test_dismissed(self):
        """
        A login that is accepted after BYE is undone at once.
        """
        self.connection.send(b"a LOGIN u p")
        self.connection.server._jmaDismiss(b"Go away")
        self.checker.asked[0][1].callback(b"u")
        self.assertEqual((self.realm.loggedIn, self.realm.loggedOut), ([b"u"], [b"u"]))

    def test_twoLogins(self):
        """
        Two logins are never in flight, and the second of two finds the first one's state.
        """
        self.connection.send(b"a LOGIN u p", b"b LOGIN v q", b"c AUTHENTICATE PLAIN")
        self.assertEqual(len(self.checker.asked), 1)
        self.checker.asked[0][1].callback(b"u")
        self.connection.clock.advance(0)
        self.assertEqual(len(self.checker.asked), 1)
        self.assertEqual(
            [line[:5] for line in self.connection.received()], [b"a OK ", b"b BAD", b"c BAD"]
        )
        self.assertEqual(self.realm.loggedIn, [b"u"])

    def test_clientGone(self):
        """
        A client that goes away while the checker has its login: the login is cancelled, no avatar
        is made, and nothing is left over.
        """
        self.connection.send(b"a LOGIN u p", b"b NOOP")
        self.connection.lose()
        self.assertEqual(self.checker.cancelled, [b"u"])
        self.assertEqual((self.realm.loggedIn, self.connection.clock.getDelayedCalls()), ([], []))

    def test_autologout(self):
        """
        The same when the server loses patience.
        """
        self.connection.send(b"a LOGIN u p")
        self.connection.clock.advance(60)
        self.assertIn(b"* BYE", self.connection.received()[0])
        self.assertEqual(self.checker.cancelled, [b"u"])
        self.connection.lose()
        self.assertEqual((self.realm.loggedIn, self.connection.clock.getDelayedCalls()), ([], []))

    def test_flood(self):
        """
        What waits behind a running command is bounded: the transport is stopped above 64 KiB, and
        goes on afterwards.
        """
        self.connection.send(b"a LOGIN u p")
        self.connection.sendRaw(b"b NOOP\r\n" * 100)
        self.assertEqual(self.connection.transport.producerState, "producing")
        self.connection.sendRaw(b"b NOOP\r\n" * 10000)
        self.assertEqual(self.connection.transport.producerState, "paused")
        turns = countTurns(self.connection)
        self.checker.asked[0][1].callback(b"u")
        self.connection.clock.advance(0)
        turns.append(len(self.connection.received()))
        self.assertEqual(self.connection.transport.producerState, "producing")
        self.assertEqual((sum(turns), max(turns)), (10101, 32))


class SlowRealm(RecordingRealm):
    """
    Makes avatars when the test says so.
    """

    def requestAvatar(self, avatarId, mind, *interfaces):
        """
        See L{twisted.cred.portal.IRealm}.
        """
        made = super().requestAvatar(avatarId, mind, *interfaces)
        self.waiting = Deferred()
        return self.waiting.addCallback(lambda _: made)


class AvatarTests(SynchronousTestCase):
    """
    An avatar that is being made is made, and its logout is called.
    """

    def setUp(self):
        """
        A connection whose avatars wait.
        """
        self.realm = SlowRealm()
        self.connection = Connection(portal=makePortal(self.realm))
        self.connection.send(b"a LOGIN arnt trondheim")

    def test_clientGone(self):
        """
        The client goes away meanwhile.
        """
        self.connection.lose()
        self.assertEqual(self.realm.loggedOut, [])
        self.realm.waiting.callback(None)
        self.assertEqual(self.realm.loggedOut, [b"arnt"])
        self.assertEqual(self.connection.clock.getDelayedCalls(), [])

    def test_autologout(self):
        """
        The server loses patience meanwhile: the late avatar does not come to life on a connection
        that has heard BYE.
        """
        self.connection.clock.advance(60)
        self.realm.waiting.callback(None)
        self.assertEqual(self.realm.loggedOut, [b"arnt"])
        self.assertIsNone(self.connection.server.account)
        self.connection.lose()
        self.assertEqual(self.connection.clock.getDelayedCalls(), [])


class LiteralTests(SynchronousTestCase):
    """
    Literals (RFC 3501, section 4.3; RFC 7888).
    """

    def test_synchronizing(self):
        """
        The client is asked for each literal.
        """
        connection = Connection()
        self.assertEqual(connection.send(b"a LOGIN {4}"), [b"+ Ready for 4 octets"])
        self.assertEqual(connection.send(b"arnt {9}"), [b"+ Ready for 9 octets"])
        self.assertEqual(connection.send(b"trondheim")[0][:5], b"a OK ")

    def test_nonSynchronizing(self):
        """
        The client is not asked, and commands behind it follow.
        """
        connection = Connection()
        answer = connection.send(b"a LOGIN {4+}", b"arnt {9+}", b"trondheim", b"b NOOP")
        self.assertEqual([line[:5] for line in answer], [b"a OK ", b"b OK "])

    def test_anySplit(self):
        """
        It does not matter how the octets arrive.
        """
        data = b"a LOGIN {4+}\r\narnt {9+}\r\ntrondheim\r\nb NOOP\r\n"
        for size in range(1, len(data)):
            connection = Connection()
            answer = []
            for start in range(0, len(data), size):
                answer += connection.sendRaw(data[start : start + size])
            self.assertEqual([line[:5] for line in answer], [b"a OK ", b"b OK "], size)

    def test_empty(self):
        """
        A literal may be empty.
        """
        connection = Connection()
        self.assertEqual(connection.send(b"a LOGIN {4+}", b"arnt {0}"), [b"+ Ready for 0 octets"])
        self.assertEqual(connection.send(b"")[0][:5], b"a NO ")

    def test_refusedIsThrownAway(self):
        """
        RFC 7888, section 4: a literal of a command that is refused, unknown or too long is read and
        thrown away, not executed.
        """
        body = b"x LOGIN arnt trondheim\r\n"
        for command in (b"a FOO ", b"a LOGIN (", b"a+ NOOP ", b"a NOOP ", b"a SELECT ", b"", b"a "):
            connection = Connection()
            line = command + b"{%d+}" % len(body)
            answer = connection.send(line, body + b" and more", b"z NOOP")
            self.assertEqual([entry.split()[1] for entry in answer], [b"BAD", b"OK"], line)
            self.assertEqual(connection.server.state, "unauth")

    def test_tooLong(self):
        """
        A string literal over 64 KiB is refused; when it comes anyhow it is thrown away.
        """
        connection = Connection()
        (answer,) = connection.send(b"a LOGIN {65537}")
        self.assertEqual(answer, b"a BAD Literal too long")
        connection.send(b"b LOGIN {70000+}")
        connection.sendRaw(b"x NOOP\r\n" * 8750)
        self.assertEqual(connection.send(b" p", b"c NOOP"), [b"c OK NOOP No operation performed"])

    def test_muchTooLong(self):
        """
        One that nobody wants to read ends the connection, with BYE.
        """
        connection = Connection()
        answer = connection.send(b"a LOGIN {9999999999+}")
        self.assertEqual(answer[-1], b"* BYE Literal too long")
        self.assertTrue(connection.transport.disconnecting)


class TurnTests(SynchronousTestCase):
    """
    A client that sends very much at once.
    """

    def test_turns(self):
        """
        After 32 commands, or lines that are none, others have a turn.
        """
        for line in (b"a NOOP", b"\xff", b"a", b"a NONSENSE"):
            connection = Connection()
            turns = countTurns(connection)
            turns.append(len(connection.sendRaw((line + b"\r\n") * 100)))
            self.assertEqual((sum(turns), max(turns)), (100, 32), line)

    def test_unread(self):
        """
        A client that does not read has no more commands carried out, and all when it does; how
        they come makes no difference.
        """
        for line, size in ((b"a CAPABILITY\r\n", 700), (b"\r\n", 7), (b"a NOOP {0+}\r\n\r\n", 99)):
            transport = FillingTransport()
            connection = Connection(transport=transport)
            transport.clear()
            flood = line * 2000
            for start in range(0, len(flood), size):
                connection.server.dataReceived(flood[start : start + size])
                connection.clock.advance(0)
            received = transport.value()
            self.assertLess(len(received), 20000, line)
            self.assertNotEqual(connection.server._buffer, b"", line)
            received = b""
            while data := transport.drain():
                received += data
                for _ in range(100):
                    connection.clock.advance(0)
            self.assertEqual(received.count(b"a OK ") + received.count(b" BAD "), 2000, line)
            self.assertIsNone(transport.producer)

    def test_unreadAndGone(self):
        """
        Such a client is told when its time is over, and nothing is left of it.
        """
        transport = FillingTransport()
        connection = Connection(transport=transport, loginSeconds=60)
        connection.server.dataReceived(b"a CAPABILITY\r\n" * 2000)
        for _ in range(100):
            connection.clock.advance(0)
        self.assertIsNotNone(transport.producer)
        connection.clock.advance(60)
        self.assertIn(b"* BYE Autologout", transport.drain())
        self.assertIsNone(transport.producer)
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_lastCommand(self):
        """
        LOGOUT leaves no producer, for which TLS would wait.
        """
        transport = FillingTransport()
        Connection(transport=transport).send(*[b"a NOOP"] * 31, b"a LOGOUT")
        self.assertIsNone(transport.producer)

    def test_readAtOnce(self):
        """
        A client that reads in time is not waited for, and the transport is given back once.
        """
        for reads in (1, 2):
            transport = StringTransport()
            backlog = Backpressure(transport)
            for _ in range(reads):
                backlog.pauseProducing()
                backlog.resumeProducing()
            self.assertIs(transport.producer, backlog)
            self.successResultOf(backlog.sent())
            self.assertIsNone(transport.producer)

    def test_otherProducer(self):
        """
        A handler that somebody else wrote may be a producer itself.
        """
        transport = FillingTransport()
        connection = Connection(transport=transport)
        other = object()
        self.assertIsNone(backpressureOf(other))
        transport.registerProducer(other, False)
        connection.send(*[b"a NOOP"] * 100)
        self.assertIs(transport.producer, other)

    def test_literals(self):
        """
        So it is with the literals of one refused command.
        """
        connection = Connection()
        turns = countTurns(connection)
        connection.sendRaw(b"a NOOP {0+}\r\n" * 100)
        self.assertGreater(len(turns), 2)
        self.assertEqual(connection.send(b"", b"b NOOP")[-1][:4], b"b OK")


class LineTests(SynchronousTestCase):
    """
    Lines and tags.
    """

    def test_lengths(self):
        """
        16 KiB for a command, 96 KiB for AUTHENTICATE and its answers; never silence.
        """
        connection = Connection()
        self.assertEqual(connection.send(b"a NOOP " + b"x" * 17000), [b"a BAD Line too long"])
        (answer,) = connection.send(b"b authenticate plain " + b"A" * 65536)
        self.assertEqual(answer, b"b BAD The response is not a message of the mechanism PLAIN")
        connection.send(b"c AUTHENTICATE PLAIN")
        self.assertEqual(connection.send(b"A" * 65536)[0][:6], b"c BAD ")
        self.assertEqual(connection.send(b"A" * 99000), [b"* BYE Line too long"])
        self.assertTrue(connection.transport.disconnecting)

    def test_lengthBehindLiteral(self):
        """
        16 KiB is the limit for what follows a literal, too.
        """
        connection = Connection()
        answer = connection.send(b"a LOGIN {1+}", b"u " + b"p" * 17000, b"b NOOP")
        self.assertEqual(answer[0], b"a BAD Line too long")
        self.assertEqual([line[:5] for line in answer[1:]], [b"b OK "])
        line = b'x "' + b"p" * 17000 + b'" {3+}'
        answer = connection.send(b"c ID ({1+}", line, b"abc", b"d NOOP")
        self.assertEqual(answer[0], b"c BAD Line too long")
        self.assertEqual([line[:5] for line in answer[1:]], [b"d OK "])

    def test_endless(self):
        """
        A line without an end ends the connection.
        """
        connection = Connection()
        connection.sendRaw(b"a NOOP ")
        answer = []
        for _ in range(10):
            answer += connection.sendRaw(b"x" * 16000)
        self.assertEqual(answer[0], b"* BYE Line too long")

    def test_tags(self):
        """
        RFC 3501, section 9: an illegal tag gets an untagged BAD and is not echoed.
        """
        connection = Connection()
        for tag in (b"*", b"+", b"a(b", b'"x"', b"\xe4", b"a\x01b", b""):
            self.assertEqual(connection.send(tag + b" NOOP"), [b"* BAD Illegal tag"])

    def test_incomplete(self):
        """
        An empty line, a lone tag, an impossible command.
        """
        connection = Connection()
        self.assertEqual(connection.send(b""), [b"* BAD Illegal tag"])
        self.assertEqual(connection.send(b"a"), [b"a BAD Missing command"])
        self.assertEqual(connection.send(b"a  "), [b"a BAD Missing command"])
        self.assertEqual(connection.send(b"a \xff\xfe"), [b"a BAD Illegal command"])
        self.assertEqual(connection.send(b"a LOGIN"), [b"a BAD Missing argument"])


class EndingTests(SynchronousTestCase):
    """
    How connections and commands end.
    """

    def test_bye(self):
        """
        A client that does not hang up after BYE is cut off after five seconds.
        """
        connection = Connection()
        aborted = []
        connection.transport.abortConnection = lambda: aborted.append(connection.clock.seconds())
        connection.send(b"a LOGOUT")
        connection.clock.advance(4.9)
        self.assertEqual(aborted, [])
        connection.clock.advance(0.2)
        self.assertEqual(len(aborted), 1)

    def test_nothingAfterLogout(self):
        """
        Commands behind LOGOUT are not carried out.
        """
        connection = Connection()
        answer = connection.send(b"a LOGOUT", b"b LOGIN arnt trondheim")
        self.assertEqual([line[:5] for line in answer], [b"* BYE", b"a OK "])
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_nothingAfterBYE(self):
        """
        Nor are commands that come behind any BYE, on a transport that goes on reading until the
        client has hung up, too: as TLS does, and after STARTTLS it does not even say so.
        """
        for end in (
            b"a LOGOUT",
            b"a" * 100_000,
            b"a NOOP {99999999+}",
            b"a LOGIN u wrong",
            "autologout",
        ):
            connection = Connection(loginSeconds=60, failuresPerConnection=1, refusalSeconds=1)
            connection.transport.loseConnection = lambda: None
            if end == "autologout":
                connection.clock.advance(60)
            else:
                connection.send(end, b"b LOGIN arnt trondheim")
            for seconds in (1, 0, 0):
                connection.clock.advance(seconds)
            connection.received()
            self.assertEqual(connection.send(b"c LOGIN arnt trondheim", b"d NOOP"), [], end)
            connection.lose()
            self.assertEqual(connection.server.portal.realm.loggedIn, [], end)

    def test_oneBYE(self):
        """
        A client that has heard BYE is not told that it was silent for too long.
        """
        connection = Connection(loginSeconds=60)
        connection.clock.advance(58)
        connection.send(b"a LOGOUT")
        connection.clock.advance(4)
        self.assertEqual(connection.received(), [])

    def test_goneBetweenTurns(self):
        """
        A client that goes away before the next turn leaves nothing behind.
        """
        connection = Connection()
        connection.server.dataReceived(b"a NOOP\r\n" * 40)
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_theyLoseTheConnection(self):
        """
        Nor is anything taken in when a server ends the connection without a word.
        """
        connection = Connection()
        connection.server.dataReceived(b"a NOOP\r\n" * 40)
        connection.transport.loseConnection()
        connection.received()
        self.assertEqual(connection.send(), [])

    def test_byeTooLate(self):
        """
        A BYE to a client that has gone leaves no timer.
        """
        connection = Connection()
        connection.lose()
        connection.server._jmaDismiss(b"You are gone")
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_endsCommand(self):
        """
        Only a last line with the tag and a status ends a command.
        """
        for data in (b"a OK\r\n", b"a OK done\r\n", b"* x\r\na NO no\r\n", b"a bad x\r\n"):
            self.assertTrue(endsCommand(data, b"a"))
        for data in (b"", b"* OK\r\n", b"b OK\r\n", b"a OKAY\r\n", b"a OK\r\nmore\r\n", b"a\r\n"):
            self.assertFalse(endsCommand(data, b"a"))

    def test_slowSelect(self):
        """
        A FETCH behind a SELECT that waits is carried out in the selected state.
        """
        selected = Deferred()

        class Account(IdentifiedAccount):
            def select(self, name, readwrite=1):
                return selected

        connection = Connection(portal=makePortal(RecordingRealm(Account)))
        connection.send(b"a LOGIN arnt trondheim")
        self.assertEqual(connection.send(b"b SELECT x", b"c CHECK"), [])
        selected.callback(None)
        connection.clock.advance(0)
        self.assertEqual([line[:5] for line in connection.received()], [b"b NO ", b"c BAD"])

    def test_theirLineReceived(self):
        """
        A server that overrides C{lineReceived} sees every line, and may drop some.
        """
        seen = []

        class Theirs(IMAP4Server):
            def lineReceived(self, line):
                seen.append(line)
                if line != b"drop this":
                    super().lineReceived(line)

        class Server(JMAPAccessMixin, Theirs):
            pass

        connection = Connection(server=Server())
        answer = connection.send(b"a NOOP", b"drop this", b"b NOOP")
        self.assertEqual([line[:5] for line in answer], [b"a OK ", b"b OK "])
        self.assertEqual(seen, [b"a NOOP", b"drop this", b"b NOOP"])
