# -*- test-case-name: tests.imap.test_streams -*-
"""
Whatever a client sends, split anywhere: every command gets one tagged answer, in order; nothing
reaches the log as unhandled; nothing grows without bound; nobody reaches a mailbox before the
login.

TXJMAPACCESS_EXAMPLES says how many streams to try.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.mail.imap4 import MemoryAccount
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection, RecordingRealm, base64, makePortal
from tests.support.mail import IdentifiedAccount
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
#: What may stand there after a login, too.
COMMANDS_AFTER_LOGIN = [
    *COMMANDS,
    b"EXAMINE inbox",
    b'SELECT "no such"',
    b"CLOSE",
    b"UNSELECT",
    b"CHECK",
    b"NAMESPACE",
    b'ID ("name" "x" "y" NIL)',
    b"ID NIL",
    b"ENABLE CONDSTORE UTF8=ACCEPT",
    b'LIST "" ""',
    b'LSUB "" %',
    b'LIST "" * RETURN (STATUS (MESSAGES UNSEEN))',
    b"STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT NONSENSE)",
    b'STATUS "A \\"B" (MESSAGES)',
    b"CREATE a/b/c",
    b"CREATE &AOk-",
    b"CREATE ../../x",
    b"RENAME a/b z",
    b"RENAME INBOX old",
    b"DELETE z",
    b"DELETE INBOX",
    b"SUBSCRIBE a",
    b"UNSUBSCRIBE a",
    b"APPEND INBOX (\\Seen) {25+}\r\nSubject: x\r\n\r\nLOGOUT\r\na\r\n",
    b'APPEND INBOX "20-Nov-2026 10:00:00 +0000" {3+}\r\n\r\n\x00',
    b"APPEND nowhere {2+}\r\nhi",
    b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE EMAILID)",
    b"FETCH 1 (BODY[HEADER.FIELDS (SUBJECT X)] BODY.PEEK[1.MIME] BODY[TEXT]<1.3>)",
    b"FETCH 4294967295:* ALL",
    b"FETCH 0 FAST",
    b"UID FETCH 1:* BODY[]",
    b'SEARCH CHARSET UTF-8 OR SUBJECT "hi" NOT (SINCE 1-Jan-2026 TEXT {2+}\r\n\xc3\xa5)',
    b"UID SEARCH UID 1:* KEYWORD $x SMALLER 10",
    b"SEARCH NONSENSE",
    b"STORE 1:* FLAGS.SILENT (\\Deleted $x)",
    b"UID STORE 1:* -FLAGS ()",
    b"UID EXPUNGE 1:*",
    b"COPY 1:* INBOX",
    b"COPY 1 nowhere",
    b"UID COPY 1 a",
    b"MOVE 1 a",
]
#: Lines of conversations: commands that want more, and what more there may be.
LINES = [
    b"c NOOP",
    b"c LOGIN {4}",
    b"arnt {9}",
    b"trondheim",
    b"c LOGIN arnt trondheim",
    b"c AUTHENTICATE PLAIN",
    b"c AUTHENTICATE PLAIN =",
    base64(b"\0arnt\0trondheim"),
    b"c AUTHENTICATE LOGIN",
    base64(b"arnt"),
    base64(b"trondheim"),
    b"c AUTHENTICATE OAUTHBEARER",
    base64(b"n,a=arnt,\x01auth=Bearer no-such-token\x01\x01"),
    b"c AUTHENTICATE XOAUTH2 " + base64(b"user=arnt\x01auth=Bearer demo-token-arnt\x01\x01"),
    b"AQ==",
    b"*",
    b"",
    b"c SELECT INBOX",
    b"c IDLE",
    b"DONE",
    b"c APPEND INBOX {7}",
    b"c APPEND INBOX {7+}",
    b"c DONE",
    b"c SEARCH SUBJECT {3} TEXT {0}",
    b"c STARTTLS",
    b"c LOGOUT",
]
ENOUGH = 1000

CUTS = st.lists(st.integers(0, 2000))
MUTATIONS = st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4)), min_size=1)


def streamOf(*commands):
    """
    @return: the octets of some commands, all with the same tag.
    """
    return b"".join(b"t %b\r\n" % command for command in commands)


def mutated(data, mutations):
    """
    @return: C{data} with some octets replaced.
    """
    changed = bytearray(data)
    for place, octets in mutations:
        start = place % len(changed)
        changed[start : start + len(octets)] = octets
    return bytes(changed)


def chunks(data, cuts):
    """
    @return: C{data} cut at some places.
    """
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def linesOf(data):
    """
    @return: the lines that a client sees in C{data}: with the literals in them.
    """
    lines = []
    line = b""
    while data:
        piece, _, data = data.partition(b"\r\n")
        line += piece
        if literal := re.search(rb"\{(\d+)\}\Z", piece):
            size = int(literal[1])
            line += data[:size]
            data = data[size:]
        else:
            lines.append(line)
            line = b""
    return lines


class Unreachable(MemoryAccount):
    """
    An account that must never be made.
    """

    def __init__(self, name):
        raise AssertionError("an account was made without a login")


#: What a store can be slow at.
WAITING = {"select", "create", "delete", "rename", "subscribe", "unsubscribe", "listMailboxes"}
WAITING |= {"requestStatus", "addMessage", "fetch", "store", "expunge", "getMailboxID"}


class StreamTests(SynchronousTestCase):
    """
    Streams of commands.
    """

    def realm(self, slow):
        """
        @param slow: whether the store takes its time.

        @return: the realm of those who log in.
        """
        return RecordingRealm(lambda name: self.account(WAITING if slow else ()))

    def account(self, waiting):
        """
        @return: an account with two mailboxes, one of them with a name that must be quoted.
        """
        account = IdentifiedAccount()
        account.add('A "B')
        account.mailboxes["INBOX"].put()
        account.mailboxes["INBOX"].put(b"no header\r\n", ["\\Deleted"])
        account.slow.names = set(waiting)
        return account

    def moveOn(self, connection):
        """
        Let what waits go on.

        @return: what the server says.
        """
        slow = getattr(connection.server.account, "slow", None)
        if slow is not None:
            slow.go()
        connection.clock.advance(0)
        return connection.received()

    def connect(self, realm=None):
        """
        @return: a connection that bears a lot. Without a realm nobody must log in.
        """
        return Connection(
            portal=makePortal(realm or RecordingRealm(Unreachable)),
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
            answer += self.moveOn(connection)
            self.assertLess(len(connection.server._buffer), 200_000)
        for _ in range(200):
            answer += self.moveOn(connection)
        return answer

    def tagged(self, answer):
        """
        @return: the tags of the tagged responses.
        """
        lines = linesOf(b"".join(line + b"\r\n" for line in answer))
        return [line.split(b" ")[0] for line in lines if line[:1] not in (b"*", b"+")]

    def assertOneAnswerEach(self, connection, commands, cuts):
        """
        Every command is answered once, in order.
        """
        tags = [b"t%d" % number for number in range(len(commands))]
        lines = [t + b" " + command + b"\r\n" for t, command in zip(tags, commands, strict=True)]
        answer = self.feed(connection, b"".join(lines), cuts)
        self.assertEqual(self.tagged(answer), tags, answer)
        self.assertNothingLeft(connection)

    def assertNothingLeft(self, connection):
        """
        The connection can be lost without leaving anything behind, and nothing was unhandled.
        """
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    @EXAMPLES
    @given(st.lists(st.sampled_from(COMMANDS), max_size=12), CUTS)
    def test_beforeLogin(self, commands, cuts):
        """
        Commands before the login, in one stream.
        """
        self.assertOneAnswerEach(self.connect(), commands, cuts)

    @EXAMPLES
    @given(st.lists(st.sampled_from(COMMANDS_AFTER_LOGIN), max_size=12), CUTS, st.booleans())
    def test_afterLogin(self, commands, cuts, slow):
        """
        Commands around a login, in one stream.
        """
        commands.insert(len(commands) // 3, b"LOGIN arnt trondheim")
        connection = self.connect(self.realm(slow))
        self.assertOneAnswerEach(connection, commands, cuts)
        self.assertIsNotNone(connection.server.loginRecord)

    @EXAMPLES
    @given(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=12), MUTATIONS, CUTS)
    def test_mutated(self, commands, mutations, cuts):
        """
        The same with octets replaced at random: no exception, no account, and the connection can be
        lost at any time without leaving anything behind.
        """
        connection = self.connect()
        self.feed(connection, mutated(streamOf(*commands), mutations), cuts)
        self.assertNothingLeft(connection)

    @EXAMPLES
    @given(
        st.lists(st.sampled_from(COMMANDS_AFTER_LOGIN), min_size=1, max_size=12),
        MUTATIONS,
        CUTS,
        st.booleans(),
    )
    def test_mutatedAfterLogin(self, commands, mutations, cuts, slow):
        """
        After a login, whatever comes: no exception, and nothing is left behind.
        """
        connection = self.connect(self.realm(slow))
        login = streamOf(b"LOGIN arnt trondheim", b"SELECT INBOX")
        self.feed(connection, login + mutated(streamOf(*commands), mutations), cuts)
        self.assertIsNotNone(connection.server.loginRecord)
        self.assertNothingLeft(connection)

    @EXAMPLES
    @given(st.lists(st.sampled_from(LINES), max_size=20), CUTS, st.booleans())
    def test_conversations(self, lines, cuts, slow):
        """
        Exchanges, synchronizing literals and IDLE, begun and not ended, or ended wrongly; before
        a login and after it.
        """
        connection = self.connect(self.realm(slow))
        self.feed(connection, b"".join(line + b"\r\n" for line in lines), cuts)
        self.assertNothingLeft(connection)

    @EXAMPLES
    @given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
    def test_anyOctets(self, data, cuts):
        """
        Any octets at all.
        """
        connection = self.connect()
        self.feed(connection, data, cuts)
        self.assertNothingLeft(connection)
