"""
One LDAP connection, in memory: matching, deadlines, abandoning, and what ends it.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.ldap import done, found, message, requests, result
from txjmapaccess.ldap import codec
from txjmapaccess.ldap.ber import element
from txjmapaccess.ldap.codec import Entry, SearchRequest
from txjmapaccess.ldap.deadlines import GRANULARITY, Deadlines
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    ProtocolViolation,
)
from txjmapaccess.ldap.messageprotocol import LONGEST_MESSAGE
from txjmapaccess.ldap.outstanding import LAST_MESSAGE_ID
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.searchfilter import ANY_ENTRY

SEARCH = SearchRequest(b"dc=x", codec.SCOPE_SUBTREE, ANY_ENTRY, (b"uid",), 2, 5)


class Transport(StringTransport):
    """
    A transport that notes how it ends.
    """

    isAborted = False

    def abortConnection(self) -> None:
        """
        Note it.
        """
        self.isAborted = True


class ConnectionTestCase(SynchronousTestCase):
    """
    Has a connection.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        self.clock = Clock()
        self.clock.advance(1000)
        self.transport = Transport()
        self.connection = LDAPConnection(self.clock, Deadlines(self.clock))
        self.connection.makeConnection(self.transport)
        self.deadline = self.clock.seconds() + 5

    def bind(self) -> Deferred[codec.Result]:
        """
        Begin a bind.
        """
        return self.connection.bind(b"uid=a", b"secret", self.deadline)

    def search(self) -> Deferred[tuple[codec.Result, list[Entry]]]:
        """
        Begin a search.
        """
        return self.connection.search(SEARCH, self.deadline)

    def sent(self) -> list[tuple[int, int, bytes]]:
        """
        @return: the requests that were sent since the last call.
        """
        sent = requests(self.transport.value())
        self.transport.clear()
        return sent

    def assertViolation(self, *waiting: Deferred[object]) -> None:
        """
        The connection is aborted, and what waited fails.
        """
        self.assertTrue(self.transport.isAborted)
        self.assertFalse(self.connection.usable)
        self.connection.connectionLost(Failure(ConnectionDone()))
        for deferred in waiting:
            self.failureResultOf(deferred, ProtocolViolation)


class RequestTests(ConnectionTestCase):
    """
    Requests and their answers.
    """

    def test_bind(self) -> None:
        """
        A bind gets its result, whatever that is.
        """
        for messageID, code in ((1, 0), (2, 49)):
            bound = self.bind()
            ((sentID, tag, _),) = self.sent()
            self.assertEqual((sentID, tag), (messageID, codec.BIND_REQUEST))
            self.connection.dataReceived(result(messageID, code))
            self.assertEqual(self.successResultOf(bound).code, code)

    def test_search(self) -> None:
        """
        A search gets its entries; references are left out.
        """
        searched = self.search()
        reference = message(1, element(codec.SEARCH_REFERENCE, element(4, b"ldap://other")))
        self.connection.dataReceived(found(1, "uid=a", UID="a") + reference + done(1))
        ended, entries = self.successResultOf(searched)
        self.assertEqual(ended.code, 0)
        self.assertEqual(entries, [Entry(b"uid=a", {"uid": (b"a",)})])

    def test_pipelined(self) -> None:
        """
        Searches under way together get their own answers, in whatever order they come.
        """
        first, second = self.search(), self.search()
        answers = found(1, "uid=a") + found(2, "uid=b") + done(2) + done(1)
        self.connection.dataReceived(answers)
        self.assertEqual(self.successResultOf(first)[1][0].dn, b"uid=a")
        self.assertEqual(self.successResultOf(second)[1][0].dn, b"uid=b")

    def test_octetByOctet(self) -> None:
        """
        Answers may come in any pieces.
        """
        searched = self.search()
        for octet in found(1, "uid=" + "a" * 300) + done(1):
            self.assertNoResult(searched)
            self.connection.dataReceived(bytes((octet,)))
        self.assertEqual(len(self.successResultOf(searched)[1]), 1)

    def test_messageIDsRunOut(self) -> None:
        """
        At the end of the message IDs (RFC 4511, section 4.1.1.1) the connection is not used again.
        """
        self.connection._lastID = LAST_MESSAGE_ID - 1
        bound = self.bind()
        self.assertFalse(self.connection.usable)
        self.connection.dataReceived(result(LAST_MESSAGE_ID, 0))
        self.assertEqual(self.successResultOf(bound).code, 0)
        self.failureResultOf(self.bind(), ConnectionBroken)


class DeadlineTests(ConnectionTestCase):
    """
    Late answers, and requests that nobody waits for any more.
    """

    def test_lateBind(self) -> None:
        """
        A bind cannot be abandoned (section 4.11): its connection is aborted.
        """
        bound = self.bind()
        self.clock.advance(4.9)
        self.assertNoResult(bound)
        self.clock.advance(0.1 + 2 * GRANULARITY)
        self.failureResultOf(bound, DeadlineExceeded)
        self.assertTrue(self.transport.isAborted)

    def test_lateSearch(self) -> None:
        """
        A late search is abandoned, what still comes for it is dropped, and the connection goes on.
        """
        searched = self.search()
        self.clock.advance(5 + 2 * GRANULARITY)
        self.failureResultOf(searched, DeadlineExceeded)
        self.assertEqual(self.sent()[1:], [(2, codec.ABANDON_REQUEST, b"\1")])
        self.deadline += 5
        other = self.search()
        self.connection.dataReceived(found(1, "uid=late") + done(1))
        self.assertNoResult(other)
        self.connection.dataReceived(done(3))
        self.assertEqual(self.successResultOf(other)[1], [])
        self.assertFalse(self.transport.isAborted)

    def test_drip(self) -> None:
        """
        A server that sends an octet now and then does not get more time.
        """
        searched = self.search()
        for octet in found(1, "uid=a")[:10]:
            self.clock.advance(0.6)
            self.connection.dataReceived(bytes((octet,)))
        self.failureResultOf(searched, DeadlineExceeded)

    def test_cancel(self) -> None:
        """
        Cancelling is like being late.
        """
        searched = self.search()
        searched.cancel()
        self.failureResultOf(searched, CancelledError)
        self.assertEqual([tag for _, tag, _ in self.sent()][1:], [codec.ABANDON_REQUEST])
        bound = self.bind()
        bound.cancel()
        self.failureResultOf(bound, CancelledError)
        self.assertTrue(self.transport.isAborted)

    def test_manyDeadlines(self) -> None:
        """
        Deadlines that are near each other share a timer, and cancelled ones are never called.
        """
        clock, called = Clock(), []
        deadlines = Deadlines(clock)
        handles = [deadlines.add(1.0, lambda n=n: called.append(n)) for n in range(100)]
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        for handle in handles[1:]:
            handle.cancel()
        clock.advance(1.0 + 2 * GRANULARITY)
        self.assertEqual(called, [0])
        deadlines.add(3.0, lambda: called.append("never"))
        deadlines.close()
        self.assertEqual(clock.getDelayedCalls(), [])


class HostileAnswerTests(ConnectionTestCase):
    """
    Malformed, oversized and unexpected answers end the connection, and nothing else.
    """

    def test_unexpected(self) -> None:
        """
        Other message IDs, other types, answers to answered requests, types that no server sends.
        """
        for answer in (
            result(2, 0),
            result(0, 0),
            done(1),
            found(1, "uid=a"),
            message(1, element(codec.SEARCH_REFERENCE, element(4, b"ldap://other"))),
            result(1, 0, codec.EXTENDED_RESPONSE),
            message(1, element(codec.BIND_REQUEST, b"")),
            message(1, element(0x79, b"")),
        ):
            self.setUp()
            bound = self.bind()
            self.connection.dataReceived(answer)
            self.assertViolation(bound)

    def test_answeredTwice(self) -> None:
        """
        A second answer cannot pass for that of the next bind.
        """
        bound = self.bind()
        self.connection.dataReceived(result(1, 49))
        self.assertEqual(self.successResultOf(bound).code, 49)
        bound = self.bind()
        self.connection.dataReceived(result(1, 0))
        self.assertViolation(bound)

    def test_noLDAP(self) -> None:
        """
        Something else than LDAP.
        """
        for answer in (b"HTTP/1.1 400 Bad Request\r\n", b"\x30\x80", b"\x30\x03\x02\x01"):
            self.setUp()
            bound = self.bind()
            self.connection.dataReceived(answer + b"\0")
            self.assertViolation(bound)

    def test_oversized(self) -> None:
        """
        A message that says that it will be long is not waited for.
        """
        searched = self.search()
        length = (LONGEST_MESSAGE + 1).to_bytes(4, "big")
        self.connection.dataReceived(b"\x30\x84" + length)
        self.assertViolation(searched)

    def test_badCompany(self) -> None:
        """
        When it is clear which request the answer was for, the others can be asked again elsewhere:
        one user's entry does not fail the logins of all.
        """
        length = (LONGEST_MESSAGE + 1).to_bytes(4, "big")
        for answer in (
            b"\x30\x84" + length + b"\2\1\2",
            message(2, element(codec.SEARCH_ENTRY, b"x")),
            message(2, element(codec.BIND_RESPONSE, b"")),
            found(2, "uid=b") * 3,
        ):
            self.setUp()
            first, second, third = self.search(), self.search(), self.search()
            self.connection.dataReceived(done(1) + answer)
            self.assertEqual(self.successResultOf(first)[1], [])
            self.assertViolation(second)
            self.failureResultOf(third, ConnectionSpoiled)

    def test_badForAll(self) -> None:
        """
        When it is not clear, all fail.
        """
        for answer in (b"\x30\x80", b"\x30\x03\x04\1\1", done(9), b"\x30\x03\x02\x07\1"):
            self.setUp()
            first, second = self.search(), self.search()
            self.connection.dataReceived(answer)
            self.assertViolation(first, second)

    def test_tooManyEntries(self) -> None:
        """
        More entries than the size limit of the request.
        """
        searched = self.search()
        self.connection.dataReceived(b"".join(found(1, f"uid={n}") for n in range(3)))
        self.assertViolation(searched)

    def test_nothingAfterwards(self) -> None:
        """
        What comes behind a violation is not looked at.
        """
        bound = self.bind()
        self.connection.dataReceived(result(9, 0) + result(1, 0))
        self.connection.dataReceived(result(1, 0))
        self.assertViolation(bound)


class EndTests(ConnectionTestCase):
    """
    How a connection ends.
    """

    def test_lost(self) -> None:
        """
        What waits fails, nothing can be sent any more, and whoever keeps connections is told.
        """
        told: list[LDAPConnection] = []
        self.connection.whenLost.append(told.append)
        searches = [self.search(), self.search()]
        self.connection.connectionLost(Failure(ConnectionDone()))
        for searched in searches:
            self.failureResultOf(searched, ConnectionBroken)
        self.assertEqual(told, [self.connection])
        self.failureResultOf(self.bind(), ConnectionBroken)

    def test_lostAndGivenUp(self) -> None:
        """
        Of those that are told one after the other, any may give up another one that is not told
        yet.
        """
        searches = [self.search(), self.search()]
        for searched, other in zip(searches, reversed(searches), strict=True):
            searched.addErrback(lambda f, other=other: (other.cancel(), f)[1])
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(searches[0], ConnectionBroken)
        self.failureResultOf(searches[1], CancelledError)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_noticeOfDisconnection(self) -> None:
        """
        The server says that it will hang up (section 4.4.1).
        """
        searched = self.search()
        name = element(0x8A, codec.NOTICE_OF_DISCONNECTION)
        notice = result(0, 52, codec.EXTENDED_RESPONSE, more=name)
        self.connection.dataReceived(notice)
        self.assertTrue(self.transport.isAborted)
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.assertIn("52", str(self.failureResultOf(searched, ConnectionBroken).value))

    def test_otherNotices(self) -> None:
        """
        Other unsolicited notifications may be ignored (section 4.4).
        """
        bound = self.bind()
        name = element(0x8A, b"1.2.3.4")
        notice = result(0, 0, codec.EXTENDED_RESPONSE, more=name)
        self.connection.dataReceived(notice + result(1, 0))
        self.assertEqual(self.successResultOf(bound).code, 0)

    def test_abort(self) -> None:
        """
        A connection that was ended does not wait for answers any more, even before the transport
        has noticed.
        """
        searched = self.search()
        self.assertTrue(self.connection.isWaiting)
        self.connection.abort(ConnectionBroken("not wanted"))
        self.assertFalse(self.connection.isWaiting)
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(searched, ConnectionBroken)

    def test_close(self) -> None:
        """
        An unbind request (section 4.3), and the connection is closed; by force after two seconds.
        """
        self.connection.close()
        self.assertEqual(self.sent(), [(1, codec.UNBIND_REQUEST, b"")])
        self.assertTrue(self.transport.disconnecting)
        self.clock.advance(2 + 2 * GRANULARITY)
        self.assertTrue(self.transport.isAborted)

    def test_noSecrets(self) -> None:
        """
        Neither a connection nor a failure shows a password.
        """
        bound = self.bind()
        self.assertNotIn("secret", repr(vars(self.connection)))
        self.connection.connectionLost(Failure(ConnectionDone()))
        failure = self.failureResultOf(bound, ConnectionBroken)
        self.assertNotIn("secret", failure.getTraceback() + repr(failure))


class StartTLSTests(ConnectionTestCase):
    """
    StartTLS before the handshake.
    """

    def test_injected(self) -> None:
        """
        What came in clear behind the response could be anybody's: the connection is aborted (RFC
        4511, section 4.14.2), and TLS is not begun.
        """
        secured = self.connection.startTLS(object(), self.deadline)
        ((_, tag, content),) = self.sent()
        self.assertEqual(tag, codec.EXTENDED_REQUEST)
        self.assertEqual(content, element(0x80, codec.START_TLS))
        answer = result(1, 0, codec.EXTENDED_RESPONSE)
        self.connection.dataReceived(answer + result(2, 0))
        self.assertTrue(self.transport.isAborted)
        self.failureResultOf(secured, ProtocolViolation)

    def test_refused(self) -> None:
        """
        Without TLS nothing more is sent.
        """
        secured = self.connection.startTLS(object(), self.deadline)
        self.connection.dataReceived(result(1, 2, codec.EXTENDED_RESPONSE))
        self.failureResultOf(secured, ConnectionBroken)
        self.assertTrue(self.transport.isAborted)
        self.sent()
        self.failureResultOf(self.bind(), ConnectionBroken)
        self.assertEqual(self.sent(), [])

    def test_nothingBeforeTheHandshake(self) -> None:
        """
        Until the certificate is verified nothing can be sent; then everything can.
        """
        self.transport.startTLS = lambda contextFactory: None
        secured = self.connection.startTLS(object(), self.deadline)
        self.sent()
        self.failureResultOf(self.bind(), ConnectionBroken)
        self.connection.dataReceived(result(1, 0, codec.EXTENDED_RESPONSE))
        self.assertNoResult(secured)
        self.failureResultOf(self.bind(), ConnectionBroken)
        self.assertEqual(self.sent(), [])
        self.assertTrue(self.connection.isWaiting)
        self.connection.handshakeCompleted()
        self.assertFalse(self.connection.isWaiting)
        self.assertIsNone(self.successResultOf(secured))
        self.bind().addErrback(lambda f: None)
        self.assertEqual([tag for _, tag, _ in self.sent()], [codec.BIND_REQUEST])

    def test_lateHandshake(self) -> None:
        """
        The handshake has a deadline.
        """
        self.transport.startTLS = lambda contextFactory: None
        secured = self.connection.beginTLS(object(), self.deadline)
        self.clock.advance(5 + 2 * GRANULARITY)
        self.assertTrue(self.transport.isAborted)
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(secured, DeadlineExceeded)

    def test_handshakeIsNotWanted(self) -> None:
        """
        Whoever waits for the handshake may give it up; the end of the connection, which comes
        later, has nobody to tell any more.
        """
        self.transport.startTLS = lambda contextFactory: None
        secured = self.connection.beginTLS(object(), self.deadline)
        secured.cancel()
        self.assertTrue(self.transport.isAborted)
        self.failureResultOf(secured, CancelledError)
        self.assertFalse(self.connection.isWaiting)
        self.connection.connectionLost(Failure(ConnectionDone()))
