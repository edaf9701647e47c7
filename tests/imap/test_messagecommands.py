"""
Commands that change messages, on the wire (RFC 3501, sections 6.3.11 and 6.4; RFC 4315, section 3).
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server, MailboxException
from twisted.mail.interfaces import IMessageIMAPCopier, IMessageIMAPFile
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support.mail import HELLO, Account, Part, PollableMailbox, Session
from txjmapaccess.imap.commands.append import certainUIDs
from txjmapaccess.server import JMAPAccessMixin

SECRET = "secret text of an exception"


class AppendTests(SynchronousTestCase):
    """
    APPEND (RFC 3501, section 6.3.11).
    """

    def setUp(self):
        self.session = Session()

    def append(self, arguments):
        return self.session.send(b"a APPEND " + arguments + b" {5+}", b"hello")

    def test_minimal(self):
        """
        Flags and date may be left out; the answer has the UID (RFC 4315, section 3).
        """
        self.assertEqual(self.append(b"INBOX"), [b"a OK [APPENDUID 7 1] APPEND complete"])
        (message,) = self.session.inbox.messages
        self.assertEqual((message.octets, message.flags), (b"hello", []))

    def test_flagsAndDate(self):
        """
        They reach the mailbox: flags as str, the date as bytes, as Twisted gives them.
        """
        self.append(rb'INBOX (\Seen $Work) " 1-Feb-2020 03:04:05 +0100"')
        (message,) = self.session.inbox.messages
        self.assertEqual(message.flags, ["\\Seen", "$Work"])
        self.assertEqual(message.date, b" 1-Feb-2020 03:04:05 +0100")

    def test_malformed(self):
        """
        What is no flag or no date is BAD, and the message is not carried out as commands.
        """
        for arguments in (
            b"INBOX (\\Seen",
            b'INBOX "32-Jan-2020 00:00:00 +0000"',
            b'INBOX "yesterday"',
            b"INBOX \\Seen",
        ):
            lines = self.session.send(b"a APPEND " + arguments + b" {8+}", b"b NOOP\r\n")
            self.assertEqual(len(lines), 1, lines)
            self.assertTrue(lines[0].startswith(b"a BAD "), lines)

    def test_missing(self):
        """
        A mailbox that is not there could be made: TRYCREATE.
        """
        self.assertEqual(self.append(b"nix"), [b"a NO [TRYCREATE] No such mailbox"])

    def test_refused(self):
        """
        What the mailbox refuses is NO, with nothing of its reason.
        """
        self.session.slow.errors["addMessage"] = MailboxException(SECRET)
        self.assertEqual(self.append(b"INBOX"), [b"a NO [CANNOT] Not possible with this mailbox"])
        self.session.slow.errors["addMessage"] = RuntimeError(SECRET)
        self.assertEqual(self.append(b"INBOX"), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_existsOfSelected(self):
        """
        EXISTS is told of the selected mailbox, and of no other.
        """
        self.session.account.add("box")
        self.session.selected()
        self.assertEqual(
            self.append(b"INBOX"), [b"* 1 EXISTS", b"a OK [APPENDUID 7 1] APPEND complete"]
        )
        self.assertEqual(self.append(b"box"), [b"a OK [APPENDUID 7 1] APPEND complete"])

    def test_existsOnce(self):
        """
        A mailbox that tells its listeners by itself is not outdone.
        """
        inbox = self.session.selected().inbox
        add = inbox._add

        def addAndTell(*args):
            uid = add(*args)
            for listener in inbox.listeners:
                listener.newMessages(len(inbox.messages), None)
            return uid

        inbox._add = addAndTell
        self.assertEqual(self.append(b"INBOX")[:-1], [b"* 1 EXISTS"])

    def test_existsByPoll(self):
        """
        A mailbox that must be looked at is looked at.
        """

        class PollableAccount(Account):
            mailboxFactory = PollableMailbox

        session = self.session = Session(PollableAccount).selected()
        session.inbox.found = [lambda listener: listener.newMessages(3, 1)]
        self.assertEqual(self.append(b"INBOX")[:-1], [b"* 3 EXISTS", b"* 1 RECENT"])

    def test_uncertainUID(self):
        """
        A "message id" that is a sequence number is not told as a UID.
        """
        self.session.inbox.uidNext = 50
        self.session.inbox.addMessage = lambda message, flags, date: 1
        self.assertEqual(self.append(b"INBOX"), [b"a OK APPEND complete"])

    def test_certainUIDs(self):
        """
        UIDs are at least as large as UIDNEXT was; sequence numbers are not, or are the same.
        """
        self.assertEqual(certainUIDs([5, 6], 5), [5, 6])
        self.assertIsNone(certainUIDs([4, 5], 5))
        self.assertIsNone(certainUIDs([None], 5))
        self.assertIsNone(certainUIDs([5], None))
        self.assertIsNone(certainUIDs([], 5))

    def test_overridden(self):
        """
        A server that overrides what Twisted's APPEND calls keeps it.
        """

        class Theirs(IMAP4Server):
            def _cbAppendGotMailbox(self, mbox, tag, flags, date, message):
                self.sendPositiveResponse(tag, b"Theirs " + message.read())

        self.session = Session(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(self.append(b"INBOX"), [b"a OK Theirs hello"])


class CopyTests(SynchronousTestCase):
    """
    COPY (RFC 3501, section 6.4.7).
    """

    def setUp(self):
        self.session = Session().selected()
        self.inbox = self.session.inbox
        self.box = self.session.account.add("box")
        for _ in range(3):
            self.inbox.put(flags=["$Work"])

    def test_missing(self):
        """
        A mailbox that is not there could be made: TRYCREATE.
        """
        self.assertEqual(self.session.send(b"a COPY 1 nix"), [b"a NO [TRYCREATE] No such mailbox"])

    def test_copies(self):
        """
        Copies have content, flags and date; the answer tells the UIDs (RFC 4315, section 3).
        """
        self.box.uidNext = 10
        self.assertEqual(
            self.session.send(b"a COPY 1,3 box"), [b"a OK [COPYUID 7 1,3 10:11] COPY completed"]
        )
        first = self.box.messages[0]
        self.assertEqual(first.flags, ["$Work"])
        self.assertEqual(first.date, self.inbox.messages[0].date)
        self.assertEqual(first.octets, HELLO.replace(b"Message-ID", b"Message-Id"))

    def test_file(self):
        """
        A message that is a file is copied octet by octet.
        """
        message = self.inbox.messages[0]
        message.open = message.getBodyFile
        alsoProvides(message, IMessageIMAPFile)
        self.session.send(b"a COPY 1 box")
        self.assertEqual(self.box.messages[0].octets, b"Good morning\r\n")

    def test_octetsAboveASCII(self):
        """
        Octets above ASCII are copied as they are, in the header and in that of a part, as FETCH
        gives them.
        """
        header = "Subject: Grüße\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n".encode()
        latin1 = b"Content-Description: f\xfcr alle\r\n\r\nGr\xfc\xdfe"
        whole = header + b"\r\n--x\r\n" + latin1 + b"\r\n--x--\r\n"
        message = self.inbox.put(whole)
        message.getSubPart = [Part(latin1)].__getitem__
        self.assertEqual(
            self.session.send(b"a COPY 4 box"), [b"a OK [COPYUID 7 4 1] COPY completed"]
        )
        self.assertEqual(self.box.messages[0].octets, whole)
        self.assertIn(whole, b"\r\n".join(self.session.send(b"a FETCH 4 BODY.PEEK[]")))

    def test_uid(self):
        """
        UID COPY takes UIDs; none of them need be there.
        """
        self.inbox.messages[1].uid = 20
        self.assertEqual(
            self.session.send(b"a UID COPY 20 box"), [b"a OK [COPYUID 7 20 1] COPY completed"]
        )
        self.assertEqual(self.session.send(b"a UID COPY 99 box"), [b"a OK COPY completed"])

    def test_copier(self):
        """
        A mailbox that copies by itself is asked for all messages before any is waited for.
        """
        asked = []

        def copy(message):
            asked.append((message, Deferred()))
            return asked[-1][1]

        self.box.copy = copy
        alsoProvides(self.box, IMessageIMAPCopier)
        self.assertEqual(self.session.send(b"a COPY 1:3 box"), [])
        self.assertEqual([message for message, _ in asked], self.inbox.messages)
        for uid, (_, copied) in enumerate(asked, 4):
            copied.callback(uid)
        self.assertEqual(self.session.received(), [b"a OK [COPYUID 7 1:3 4:6] COPY completed"])

    def test_failures(self):
        """
        When a message is not copied the answer is NO, with nothing of the reason.
        """
        alsoProvides(self.box, IMessageIMAPCopier)
        for error, answer in (
            (RuntimeError(SECRET), b"a NO [SERVERBUG] Some messages were not copied"),
            (MailboxException(SECRET), b"a NO [CANNOT] Not possible with this mailbox"),
        ):

            def copy(message, error=error):
                raise error

            self.box.copy = copy
            self.assertEqual(self.session.send(b"a COPY 1:3 box"), [answer])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_toSelected(self):
        """
        Copies in the selected mailbox are told.
        """
        self.assertEqual(
            self.session.send(b"a COPY 1 INBOX"),
            [b"* 4 EXISTS", b"a OK [COPYUID 7 1 4] COPY completed"],
        )


class StoreTests(SynchronousTestCase):
    """
    STORE (RFC 3501, section 6.4.6).
    """

    def setUp(self):
        self.session = Session().selected()
        for _ in range(2):
            self.session.inbox.put(flags=["$Work"])

    def test_modes(self):
        """
        Flags are set, added and taken away; with UID STORE the answer has the UID.
        """
        send = self.session.send
        self.assertEqual(send(rb"a STORE 1 +FLAGS (\Seen)")[0], rb"* 1 FETCH (FLAGS ($Work \Seen))")
        self.assertEqual(
            send(rb"a UID STORE 1 -flags $Work \Flagged")[0], rb"* 1 FETCH (FLAGS (\Seen) UID 1)"
        )
        self.assertEqual(
            send(b"a STORE 1:2 FLAGS ()"),
            [b"* 1 FETCH (FLAGS ())", b"* 2 FETCH (FLAGS ())", b"a OK STORE completed"],
        )

    def test_silent(self):
        """
        .SILENT says nothing.
        """
        self.assertEqual(
            self.session.send(rb"a STORE 1:2 +FLAGS.SILENT \Seen"), [b"a OK STORE completed"]
        )

    def test_malformed(self):
        """
        Anything else is BAD, and nothing is stored.
        """
        for arguments in (
            b"1 FOO (\\Seen)",
            b"1 +FLAGS",
            b"1 +FLAGS (\\Seen",
            b"1 +FLAGS.LOUD (\\Seen)",
            b"0 FLAGS ()",
            b"1:x FLAGS ()",
            b'1 FLAGS ("a")',
        ):
            (line,) = self.session.send(b"a STORE " + arguments)
            self.assertTrue(line.startswith(b"a BAD "), (arguments, line))
        self.assertEqual(self.session.inbox.messages[0].flags, ["$Work"])

    def test_waits(self):
        """
        The mailbox may take its time, and fail.
        """
        self.session.slow.names.add("store")
        self.assertEqual(self.session.send(b"a STORE 1 FLAGS ()"), [])
        self.assertEqual(self.session.go()[-1], b"a OK STORE completed")
        self.session.slow.errors["store"] = RuntimeError(SECRET)
        self.session.send(b"a STORE 1 FLAGS ()")
        self.assertEqual(self.session.go(), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class ExpungeTests(SynchronousTestCase):
    """
    EXPUNGE and CLOSE (RFC 3501, sections 6.4.2 and 6.4.3).
    """

    def setUp(self):
        self.session = Session().selected()
        for _ in range(3):
            self.session.inbox.put(flags=["\\Deleted"])
        self.session.inbox.messages[1].flags = []

    def test_expunge(self):
        """
        EXPUNGE waits for the mailbox, and tells what went in its order.
        """
        self.session.slow.names.add("expunge")
        self.assertEqual(self.session.send(b"a EXPUNGE"), [])
        self.assertEqual(
            self.session.go(), [b"* 3 EXPUNGE", b"* 1 EXPUNGE", b"a OK EXPUNGE completed"]
        )

    def test_uidExpunge(self):
        """
        UID EXPUNGE is not offered: Twisted's mailboxes cannot expunge some messages only.
        """
        self.assertEqual(self.session.send(b"a UID EXPUNGE 1"), [b"a BAD Illegal syntax"])
        self.assertNotIn(b"UIDPLUS", self.session.send(b"a CAPABILITY")[0])

    def test_close(self):
        """
        CLOSE expunges without a word, waits for it, and leaves the mailbox.
        """
        self.session.slow.names.add("expunge")
        self.assertEqual(self.session.send(b"a CLOSE"), [])
        self.assertEqual(self.session.go(), [b"a OK CLOSE completed"])
        self.assertEqual(len(self.session.inbox.messages), 1)
        self.assertEqual(self.session.inbox.listeners, [])
        self.assertEqual(self.session.inbox.closed, 1)
        self.assertEqual(self.session.send(b"a EXPUNGE"), [b"a BAD Unsupported command"])

    def test_failures(self):
        """
        Nothing of an exception is shown; the mailbox stays selected.
        """
        self.session.slow.errors["expunge"] = RuntimeError(SECRET)
        for command in (b"CLOSE", b"EXPUNGE"):
            self.assertEqual(
                self.session.send(b"a " + command), [b"a NO [SERVERBUG] Internal error"]
            )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
