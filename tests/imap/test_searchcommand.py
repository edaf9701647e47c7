"""
SEARCH on the wire (RFC 3501, section 6.4.4; RFC 8474, section 6).
"""

from __future__ import annotations

import time
from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IllegalQueryError, IMAP4Server, parseIdList
from twisted.mail.interfaces import IMessageIMAPFile, ISearchableIMAPMailbox
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.imap import configure
from tests.support.mail import IdentifiedAccount, IndexedMailbox, Session
from txjmapaccess.errors import MessageExpunged
from txjmapaccess.imap.sequenceset import parseSequenceSet
from txjmapaccess.pacing import SLICE
from txjmapaccess.server import JMAPAccessMixin
from txjmapaccess.store.messageset import bounded, membership

CAFE = (
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\n"
    b"From: =?iso-8859-1?q?J=F6rg?= <joerg@example.com>\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
    b"w6l0w6k=\r\n"
)


class IndexedAccount(IdentifiedAccount):
    """
    An account whose mailboxes find identifiers with an index.
    """

    mailboxFactory = IndexedMailbox


class SearchTests(SynchronousTestCase):
    """
    Keys, charsets and answers.
    """

    def setUp(self):
        self.session = Session().selected()
        self.inbox = self.session.inbox
        self.inbox.put(flags=["\\Seen"])
        self.inbox.put(flags=["$Work", "\\Recent"])
        self.inbox.put(CAFE, uid=9, date=b"Wed, 05 Feb 2020 23:30:00 -0800")

    def search(self, keys, command=b"SEARCH"):
        """
        @return: the numbers found.
        """
        lines = self.session.send(b"a " + command + b" " + keys)
        self.assertEqual(lines[1:], [b"a OK SEARCH completed"], (keys, lines))
        self.assertEqual(lines[0][:8], b"* SEARCH")
        return [int(number) for number in lines[0][8:].split()]

    def test_keys(self):
        """
        Every key of RFC 3501.
        """
        for keys, found in (
            (b"ALL", [1, 2, 3]),
            (b"2", [2]),
            (b"*", [3]),
            (b"1,3:*", [1, 3]),
            (b"SEEN", [1]),
            (b"unseen", [2, 3]),
            (b"NEW", [2]),
            (b"OLD", [1, 3]),
            (b"RECENT", [2]),
            (b"KEYWORD $work", [2]),
            (b"UNKEYWORD $Work", [1, 3]),
            (b"ANSWERED", []),
            (b"UNDELETED UNDRAFT UNFLAGGED UNANSWERED", [1, 2, 3]),
            (b"FROM ada", [1, 2]),
            (b'TO "Bob <"', [1, 2]),
            (b"CC x", []),
            (b"BCC x", []),
            (b"SUBJECT HELLO", [1, 2]),
            (b"HEADER Message-ID 1@", [1, 2]),
            (b'HEADER To ""', [1, 2]),
            (b"BODY morning", [1, 2]),
            (b"BODY hello", []),
            (b"TEXT hello", [1, 2]),
            (b"LARGER 160", [3]),
            (b"SMALLER 160", [1, 2]),
            (b"ON 3-Mar-2020", [1, 2]),
            (b"ON 5-Feb-2020", [3]),
            (b"BEFORE 3-Mar-2020", [3]),
            (b'SINCE "3-Mar-2020"', [1, 2]),
            (b"SENTON 03-mar-2020", [1, 2]),
            (b"SENTBEFORE 4-Mar-2020", [1, 2]),
            (b"SENTSINCE 4-Mar-2020", []),
            (b"UID 2:9", [2, 3]),
            (b"UID 10:*", [3]),
            (b"NOT SEEN", [2, 3]),
            (b"OR SEEN UID 9", [1, 3]),
            (b"(UNSEEN (OR FROM ada FROM nobody))", [2]),
            (b"NOT (OR 1 3)", [2]),
            (b"UNSEEN 2:3 FROM ada", [2]),
        ):
            self.assertEqual(self.search(keys), found, keys)

    def test_uid(self):
        """
        UID SEARCH answers with UIDs; sequence sets in it are sequence numbers all the same.
        """
        self.assertEqual(self.search(b"2:3", b"UID SEARCH"), [2, 9])

    def test_none(self):
        """
        An empty result is C{* SEARCH} (section 7.2.5), of an empty mailbox too.
        """
        self.assertEqual(self.session.send(b"a SEARCH FROM nobody")[0], b"* SEARCH")
        self.inbox.messages.clear()
        self.assertEqual(self.search(b"1:*"), [])

    def test_encoded(self):
        """
        Encoded words and bodies are decoded; the case of letters is nothing.
        """
        for keys in ("SUBJECT CAFÉ", 'TEXT "Café"', "BODY ÉTÉ", "FROM jörg"):
            name, _, text = keys.partition(" ")
            data = name.encode() + b' "' + text.strip('"').encode() + b'"'
            self.assertEqual(self.search(b"CHARSET UTF-8 " + data), [3], keys)
            self.assertEqual(self.search(data), [3], keys)

    def test_literals(self):
        """
        Literals may stand wherever a string may.
        """
        self.assertEqual(self.session.send(b"a SEARCH SUBJECT {5}"), [b"+ Ready for 5 octets"])
        self.assertEqual(self.session.send(b"hello UNSEEN")[0], b"* SEARCH 2")
        self.assertEqual(
            self.session.send(
                b"a SEARCH CHARSET utf-8 (OR SUBJECT {5+}", "café".encode() + b" FROM {3+}", b"ada)"
            )[0],
            b"* SEARCH 1 2 3",
        )

    def test_charset(self):
        """
        US-ASCII and UTF-8; another charset is NO with the list of those (section 7.1).
        """
        self.assertEqual(self.search(b"CHARSET us-ascii ALL"), [1, 2, 3])
        self.assertEqual(
            self.session.send(b"a SEARCH CHARSET ISO-8859-1 ALL"),
            [b"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset"],
        )
        for keys in (b'CHARSET US-ASCII SUBJECT "\xc3\xa9"', b'CHARSET UTF-8 SUBJECT "\xe9"'):
            (line,) = self.session.send(b"a SEARCH " + keys)
            self.assertTrue(line.startswith(b"a BAD "), line)

    def test_syntax(self):
        """
        What is no search key is BAD, and nothing is looked at.
        """
        self.inbox.fetch = lambda *args, **keywords: self.fail("fetched")
        for keys in (
            b"",
            b"FOO",
            b"(ALL",
            b"ALL)",
            b"()",
            b"NOT",
            b"OR SEEN",
            b"SUBJECT",
            b"SUBJECT (x)",
            b"LARGER x",
            b"LARGER -1",
            b"SINCE 32-Jan-2020",
            b"SINCE yesterday",
            b"UID x",
            b"0",
            b"1:x",
            b'"ALL"',
            b"KEYWORD",
            b"CHARSET",
            b"CHARSET UTF-8",
            b"(" * 500 + b"ALL" + b")" * 500,
            b"NOT " * 500 + b"ALL",
        ):
            (line,) = self.session.send(b"a SEARCH " + keys)
            self.assertTrue(line.startswith(b"a BAD "), (keys, line))

    def test_failures(self):
        """
        Nothing of an exception is shown. A message that cannot be read does not match, and is
        logged.
        """
        self.inbox.messages[1].getHeaders = lambda *args: 1 / 0
        self.assertEqual(self.search(b"FROM ada"), [1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.session.slow.errors["fetch"] = RuntimeError("secret")
        self.assertEqual(self.session.send(b"a SEARCH ALL"), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_expunged(self):
        """
        A message that another session has expunged does not match; that is no fault.
        """

        def gone(*args):
            raise MessageExpunged()

        self.inbox.messages[1].getHeaders = gone
        self.assertEqual(self.search(b"FROM ada"), [1])

    def test_turns(self):
        """
        Others have their turn while many messages are looked at.
        """
        times = iter(range(1000))
        configure(self.session.server, {"seconds": lambda: next(times) * SLICE})
        self.session.server.dataReceived(b"a SEARCH SEEN\r\n")
        self.assertEqual(self.session.received(), [])
        self.session.clock.advance(0)
        self.assertEqual(self.session.received(), [b"* SEARCH 1", b"a OK SEARCH completed"])

    def test_turnsOfIdentifiers(self):
        """
        So they have while identifiers are asked for, where there is no index.
        """
        session = Session(IdentifiedAccount)
        asked, turns = set(), []
        for _ in range(401):
            message = session.inbox.put()
            message.getEmailID = lambda: asked.add(len(turns)) or "M1"
        session.selected()
        callLater = session.server.callLater
        session.server.callLater = lambda *args: turns.append(args) or callLater(*args)
        times = iter(range(10000))
        configure(session.server, {"seconds": lambda: next(times) * SLICE})
        session.send(b"a SEARCH EMAILID M1")
        self.assertEqual(len(asked), 3)

    def test_cheapestFirst(self):
        """
        A body is read only of messages that match otherwise.
        """
        self.inbox.messages[1].getBodyFile = lambda: self.fail("read")
        self.assertEqual(self.search(b"BODY morning SEEN"), [1])

    def test_restricted(self):
        """
        Only messages that can match are fetched.
        """
        fetched = []
        fetch = self.inbox.fetch

        def recording(messages, uid):
            fetched.append((str(messages), uid))
            return fetch(messages, uid)

        self.inbox.fetch = recording
        self.search(b"UID 2:9 UNSEEN")
        self.search(b"SEEN 1:2")
        self.search(b"OR 1 2")
        self.assertEqual(fetched, [("2:9", 1), ("1:2", 0), ("1:*", 0)])


class OpenedLaterTests(SynchronousTestCase):
    """
    Messages of a store that opens their files later.
    """

    def test_body(self):
        """
        SEARCH waits until a message is open, and looks into it.
        """
        session = Session().selected()
        message = session.inbox.put()
        opened = []

        def open():
            opened.append(Deferred())
            return opened[-1]

        message.open = open
        alsoProvides(message, IMessageIMAPFile)
        self.assertEqual(session.send(b"a SEARCH BODY needle"), [])
        opened[0].callback(BytesIO(b"Subject: hay\r\n\r\nA needle.\r\n"))
        session.clock.advance(0)
        self.assertEqual(session.received(), [b"* SEARCH 1", b"a OK SEARCH completed"])


class SetTests(SynchronousTestCase):
    """
    Sequence sets (RFC 3501, section 9).
    """

    def test_asTwistedHasThem(self):
        """
        They are what Twisted's C{parseIdList} gives, C{*:*} besides.
        """
        for text in (b"1", b"*", b"1:3", b"3:1", b"5:*", b"*:5", b"1,2,3,7:9,8:*", b"2,4,6:5"):
            ours, theirs = parseSequenceSet(text), parseIdList(text)
            self.assertEqual(ours, theirs, text)
            ours.last = theirs.last = 7
            self.assertEqual(list(ours), list(theirs), text)
            isIn = membership(parseSequenceSet(text), 7)
            self.assertEqual([n for n in range(12) if isIn(n)], list(theirs), text)
        self.assertEqual(parseSequenceSet(b"*:*"), parseSequenceSet(b"*"))

    def test_long(self):
        """
        A set of very many pieces takes no time to speak of.
        """
        text = b",".join(b"%d" % n for n in range(1, 9000, 2))
        started = time.process_time()
        isIn = membership(parseSequenceSet(text), 1)
        self.assertEqual(sum(map(isIn, range(20000))), 4500)
        self.assertLess(time.process_time() - started, 0.5)

    def test_bounded(self):
        """
        Numbers that no message has are left out; C{*} stays.
        """
        for text, expected in (
            (b"1:4294967295", b"1:5"),
            (b"6:4294967295", b""),
            (b"4294967295:*", b"*"),
            (b"2:*,9", b"2:*"),
            (b"1,7,3:9", b"1,3:5"),
        ):
            self.assertEqual(str(bounded(parseSequenceSet(text), 5)), expected.decode())

    def test_nothing(self):
        """
        A set of messages that are not there is no error, in an empty mailbox neither.
        """
        session = Session().selected()
        for count in range(2):
            for command in (
                b"FETCH 9 UID",
                b"UID FETCH 99999999 UID",
                b"STORE 9 FLAGS ()",
                b"UID STORE 99999999 FLAGS ()",
                b"COPY 9 INBOX",
                b"SEARCH 9",
                b"UID FETCH * FLAGS",
                b"FETCH 1:* FLAGS",
            ):
                lines = session.send(b"a " + command)
                self.assertTrue(lines[-1].startswith(b"a OK "), (count, command, lines))
            session.inbox.put()

    def test_hugeSets(self):
        """
        A mailbox that goes through all numbers of a set is not asked for thousands of millions.
        """
        session = Session().selected()
        session.inbox.put()
        session.inbox.put()

        def naive(messages, uid):
            messages.last = 2
            return [(n, session.inbox.messages[n - 1]) for n in messages if n <= 2]

        session.inbox.fetch = naive
        for command in (
            b"FETCH 1:4294967295 UID",
            b"UID FETCH 1:4294967295 UID",
            b"SEARCH 1:4294967295",
            b"SEARCH UID 1:4294967295",
            b"COPY 1:4294967295 INBOX",
        ):
            lines = session.send(b"a " + command)
            self.assertTrue(lines[-1].startswith(b"a OK "), lines)


class IdentifierTests(SynchronousTestCase):
    """
    EMAILID and THREADID (RFC 8474, section 6), with an index and without.
    """

    def sessions(self):
        """
        @return: sessions with three messages, the last of them in a thread of its own.
        """
        for accountFactory in (IdentifiedAccount, IndexedAccount):
            session = Session(accountFactory).selected()
            for thread in ("T1", "T1", "T2"):
                session.inbox.put(threadID=thread)
            yield session

    def test_keys(self):
        """
        Alone, and inside NOT, OR and parentheses, in any case of letters.
        """
        for session in self.sessions():
            for keys, found in (
                (b"EMAILID M2", b"2"),
                (b"threadid T1", b"1 2"),
                (b"NOT EMAILID M2", b"1 3"),
                (b"OR EMAILID M1 THREADID T2", b"1 3"),
                (b"(THREADID T1) 2:*", b"2"),
                (b"(NOT (OR EMAILID M1 (THREADID T2)))", b"2"),
                (b"THREADID T1 EMAILID M2", b"2"),
                (b'EMAILID "M2"', b"2"),
                (b"EMAILID m2", b""),
                (b"EMAILID T1", b""),
            ):
                for command in (b"SEARCH", b"UID SEARCH"):
                    self.assertEqual(
                        session.send(b"a " + command + b" " + keys),
                        [b"* SEARCH" + b" " * bool(found) + found, b"a OK SEARCH completed"],
                        keys,
                    )

    def test_noIdentifier(self):
        """
        A search for what cannot be an identifier is BAD.
        """
        for session in self.sessions():
            for value in (b"a.b", b'""', b"a" * 256, b"", b"(M1)", b'"M 1"'):
                (line,) = session.send(b"a SEARCH EMAILID " + value)
                self.assertTrue(line.startswith(b"a BAD "), (value, line))

    def test_index(self):
        """
        With an index only what it finds is fetched, and it may take its time.
        """
        session = Session(IndexedAccount).selected()
        for _ in range(3):
            session.inbox.put()
        session.slow.names.update(("searchEmailID", "fetch"))
        self.assertEqual(session.send(b"a UID SEARCH EMAILID M2"), [])
        asked = []
        chosen = session.inbox._chosen

        def recording(messages, uid):
            asked.append((str(messages), uid))
            return chosen(messages, uid)

        session.inbox._chosen = recording
        session.go()
        self.assertEqual(session.go()[0], b"* SEARCH 2")
        self.assertEqual(asked, [("2", 1)])
        session.send(b"a SEARCH EMAILID M99")
        self.assertEqual(session.go()[0], b"* SEARCH")
        self.assertEqual(len(asked), 1)

    def test_withoutThreads(self):
        """
        A search for a THREADID finds nothing where there are no threads (section 5.2).
        """
        session = Session(IdentifiedAccount).selected()
        session.inbox.put(threadID=None)
        self.assertEqual(session.send(b"a SEARCH THREADID T1")[0], b"* SEARCH")

    def test_withoutIdentifiers(self):
        """
        A store without identifiers has none that could match.
        """
        session = Session().selected()
        session.inbox.put()
        self.assertEqual(session.send(b"a SEARCH EMAILID M1")[0], b"* SEARCH")


class SearchableTests(SynchronousTestCase):
    """
    Mailboxes that search by themselves (L{ISearchableIMAPMailbox}).
    """

    def setUp(self):
        self.session = Session(IdentifiedAccount).selected()
        self.inbox = self.session.inbox
        for uid in (5, 6):
            self.inbox.put(uid=uid, emailID=f"M{uid}")
        self.queries = []
        self.inbox.search = self.search
        alsoProvides(self.inbox, ISearchableIMAPMailbox)

    def search(self, query, uid):
        if query == [b"FOO"]:
            raise IllegalQueryError("secret")
        self.queries.append((query, uid))
        return self.session.slow.answer("search", lambda: [2])

    def test_asked(self):
        """
        They get the keys as Twisted has them, and their sequence numbers become UIDs for UID
        SEARCH.
        """
        self.session.slow.names.add("search")
        self.assertEqual(self.session.send(b'a SEARCH NOT (SUBJECT "a b") 1:2'), [])
        self.assertEqual(self.session.go()[0], b"* SEARCH 2")
        self.session.send(b"a UID SEARCH ALL")
        self.assertEqual(self.session.go()[0], b"* SEARCH 6")
        self.assertEqual(
            self.queries,
            [([b"NOT", [b"SUBJECT", b"a b"], b"1:2"], 0), ([b"ALL"], 1)],
        )

    def test_illegal(self):
        """
        What they cannot search for is BAD, without their words.
        """
        self.assertEqual(
            self.session.send(b"a SEARCH FOO"), [b"a BAD The mailbox cannot search for that"]
        )

    def test_identifiers(self):
        """
        Of identifiers they know nothing.
        """
        self.assertEqual(self.session.send(b"a SEARCH EMAILID M5")[0], b"* SEARCH 1")
        self.assertEqual(self.queries, [])


class ForeignTests(SynchronousTestCase):
    """
    Servers that override what Twisted's SEARCH calls.
    """

    def test_searchMethod(self):
        """
        A C{search_} method of theirs is called, and keys that only they have work.
        """

        class Theirs(IMAP4Server):
            def search_XODD(self, query, id, msg):
                return id % 2

        session = Session(IdentifiedAccount, server=type("S", (JMAPAccessMixin, Theirs), {})())
        session.selected()
        for _ in range(3):
            session.inbox.put()
        self.assertEqual(session.send(b"a SEARCH XODD")[0], b"* SEARCH 1 3")
        self.assertEqual(session.send(b"a SEARCH EMAILID M2")[0], b"* SEARCH 2")
