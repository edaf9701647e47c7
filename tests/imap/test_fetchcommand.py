"""
FETCH on the wire (RFC 3501, section 6.4.5).
"""

from __future__ import annotations

import io
from base64 import b64encode

from twisted.internet.defer import succeed
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import IMAP4Server
from twisted.mail.interfaces import IMessageIMAPFile
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.imap import configure
from tests.support.mail import HELLO, IdentifiedAccount, Part, Session
from txjmapaccess.errors import MessageExpunged
from txjmapaccess.pacing import SLICE
from txjmapaccess.server import JMAPAccessMixin

MULTIPART = (
    b"From: ada@example.com\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n"
    b"\r\n"
    b"--x\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"First\r\n"
    b"--x\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Subject: Inner\r\n"
    b"\r\n"
    b"Inside\r\n"
    b"--x--\r\n"
)


class PullingTransport(StringTransport):
    """
    A transport whose client takes everything: a producer is asked until it has no more.
    """

    def registerProducer(self, producer, streaming):
        super().registerProducer(producer, streaming)
        while self.producer is producer and not streaming:
            producer.resumeProducing()


class AskingTransport(StringTransport):
    """
    A transport that takes nothing after the first piece, for which it asks at once, as TCP does.
    """

    def registerProducer(self, producer, streaming):
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()


def literal(data):
    """
    @return: C{data} as a literal.
    """
    return b"{%d}\r\n" % len(data) + data


class FetchTests(SynchronousTestCase):
    """
    Data items and their answers.
    """

    def setUp(self):
        self.session = Session(transport=PullingTransport()).selected()
        self.inbox = self.session.inbox

    def fetch(self, items):
        """
        @return: what comes for the first message, without the tagged line.
        """
        data = b"\r\n".join([*self.session.send(b"a FETCH 1 " + items), b""])
        response, tagged, _ = data.rpartition(b"a OK FETCH completed\r\n")
        self.assertTrue(tagged, data)
        return response

    def test_macros(self):
        """
        ALL, FAST and FULL.
        """
        self.inbox.put()
        fast = b'FLAGS () INTERNALDATE "03-Mar-2020 11:00:00 +0000" RFC822.SIZE 156'
        self.assertEqual(self.fetch(b"fast"), b"* 1 FETCH (" + fast + b")\r\n")
        self.assertIn(fast + b" ENVELOPE (", self.fetch(b"ALL"))
        self.assertIn(b" BODY (", self.fetch(b"FULL"))

    def test_unknownItems(self):
        """
        An item that is not known is BAD, and nothing is fetched.
        """
        self.inbox.put()
        self.inbox.fetch = lambda *args, **keywords: self.fail("fetched")
        for items in (b"FOO", b"(UID FOO)", b"BODY[FOO]", b"BODY.PEEK", b"(UID", b"", b"UID FLAGS"):
            (line,) = self.session.send(b"a FETCH 1 " + items)
            self.assertTrue(line.startswith(b"a BAD "), (items, line))

    def test_whole(self):
        """
        BODY[] and RFC822 are the whole message, and mark it as seen; BODY.PEEK[] does not.
        """
        whole = literal(HELLO.replace(b"Message-ID", b"Message-Id"))
        seen = b"* 1 FETCH (FLAGS (\\Seen))\r\n"
        for item, label in ((b"BODY[]", b"BODY[]"), (b"RFC822", b"RFC822")):
            self.inbox.messages.clear()
            self.inbox.put()
            self.assertEqual(self.fetch(b"BODY.PEEK[]"), b"* 1 FETCH (BODY[] " + whole + b")\r\n")
            self.assertEqual(
                self.fetch(item), b"* 1 FETCH (" + label + b" " + whole + b")\r\n" + seen
            )
            self.assertEqual(self.fetch(item), b"* 1 FETCH (" + label + b" " + whole + b")\r\n")

    def test_headers(self):
        """
        A header ends with its blank line, whatever fields are chosen; names are as the client
        wrote them.
        """
        self.inbox.put()
        self.assertEqual(
            self.fetch(b"BODY.PEEK[HEADER.FIELDS (sUBJECT to)]"),
            b"* 1 FETCH (BODY[HEADER.FIELDS (sUBJECT to)] "
            + literal(b"To: Bob <bob@example.com>\r\nSubject: Hello\r\n\r\n")
            + b")\r\n",
        )
        self.assertEqual(
            self.fetch(b"BODY.PEEK[HEADER.FIELDS.NOT (from to date message-id)]"),
            b"* 1 FETCH (BODY[HEADER.FIELDS.NOT (from to date message-id)] "
            + literal(b"Subject: Hello\r\n\r\n")
            + b")\r\n",
        )
        self.inbox.messages[0].getHeaders = lambda negate, *names: {"to": "x", "cc": "y"}
        self.assertEqual(
            self.fetch(b"BODY.PEEK[HEADER.FIELDS.NOT (to)]"),
            b"* 1 FETCH (BODY[HEADER.FIELDS.NOT (to)] " + literal(b"Cc: y\r\n\r\n") + b")\r\n",
        )
        del self.inbox.messages[0].getHeaders
        header = HELLO.partition(b"\r\n\r\n")[0].replace(b"-ID", b"-Id") + b"\r\n\r\n"
        self.assertEqual(
            self.fetch(b"(RFC822.HEADER BODY.PEEK[HEADER])"),
            b"* 1 FETCH (RFC822.HEADER "
            + literal(header)
            + b" BODY[HEADER] "
            + literal(header)
            + b")\r\n",
        )

    def test_partial(self):
        """
        C{<origin.length>} cuts: no more than there is, nothing beyond the end, and only the origin
        in the answer (section 7.4.2).
        """
        self.inbox.put()
        text = b"Good morning\r\n"
        for part, expected in (
            (b"<0.4>", text[:4]),
            (b"<5.4>", text[5:9]),
            (b"<0.14>", text),
            (b"<5.1000>", text[5:]),
            (b"<14.5>", b""),
            (b"<1000.5>", b""),
        ):
            origin = part.partition(b".")[0] + b">"
            self.assertEqual(
                self.fetch(b"BODY.PEEK[TEXT]" + part),
                b"* 1 FETCH (BODY[TEXT]" + origin + b" " + literal(expected) + b")\r\n",
            )
        self.assertEqual(
            self.fetch(b"BODY.PEEK[HEADER]<6.3>"),
            b"* 1 FETCH (BODY[HEADER]<6> " + literal(b"Ada") + b")\r\n",
        )

    def test_parts(self):
        """
        Part numbers, the message in a part that is one, and parts that are not there.
        """
        self.inbox.put(MULTIPART)
        for section, expected in (
            (b"1", literal(b"First")),
            (b"1.MIME", literal(b"Content-Type: text/plain\r\n\r\n")),
            (b"2.HEADER", literal(b"Subject: Inner\r\n\r\n")),
            (b"2.TEXT", literal(b"Inside")),
            (b"2.1", literal(b"Inside")),
            (b"3", b"NIL"),
            (b"1.2", b"NIL"),
        ):
            self.assertEqual(
                self.fetch(b"BODY.PEEK[" + section + b"]"),
                b"* 1 FETCH (BODY[" + section + b"] " + expected + b")\r\n",
            )

    def test_large(self):
        """
        A large file is sent in pieces; its size is told exactly, for parts of it too.
        """
        octets = b"Subject: x\r\n\r\n" + bytes(range(256)) * 1000
        message = self.inbox.put(octets)
        message.open = lambda: io.BytesIO(octets)
        alsoProvides(message, IMessageIMAPFile)
        self.session.send(b"a FETCH 1 BODY.PEEK[]")
        for part, expected in (
            (b"", octets),
            (b"<0>", octets[:200000]),
            (b"<9>", octets[9:200009]),
        ):
            items = b"BODY.PEEK[]" + part.replace(b">", b".200000>")
            self.session.server.dataReceived(b"a FETCH 1 " + items + b"\r\n")
            data = self.session.transport.value()
            self.session.transport.clear()
            self.session.clock.advance(0)
            self.assertEqual(
                data,
                b"* 1 FETCH (BODY[]"
                + part
                + b" "
                + literal(expected)
                + b")\r\na OK FETCH completed\r\n",
            )

    def test_uid(self):
        """
        UID FETCH tells the UID, once.
        """
        self.inbox.put()
        self.inbox.put().uid = 9
        self.assertEqual(
            self.session.send(b"a UID FETCH 2:9 (FLAGS)"),
            [b"* 2 FETCH (FLAGS () UID 9)", b"a OK FETCH completed"],
        )
        self.assertEqual(self.session.send(b"a UID FETCH 9 UID")[0], b"* 2 FETCH (UID 9)")
        lines = self.session.send(b"a UID FETCH 9 BODY[TEXT]")
        self.assertEqual(lines[-2], rb"* 2 FETCH (FLAGS (\Seen) UID 9)")


class TroubleTests(SynchronousTestCase):
    """
    Messages that cannot be read.
    """

    def setUp(self):
        self.session = Session(transport=PullingTransport()).selected()
        self.inbox = self.session.inbox

    def test_oneMessage(self):
        """
        One message that cannot be read is left out; the others come, and the connection lives.
        """
        for _ in range(3):
            self.inbox.put()
        self.inbox.messages[1].getBodyFile = lambda: 1 / 0
        lines = self.session.send(b"a FETCH 1:3 (UID BODY.PEEK[TEXT])")
        self.assertEqual(
            lines,
            [
                b"* 1 FETCH (UID 1 BODY[TEXT] {14}",
                b"Good morning",
                b")",
                b"* 3 FETCH (UID 3 BODY[TEXT] {14}",
                b"Good morning",
                b")",
                b"a NO [SERVERBUG] Some messages could not be read",
            ],
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.session.send(b"b NOOP"), [b"b OK NOOP No operation performed"])

    def test_expunged(self):
        """
        Messages that another session has expunged are left out, and the client is told (RFC 2180,
        section 4.1.2; RFC 5530). That is no fault, so it is not logged.
        """
        for _ in range(3):
            self.inbox.put()

        def gone(*args):
            raise MessageExpunged()

        self.inbox.messages[1].getBodyFile = self.inbox.messages[1].getHeaders = gone
        for items in (b"BODY.PEEK[TEXT]", b"ENVELOPE", b"(UID BODYSTRUCTURE)"):
            lines = self.session.send(b"a FETCH 1:3 " + items)
            self.assertEqual(lines[-1], b"a NO [EXPUNGEISSUED] Some messages are gone")
            self.assertEqual(
                [line[:9] for line in lines if line.startswith(b"* ")], [b"* 1 FETCH", b"* 3 FETCH"]
            )
        self.assertEqual(self.session.send(b"a FETCH 2 UID")[-1], b"a OK FETCH completed")

    def test_shorterThanPromised(self):
        """
        A file that ends before its size cannot be answered properly: the connection ends.
        """

        class Shrinking(io.BytesIO):
            def read(self, size=-1):
                return b""

        message = self.inbox.put()
        message.getBodyFile = lambda: Shrinking(bytes(100000))
        self.session.send(b"a FETCH 1 BODY.PEEK[TEXT]")
        self.assertTrue(self.session.transport.disconnected)
        self.assertEqual(len(self.flushLoggedErrors(EOFError)), 1)

    def test_mailbox(self):
        """
        Nothing of an exception of the mailbox is shown, and the idle timeout goes on.
        """
        self.inbox.put()
        self.session.slow.errors["fetch"] = RuntimeError("secret")
        self.assertEqual(self.session.send(b"a FETCH 1 UID"), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.session.server.timeOut, IMAP4Server.POSTAUTH_TIMEOUT)

    def test_clientGoesAway(self):
        """
        A client that goes away in the middle of a message leaves nothing behind.
        """
        session = Session().selected()
        message = session.inbox.put()
        file = io.BytesIO(bytes(100000))
        message.getBodyFile = lambda: file
        session.send(b"a FETCH 1 BODY.PEEK[TEXT]")
        producer = session.transport.producer
        producer.resumeProducing()
        producer.stopProducing()
        session.lose()
        self.assertTrue(file.closed)
        self.assertEqual(session.clock.getDelayedCalls(), [])


class UntidyTests(SynchronousTestCase):
    """
    Messages on which Twisted's ENVELOPE and BODYSTRUCTURE fail.
    """

    def test_headers(self):
        """
        Octets above ASCII become encoded words (RFC 2047).
        """
        session = Session().selected()
        session.inbox.put(
            "Subject: Viele Grüße für alle\r\nFrom: Jörg <j@example.com>\r\n\r\n".encode()
        )
        line = session.send(b"a FETCH 1 (UID ENVELOPE)")[0]
        text = b64encode("Grüße für".encode())
        self.assertTrue(
            line.startswith(
                b'* 1 FETCH (UID 1 ENVELOPE (NIL "Viele =?utf-8?b?%b?= alle" (("=?' % text
            ),
            line,
        )
        self.assertIn(b'NIL "j" "example.com"', line)

    def test_octetsAboveASCII(self):
        """
        In the message itself they are what they are, wherever they stand.
        """
        header = "Subject: Grüße\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n".encode()
        part = "Content-Description: für alle\r\n\r\nText".encode()
        session = Session().selected()
        session.inbox.put(header + b"\r\n--x\r\n" + part + b"\r\n--x--\r\n")
        for item, expected in (
            (b"BODY[HEADER]", header),
            (b"BODY[1.MIME]", part[:-4]),
            (b"BODY[]", header + b"\r\n--x\r\n" + part + b"\r\n--x--\r\n"),
        ):
            lines = session.send(b"a FETCH 1 " + item.replace(b"BODY[", b"BODY.PEEK["))
            literal = item + b" {%d}\r\n" % len(expected) + expected
            self.assertIn(literal, b"\r\n".join(lines), item)
            self.assertEqual(lines[-1], b"a OK FETCH completed")

    def test_noBoundary(self):
        """
        A multipart that says no boundary gets one, the same each time.
        """
        session = Session().selected()
        message = session.inbox.put(b"Content-Type: text/plain\r\n\r\n")
        message.isMultipart = lambda: True
        message.getSubPart = [Part(b"A: b\r\n\r\nc")].__getitem__
        lines = session.send(b"a FETCH 1 BODY.PEEK[]")
        self.assertIn(b'Content-Type: text/plain; boundary="----=0=----"', lines)
        between = b"------=0=----"
        self.assertEqual(lines[-7:-2], [between, b"A: b", b"", b"c", between + b"--"])
        self.assertEqual(session.send(b"a FETCH 1 BODY.PEEK[]"), lines)

    def test_contentType(self):
        """
        A Content-Type that cannot be taken apart is taken as far as it goes, of parts too.
        """
        for value, expected in (
            (b"text/plain;", b'("text" "plain" NIL NIL'),
            (b"text/plain; charset", b'("text" "plain" NIL NIL'),
            (b"text/plain; charset=", b'("text" "plain" NIL NIL'),
            (b'text/html; a="b;c"; charset=utf-8', b'("text" "html" ("a" "b_c" "charset" "utf-8")'),
            (b"garbage;", b'("text" "plain" NIL NIL'),
        ):
            session = Session().selected()
            session.inbox.put(b"Content-Type: " + value + b"\r\n\r\nText\r\n")
            session.inbox.put(
                b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: "
                + value
                + b"\r\n\r\nText\r\n--x--\r\n"
            )
            for item in (b"BODYSTRUCTURE", b"BODY"):
                one, two, tagged = session.send(b"a FETCH 1:2 " + item)
                self.assertEqual(tagged, b"a OK FETCH completed")
                self.assertIn(item + b" " + expected, one)
                self.assertIn(item + b" (" + expected, two)


class TurnTests(SynchronousTestCase):
    """
    Others have their turn.
    """

    def test_turns(self):
        """
        A FETCH of many messages pauses when it has had its share of time.
        """
        session = Session().selected()
        times = iter(range(1000))
        configure(session.server, {"seconds": lambda: next(times) * SLICE})
        for _ in range(3):
            session.inbox.put()
        session.server.dataReceived(b"a FETCH 1:* UID\r\n")
        self.assertEqual(session.received(), [b"* 1 FETCH (UID 1)"])
        session.clock.advance(0)
        self.assertEqual(
            session.received(),
            [b"* 2 FETCH (UID 2)", b"* 3 FETCH (UID 3)", b"a OK FETCH completed"],
        )

    def test_clientGoesAway(self):
        """
        Nothing more is done for a client that has gone.
        """
        session = Session().selected()
        times = iter(range(1000))
        configure(session.server, {"seconds": lambda: next(times) * SLICE})
        for _ in range(3):
            session.inbox.put()
        session.inbox.messages[1].getFlags = lambda: self.fail("read")
        session.server.dataReceived(b"a FETCH 1:* FLAGS\r\n")
        session.lose()
        session.clock.advance(0)
        self.assertEqual(session.clock.getDelayedCalls(), [])

    def test_slowClient(self):
        """
        Not more than some is put into the transport of a client that takes nothing, whether the
        transport asks for the first piece at once or not.
        """
        for transport, size in (
            (StringTransport(), 60000),
            (AskingTransport(), 60000),
            (AskingTransport(), 70000),
        ):
            session = Session(transport=transport).selected()
            for _ in range(20):
                session.inbox.put(b"Subject: x\r\n\r\n" + b"x" * size)
            session.server.dataReceived(b"a FETCH 1:* BODY[TEXT]\r\n")
            self.assertLess(len(transport.value()), 400000)
            while transport.producer:
                transport.producer.resumeProducing()
            self.assertTrue(transport.value().endswith(b"a OK FETCH completed\r\n"))
            self.assertEqual(transport.value().count(b"{%d}\r\n" % size), 20)
            for message in session.inbox.messages:
                self.assertIn("\\Seen", message.getFlags())

    def test_neverReads(self):
        """
        A client that reads nothing has the time of a silent one (RFC 3501, section 5.4); one that
        reads slowly has as much as it needs.
        """
        for reads in (True, False):
            transport = AskingTransport()
            session = Session(transport=transport).selected()
            for _ in range(20):
                session.inbox.put(b"Subject: x\r\n\r\n" + b"x" * 70000)
            session.server.dataReceived(b"a FETCH 1:* BODY[TEXT]\r\n")
            for _ in range(4):
                session.clock.advance(session.server.POSTAUTH_TIMEOUT * 0.6)
                if reads:
                    transport.producer.resumeProducing()
            self.assertEqual(transport.disconnecting, not reads)
            if not reads:
                session.clock.advance(5)
            self.assertEqual(transport.disconnected, not reads)


class ForeignTests(SynchronousTestCase):
    """
    Servers that override what Twisted's FETCH calls.
    """

    def session(self, methods, accountFactory=IdentifiedAccount):
        theirs = type("Theirs", (IMAP4Server,), methods)
        server = type("Server", (JMAPAccessMixin, theirs), {})()
        session = Session(accountFactory, server=server).selected()
        session.inbox.put()
        return session

    def test_spewMethod(self):
        """
        A C{spew_} method is called.
        """

        def spew_flags(self, id, msg, _w=None, _f=None):
            _w(b"FLAGS (theirs)")

        session = self.session({"spew_flags": spew_flags})
        self.assertEqual(
            session.send(b"a FETCH 1 (FLAGS UID)")[0], b"* 1 FETCH (FLAGS (theirs) UID 1)"
        )

    def test_spewBody(self):
        """
        One that writes straight to the transport after a flush, as Twisted's do.
        """

        def spew_body(self, part, id, msg, _w=None, _f=None):
            _w(part.__bytes__() + b" ")
            _f()
            self.transport.write(b"{1}\r\nx")

        session = self.session({"spew_body": spew_body})
        self.assertEqual(
            session.send(b"a FETCH 1 (UID BODY.PEEK[TEXT] FLAGS)")[:2],
            [b"* 1 FETCH (UID 1 BODY[TEXT] {1}", b"x FLAGS ())"],
        )

    def test_spewMessage(self):
        """
        C{spewMessage} is called, and writes identifiers with our methods.
        """

        def spewMessage(self, id, msg, query, uid):
            self.transport.write(b"* theirs ")
            for part in query:
                getattr(self, "spew_" + part.type)(id, msg, self.transport.write, None)
            self.transport.write(b"\r\n")

        session = self.session({"spewMessage": spewMessage})
        self.assertEqual(session.send(b"a FETCH 1 emailid")[0], b"* theirs EMAILID (M1)")

    def test_fetch(self):
        """
        A FETCH of their own has EMAILID and THREADID too (RFC 8474, section 5.3).
        """

        def do_FETCH(self, tag, messages, query, uid=0):
            self.sendUntaggedResponse(b"OK Theirs")
            IMAP4Server.do_FETCH(self, tag, messages, query, uid)

        session = self.session(
            {
                "do_FETCH": do_FETCH,
                "select_FETCH": (do_FETCH, IMAP4Server.arg_seqset, IMAP4Server.arg_fetchatt),
            }
        )
        session.server._scheduler = lambda steps: succeed(list(steps))
        lines = session.send(b"a FETCH 1 (THREADID emailid)")
        self.assertEqual(
            lines,
            [b"* OK Theirs", b"* 1 FETCH (THREADID (T1) EMAILID (M1))", b"a OK FETCH completed"],
        )
