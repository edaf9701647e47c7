# -*- test-case-name: tests.test_streams -*-
"""
Whatever a client sends, split anywhere: every command gets one tagged answer, in order; nothing
reaches the log as unhandled; nothing grows without bound; nobody reaches a mailbox before the
login.

TXJMAPACCESS_EXAMPLES says how many streams to try.
"""

from __future__ import annotations

import os
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.mail.imap4 import MemoryAccount
from twisted.trial.unittest import SynchronousTestCase

from tests.support_imap import Connection, RecordingRealm, base64, makePortal
from tests.support_mailbox import Account
from txjmapaccess.policy import SharedCredentials

EXAMPLES = settings(
    max_examples=int(os.environ.get("TXJMAPACCESS_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

#: What may stand behind a tag. Each of them ends without a further line from the client.
COMMANDS = [
    b"NOOP",
    b"CAPABILITY",
    b"LOGIN arnt oslo",
    b'LOGIN "arnt" "o\\"slo\\\\"',
    b"LOGIN {4+}\r\narnt {4+}\r\noslo",
    b"LOGIN {4+}\r\narnt",
    b"LOGIN",
    b"LOGIN a b c",
    b"AUTHENTICATE PLAIN " + base64(b"\0arnt\0oslo"),
    b"AUTHENTICATE PLAIN ====",
    b"AUTHENTICATE NOSUCH",
    b"GETJMAPACCESS",
    b"SELECT INBOX",
    b"SELECT {5+}\r\nINBOX",
    b"STATUS INBOX (MESSAGES)",
    b'LIST "" *',
    b"FETCH 1:* (FLAGS)",
    b"FETCH 1 (NONSENSE)",
    b"SEARCH ALL",
    b"UID FETCH 1 (UID)",
    b"STORE 1 +FLAGS (\\Seen)",
    b"EXPUNGE",
    b"CREATE {3+}\r\nabc",
    b"NONSENSE {10+}\r\n0123456789",
    b"NONSENSE {8+}\r\nx NOOP\r\n more {0+}\r\n",
    b"NOOP {6+}\r\nLOGOUT",
    b"APPEND INBOX {5+}\r\nhello",
    b"",
    b"\xff\xfe",
    b"NOOP \x00",
]
ENOUGH = 1000


def chunks(data, cuts):
    """
    @return: C{data} cut at some places.
    """
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class Unreachable(MemoryAccount):
    """
    An account that must never be made.
    """

    def __init__(self, name):
        raise AssertionError("an account was made without a login")


class StreamTests(SynchronousTestCase):
    """
    Streams of commands.
    """

    def connect(self, accountFactory=Unreachable):
        """
        @return: a connection that bears a lot.
        """
        return Connection(
            portal=makePortal(RecordingRealm(accountFactory)),
            jmapAccessPolicy=SharedCredentials("https://example.com/jmap"),
            failuresPerConnection=ENOUGH,
        )

    def feed(self, connection, data, cuts):
        """
        @return: what the server says to C{data}, cut into pieces.
        """
        answer = []
        for chunk in chunks(data, cuts):
            answer += connection.sendRaw(chunk)
            self.assertLess(len(connection.server._buffer), 200_000)
        for _ in range(20):
            connection.clock.advance(0)
        return answer + connection.received()

    def tagged(self, answer):
        """
        @return: the tags of the tagged responses.
        """
        return [line.split(b" ")[0] for line in answer if line[:1] not in (b"*", b"+")]

    def assertOneAnswerEach(self, connection, commands, cuts):
        """
        Every command is answered once, in order.
        """
        tags = [b"t%d" % number for number in range(len(commands))]
        lines = [t + b" " + command + b"\r\n" for t, command in zip(tags, commands, strict=True)]
        answer = self.feed(connection, b"".join(lines), cuts)
        self.assertEqual(self.tagged(answer), tags, answer)
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    @EXAMPLES
    @given(st.lists(st.sampled_from(COMMANDS), max_size=12), st.lists(st.integers(0, 2000)))
    def test_beforeLogin(self, commands, cuts):
        """
        Commands before the login, in one stream.
        """
        self.assertOneAnswerEach(self.connect(), commands, cuts)
        self.assertEqual(self.flushLoggedErrors(), [])

    @EXAMPLES
    @given(st.lists(st.sampled_from(COMMANDS), max_size=12), st.lists(st.integers(0, 2000)))
    def test_afterLogin(self, commands, cuts):
        """
        Commands around a login, in one stream.
        """
        commands.insert(len(commands) // 3, b"LOGIN arnt trondheim")
        self.assertOneAnswerEach(self.connect(Account), commands, cuts)
        self.assertEqual(self.flushLoggedErrors(), [])

    @EXAMPLES
    @given(
        st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=12),
        st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4)), min_size=1),
        st.lists(st.integers(0, 2000)),
    )
    def test_mutated(self, commands, mutations, cuts):
        """
        The same with octets replaced at random: no exception, no account, and the connection can be
        lost at any time without leaving anything behind.
        """
        data = bytearray(b"".join(b"t %b\r\n" % command for command in commands))
        for place, octets in mutations:
            data[place % len(data) : place % len(data) + len(octets)] = octets
        connection = self.connect()
        self.feed(connection, bytes(data), cuts)
        connection.lose()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    @EXAMPLES
    @given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
    def test_anyOctets(self, data, cuts):
        """
        Any octets at all.
        """
        connection = self.connect()
        self.feed(connection, data, cuts)
        connection.lose()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(connection.clock.getDelayedCalls(), [])
