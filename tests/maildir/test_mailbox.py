# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
The embedded store's mailboxes and messages.
"""

from __future__ import annotations

import glob
import os
import sqlite3
import time
from email.utils import parsedate_to_datetime
from typing import Any

from twisted.mail.imap4 import MessageSet, NoSuchMailbox, ReadOnlyMailbox
from twisted.mail.interfaces import (
    ICloseableMailboxIMAP,
    IMailboxIMAP,
    IMessageIMAP,
    IMessageIMAPCopier,
    IMessageIMAPFile,
)
from zope.interface.verify import verifyObject

from tests.support.maildir import Listener, MaildirTestCase, contentOf, everything, mail
from txjmapaccess.errors import MessageExpunged
from txjmapaccess.interfaces import (
    IObjectIDMailbox,
    IObjectIDMessage,
    IObjectIDSearch,
    IPollableMailbox,
)
from txjmapaccess.message.lineends import withCRLF


class MailboxTests(MaildirTestCase):
    """
    L{Mailbox<txjmapaccess.maildir.mailbox.Mailbox>}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.ada = self.account()

    def fill(self, count: int, name: str = "INBOX") -> Any:
        """
        @return: a selected mailbox with messages 1 to C{count}.
        """
        for number in range(1, count + 1):
            self.append(self.ada, mail(number), name)
        return self.open(self.ada, name)

    def listening(self, account: Any = None) -> tuple[Any, list[Any]]:
        """
        @return: a selected INBOX, and what its session is told.
        """
        mailbox, listener = self.open(account or self.ada), Listener()
        mailbox.addListener(listener)
        return mailbox, listener.told

    def test_interfaces(self) -> None:
        """
        Mailboxes and messages are what Twisted's IMAP server and our own mixin expect.
        """
        mailbox = self.fill(1)
        for interface in (
            IMailboxIMAP,
            ICloseableMailboxIMAP,
            IMessageIMAPCopier,
            IObjectIDMailbox,
            IObjectIDSearch,
            IPollableMailbox,
        ):
            verifyObject(interface, mailbox)
        for interface in (IMessageIMAP, IMessageIMAPFile, IObjectIDMessage):
            verifyObject(interface, self.messages(mailbox)[0])

    def test_append(self) -> None:
        """
        APPEND (RFC 3501, section 6.3.11): content byte for byte, flags and INTERNALDATE.
        """
        mailbox = self.open(self.ada)
        date = b"17-Jul-1996 02:44:25 -0700"
        uid = self.now(mailbox.addMessage(mail(1), [b"\\Seen", "Work"], date))
        [message] = self.messages(self.open(self.ada))
        self.assertEqual((uid, message.getUID()), (1, 1))
        self.assertEqual(contentOf(message), mail(1))
        self.assertEqual(message.getSize(), len(mail(1)))
        self.assertEqual(message.getFlags(), ("\\Seen", "Work", "\\Recent"))
        internal = parsedate_to_datetime(message.getInternalDate().decode())
        self.assertEqual(internal.timestamp(), 837596665)

    def test_lineEnds(self) -> None:
        """
        Whatever line ends a client sends, what it gets back is the same with CRLF; on disk, as
        other programs expect, there are none but LF, unless that could not be undone.
        """
        for content, onDisk in [
            (b"a: b\r\n\r\nc\r\n", b"a: b\n\nc\n"),
            (b"a: b\n\nc\r\n", b"a: b\n\nc\n"),
            (b"a: b\r\n\r\nc\r\r\n", b"a: b\r\n\r\nc\r\r\n"),
            (b"a\rb\r", b"a\rb\r"),
            (b"x" * 65535 + b"\r\ny", b"x" * 65535 + b"\ny"),
            (b"x" * 65534 + b"\r\r\ny", b"x" * 65534 + b"\r\r\ny"),
            (b"", b""),
        ]:
            uid = self.append(self.ada, content)
            [(_, message)] = self.open(self.ada).fetch(MessageSet(uid), True)
            self.assertEqual(contentOf(message), withCRLF(content))
            self.assertEqual(message.getSize(), len(withCRLF(content)))
            path = message.mailbox.folder.locate(message.entry)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), onDisk)

    def test_noDate(self) -> None:
        """
        Without a date, or with one that is none, the INTERNALDATE is now.
        """
        for date in (None, b"nonsense"):
            self.now(self.open(self.ada).addMessage(mail(1), (), date))
        for message in self.messages(self.open(self.ada)):
            internal = parsedate_to_datetime(message.getInternalDate().decode())
            self.assertLess(abs(internal.timestamp() - time.time()), 60)

    def test_appendFailure(self) -> None:
        """
        A message that cannot be read to its end is not there.
        """

        class Broken:
            def read(self, size: int) -> bytes:
                raise OSError("no space left")

        self.failureResultOf(self.open(self.ada).addMessage(Broken(), ()), OSError)
        self.assertEqual(self.open(self.ada).getMessageCount(), 0)
        self.assertEqual(os.listdir(self.file("tmp")), [])

    def test_restart(self) -> None:
        """
        UIDs, UIDVALIDITY, UIDNEXT, flags, dates, sizes and identifiers stay over a restart.
        """
        self.fill(3)
        mailbox = self.open(self.ada)
        self.now(mailbox.store(MessageSet(2), ["\\Deleted", "\\Flagged", "k"], 1, False))
        self.now(mailbox.expunge([2]))
        self.now(mailbox.store(MessageSet(1), ["\\Draft", "k"], 1, False))

        def state(mailbox: Any) -> Any:
            return mailbox.requestStatus(["UIDNEXT", "UIDVALIDITY", "MAILBOXID", "SIZE"]), [
                (m.getUID(), m.getSize(), m.getInternalDate(), m.getEmailID(), m.getThreadID())
                for m in self.messages(mailbox)
            ]

        self.assertEqual(state(self.open(self.account())), state(mailbox))
        self.assertEqual(self.flags(self.open(self.account())), {1: ["\\Draft", "k"], 3: []})

    def test_status(self) -> None:
        """
        STATUS (RFC 3501, section 6.3.10, and RFC 8438 and RFC 8474): in any case of letters.
        """
        self.fill(3)
        mailbox = self.open(self.ada)
        self.now(mailbox.store(MessageSet(1, 2), ["\\Seen"], 1, False))
        self.append(self.ada, mail(4))
        status = self.open(self.ada, rw=False)
        names = ["MESSAGES", "recent", "UIDNEXT", "UNSEEN", "SIZE", "DELETED"]
        self.assertEqual(
            status.requestStatus(names),
            {
                "MESSAGES": 4,
                "recent": 1,
                "UIDNEXT": 5,
                "UNSEEN": 2,
                "SIZE": 4 * len(mail(1)),
                "DELETED": 0,
            },
        )
        self.assertEqual(
            status.requestStatus(["MAILBOXID"]), {"MAILBOXID": f"({mailbox.getMailboxID()})"}
        )

    def test_recent(self) -> None:
        """
        A message is \\Recent in the first session that selects the mailbox, not for EXAMINE or
        APPEND (RFC 3501, section 2.3.2).
        """
        self.append(self.ada, mail(1))
        self.assertEqual(self.open(self.ada, rw=False).getRecentCount(), 1)
        first, _ = self.listening()
        self.assertEqual(first.getRecentCount(), 1)
        self.assertEqual(self.open(self.ada).getRecentCount(), 0)
        self.append(self.ada, mail(2))
        self.now(first.poll())
        self.assertEqual(first.getRecentCount(), 2)
        self.assertEqual(self.open(self.account()).getRecentCount(), 0)

    def test_fetchSets(self) -> None:
        """
        Message sets (RFC 3501, section 9) by number and by UID: C{*} is the highest, what is not
        there is left out.
        """
        self.fill(5)
        mailbox = self.open(self.ada)
        self.now(mailbox.store(MessageSet(2), ["\\Deleted"], 1, False))
        self.now(mailbox.expunge())  # UIDs 1 3 4 5

        def fetched(messages: MessageSet, uid: bool) -> list[tuple[int, int]]:
            return [(seq, message.getUID()) for seq, message in mailbox.fetch(messages, uid)]

        self.assertEqual(fetched(MessageSet(2, 3), False), [(2, 3), (3, 4)])
        self.assertEqual(fetched(MessageSet(2, 3), True), [(2, 3)])
        self.assertEqual(fetched(MessageSet(None), False), [(4, 5)])
        self.assertEqual(fetched(MessageSet(None), True), [(4, 5)])
        self.assertEqual(fetched(MessageSet(100, None), True), [(4, 5)])
        self.assertEqual(fetched(MessageSet(7, 9), False), [])
        self.assertEqual(fetched(everything(), True), [(1, 1), (2, 3), (3, 4), (4, 5)])
        self.assertEqual(mailbox.getUID(2), 3)
        self.assertRaises(IndexError, mailbox.getUID, 0)

    def test_fetchEmpty(self) -> None:
        """
        An empty mailbox has no messages.
        """
        for uid in (True, False):
            self.assertEqual(list(self.open(self.ada).fetch(everything(), uid)), [])

    def test_fetchSlices(self) -> None:
        """
        What fetch gives can be cut, as Twisted's SEARCH does.
        """
        result = self.fill(3).fetch(everything(), False)
        self.assertEqual(len(result), 3)
        self.assertEqual(result[-1][0], 3)
        self.assertEqual([seq for seq, _ in result[1:]], [2, 3])

    def test_fetchDoesNotRead(self) -> None:
        """
        FETCH of identifiers, flags, dates and sizes reads no message.
        """
        mailbox = self.fill(2)
        for path in glob.glob(self.file("cur", "*")):
            os.truncate(path, 0)
        for message in self.messages(mailbox):
            self.assertEqual(message.getSize(), len(mail(1)))
            self.assertTrue(message.getEmailID() and message.getThreadID())

    def test_store(self) -> None:
        """
        STORE (RFC 3501, section 6.4.6) answers with the flags by sequence number; they are in the
        file's name, keywords in the index.
        """
        mailbox = self.fill(2)
        changed = self.now(mailbox.store(MessageSet(2), ["\\Seen", "k"], 1, True))
        self.assertEqual(changed, {2: ("\\Seen", "k", "\\Recent")})
        changed = self.now(mailbox.store(everything(), ["\\Flagged"], 0, False))
        self.assertEqual(changed, dict.fromkeys((1, 2), ("\\Flagged", "\\Recent")))
        self.assertEqual(
            [path.rpartition(":2,")[2] for path in glob.glob(self.file("cur", "*"))], ["F", "F"]
        )
        self.assertIn("\\Flagged", mailbox.getFlags())

    def test_mailboxFlags(self) -> None:
        """
        FLAGS lists the system flags and the keywords that messages have.
        """
        self.append(self.ada, mail(1), flags=["b", "a"])
        self.assertEqual(
            self.open(self.ada).getFlags(),
            ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "a", "b"],
        )

    def test_examine(self) -> None:
        """
        What EXAMINE opened cannot be changed, and is not: what is in new/ stays there.
        """
        self.deliver("1.foreign", b"a: b\n\nc\n")
        mailbox = self.open(self.ada, rw=False)
        self.assertFalse(mailbox.isWriteable())
        self.assertEqual(mailbox.getMessageCount(), 1)
        for change in (
            lambda: mailbox.store(MessageSet(1), ["\\Seen"], 1, False),
            lambda: mailbox.addMessage(mail(1)),
            lambda: mailbox.copy(self.messages(mailbox)[0]),
            mailbox.expunge,
        ):
            self.assertRaises(ReadOnlyMailbox, change)
        self.assertEqual(os.listdir(self.file("new")), ["1.foreign"])

    def test_copy(self) -> None:
        """
        A copy keeps content, flags, INTERNALDATE (RFC 3501, section 6.4.7), EMAILID (RFC 8474,
        section 5.1) and THREADID; also a copy in the same mailbox, and a copy of a copy.
        """
        source = self.fill(2)
        self.now(source.store(MessageSet(1), ["\\Seen", "k"], 1, False))
        self.now(self.ada.create("Work"))

        def facts(message: Any) -> Any:
            return (
                message.getEmailID(),
                message.getThreadID(),
                message.getInternalDate(),
                message.getSize(),
                sorted(set(message.getFlags()) - {"\\Recent"}),
                contentOf(message),
            )

        [first, second] = self.messages(source)
        work = self.now(self.ada.select("Work"))
        copies = [work.copy(second), work.copy(first)]
        self.assertEqual([self.now(copy) for copy in copies], [1, 2])
        again = self.now(self.ada.select("Work"))
        self.assertEqual(self.now(again.copy(self.messages(self.open(self.ada, "Work"))[0])), 3)
        for account in (self.ada, self.account()):
            copied = [facts(m) for m in self.messages(self.open(account, "Work"))]
            self.assertEqual(copied, [facts(second), facts(first), facts(second)])

    def test_copyOfAnother(self) -> None:
        """
        A message of another store is copied by its content.
        """

        class Other:
            def __init__(self, message: Any) -> None:
                self.message = message

            def __conform__(self, interface: object) -> Any:
                return self.message if interface is IMessageIMAPFile else None

            def __getattr__(self, name: str) -> Any:
                return getattr(self.message, name)

        [message] = self.messages(self.fill(1))
        self.assertEqual(self.now(self.now(self.ada.select("INBOX")).copy(Other(message))), 2)
        copy = self.messages(self.open(self.ada))[1]
        self.assertEqual(contentOf(copy), mail(1))
        self.assertEqual(copy.getInternalDate(), message.getInternalDate())

    def test_copyOfNothing(self) -> None:
        """
        A copy of a message that is gone fails, and nothing is copied.
        """
        source, other = self.fill(1), self.open(self.ada)
        [message] = self.messages(source)
        self.now(other.store(MessageSet(1), ["\\Deleted"], 1, False))
        self.now(other.expunge())
        self.now(self.ada.create("Work"))
        failure = self.failureResultOf(self.now(self.ada.select("Work")).copy(message))
        self.assertIn("no longer exists", str(failure.value))
        self.assertEqual(self.open(self.ada, "Work").getMessageCount(), 0)

    def test_expunge(self) -> None:
        """
        EXPUNGE (RFC 3501, section 6.4.3) answers with numbers that are right one after the other,
        and gives no UID twice.
        """
        mailbox = self.fill(5)
        self.now(mailbox.store(MessageSet(1) + MessageSet(3, 4), ["\\Deleted"], 1, False))
        self.assertEqual(self.now(mailbox.expunge()), [4, 3, 1])
        self.assertEqual([m.getUID() for m in self.messages(mailbox)], [2, 5])
        self.assertEqual(len(os.listdir(self.file("cur"))), 2)
        self.assertEqual(self.append(self.ada, mail(6)), 6)
        self.assertEqual(self.now(mailbox.expunge()), [])

    def test_uidExpunge(self) -> None:
        """
        UID EXPUNGE (RFC 4315) removes those of the given UIDs that are flagged \\Deleted.
        """
        mailbox = self.fill(3)
        self.now(mailbox.store(MessageSet(1, 2), ["\\Deleted"], 1, False))
        self.assertEqual(self.now(mailbox.expunge([2, 3, 9])), [2])
        self.assertEqual(self.flags(mailbox), {1: ["\\Deleted"], 3: []})

    def test_expungeHighestKeepsUIDs(self) -> None:
        """
        The UID of the last message is not given again, after a restart neither.
        """
        mailbox = self.fill(2)
        self.now(mailbox.store(MessageSet(2), ["\\Deleted"], 1, False))
        self.now(mailbox.expunge())
        self.assertEqual(self.append(self.account(), mail(3)), 3)

    def test_pollTells(self) -> None:
        """
        Another session's changes are told at the poll, not before, and in this order: what is
        gone, flags, what is new (RFC 3501, section 7.4.1).
        """
        self.fill(3)
        mailbox, told = self.listening()
        other = self.open(self.account())
        self.now(other.store(MessageSet(1), ["\\Deleted"], 1, False))
        self.now(other.expunge())
        self.now(other.store(MessageSet(2), ["\\Seen", "k"], 1, False))
        self.append(self.account(), mail(4))
        self.assertEqual(mailbox.getMessageCount(), 3)
        self.assertEqual(told, [])
        self.now(mailbox.poll())
        self.assertEqual(told, [("expunged", [1]), ("flags", {2: ["\\Seen", "k"]}), ("new", 3, 1)])
        self.now(mailbox.poll())
        self.assertEqual(len(told), 3)

    def test_pollOfPlainListener(self) -> None:
        """
        Twisted's own server cannot be told that a message is gone: it keeps its number, but has no
        content (RFC 2180, section 4.1.2), until the session's own EXPUNGE.
        """
        self.fill(3)

        class Plain:
            def newMessages(self, exists: int, recent: int) -> None:
                told.append((exists, recent))

            def flagsChanged(self, newFlags: object) -> None:
                told.append(newFlags)

        told: list[Any] = []
        mailbox = self.open(self.ada)
        mailbox.addListener(Plain())
        other = self.open(self.account())
        self.now(other.store(MessageSet(2), ["\\Deleted"], 1, False))
        self.now(other.expunge())
        self.append(self.account(), mail(4))
        self.now(mailbox.poll())
        self.assertEqual(told, [(4, 1)])
        self.assertEqual([m.getUID() for m in self.messages(mailbox)], [1, 2, 3, 4])
        ghost = self.messages(mailbox)[1]
        for read in (ghost.open, ghost.getBodyFile, lambda: ghost.getHeaders(True)):
            self.assertRaises(MessageExpunged, read)
        self.assertEqual(ghost.getEmailID(), ghost.entry.record.emailID)
        self.assertEqual(self.now(mailbox.expunge()), [2])
        self.assertEqual([m.getUID() for m in self.messages(mailbox)], [1, 3, 4])

    def test_pollAfterClose(self) -> None:
        """
        A session that has closed the mailbox is told nothing more.
        """
        mailbox, told = self.listening()
        self.append(self.ada, mail(1))
        mailbox.close()
        self.now(mailbox.poll())
        self.assertEqual(told, [])

    def test_delivery(self) -> None:
        """
        What another program delivers to new/ is there at the next poll, \\Recent, with CRLF at
        the end of its lines (RFC 3501, section 2.2), and then in cur/.
        """
        mailbox, told = self.listening()
        self.deliver("1700000000.1.host", b"Subject: hi\n\nline\nline\n")
        self.now(mailbox.poll())
        self.assertEqual(told, [("new", 1, 1)])
        [message] = self.messages(mailbox)
        self.assertEqual(message.getFlags(), ("\\Recent",))
        self.assertEqual(contentOf(message), b"Subject: hi\r\n\r\nline\r\nline\r\n")
        self.assertEqual(message.getSize(), 27)
        self.assertEqual(message.getBodyFile().read(), b"line\r\nline\r\n")
        self.assertEqual(os.listdir(self.file("new")), [])
        self.assertEqual(os.listdir(self.file("cur")), ["1700000000.1.host:2,"])

    def test_foreignFlags(self) -> None:
        """
        Flags that another program changes, by renaming, are told; the UID stays.
        """
        self.fill(1)
        mailbox, told = self.listening()
        [path] = glob.glob(self.file("cur", "*"))
        os.rename(path, path + "FS")
        self.now(mailbox.poll())
        self.assertEqual(told, [("flags", {1: ["\\Flagged", "\\Seen"]})])
        self.assertEqual(self.flags(mailbox), {1: ["\\Flagged", "\\Seen"]})

    def test_foreignAddition(self) -> None:
        """
        A message to whose name another program adds what it knows (mbsync C{,U=}, Dovecot
        C{,S=}) is the same message, and what was added stays.
        """
        mailbox = self.fill(1)
        [path] = glob.glob(self.file("cur", "*"))
        os.rename(path, path.replace(":2,", ",S=10,U=7:2,"))
        self.now(mailbox.poll())
        self.assertEqual(self.flags(mailbox), {1: []})
        self.now(mailbox.store(MessageSet(1), ["\\Seen"], 1, False))
        [renamed] = glob.glob(self.file("cur", "*"))
        self.assertEqual(renamed, path.replace(":2,", ",S=10,U=7:2,S"))
        self.assertEqual(self.flags(self.open(self.account())), {1: ["\\Seen"]})

    def test_foreignRenameBeforeRead(self) -> None:
        """
        A message that another program has renamed since the last poll is still found, to be read,
        flagged, and removed.
        """
        mailbox = self.fill(2)
        for path in glob.glob(self.file("cur", "*")):
            os.rename(path, path + "F")
        self.assertEqual(contentOf(self.messages(mailbox)[0]), mail(1))
        self.now(mailbox.store(MessageSet(1), ["\\Deleted"], 1, False))
        self.now(mailbox.expunge())
        self.assertEqual(self.flags(self.open(self.account())), {2: ["\\Flagged"]})

    def test_foreignContent(self) -> None:
        """
        When another program has written a message anew, which no program should, what is sent is
        as long as was announced: a client would wait for the rest for ever.
        """
        mailbox = self.fill(1)
        [path] = glob.glob(self.file("cur", "*"))
        for content in (b"short\n", b"longer\n" * 100, b""):
            with open(path, "wb") as file:
                file.write(content)
            with self.messages(mailbox)[0].open() as opened:
                size = opened.seek(0, 2)
                opened.seek(0)
                self.assertEqual(opened.read(), withCRLF(content))
                self.assertEqual(opened.tell(), size)

    def test_largeHeader(self) -> None:
        """
        The header of a large message is read without the rest, however long it is.
        """
        for more in ("", "X: " + "y" * 70_000 + "\r\n"):
            self.append(self.ada, mail(1, more) + b"x" * 200_000)
        for message in self.messages(self.open(self.ada)):
            header = message.getHeaders(True)
            self.assertEqual(header["subject"], "number 1")
            self.assertFalse(message.isMultipart())
            self.assertEqual(len(message.getBodyFile().read()), 200_000 + 19)
            self.assertEqual(message.getHeaders(True).items(), header.items())

    def test_foreignRemoval(self) -> None:
        """
        A message that another program removes is gone at the next poll.
        """
        self.fill(2)
        mailbox, told = self.listening()
        for path in glob.glob(self.file("cur", "*")):
            with open(path, "rb") as file:
                if b"number 1" in file.read():
                    os.unlink(path)
        self.now(mailbox.poll())
        self.assertEqual(told, [("expunged", [1])])
        self.assertEqual(self.open(self.account()).getMessageCount(), 1)

    def test_sameTick(self) -> None:
        """
        A delivery in the same tick of the file system's clock as the last look is found a second
        later at the latest.
        """
        self.fill(1)
        mailbox, told = self.listening()
        stamps = [os.stat(self.file(sub)).st_mtime_ns for sub in ("new", "cur")]
        self.deliver("1700000000.1.host", b"\n")
        for sub, stamp in zip(("new", "cur"), stamps, strict=True):
            os.utime(self.file(sub), ns=(stamp, stamp))
        clock = time.time() + 2
        self.patch(time, "time", lambda: clock)
        self.now(mailbox.poll())
        self.assertEqual([what[0] for what in told], ["new"])

    def test_pollOfNothing(self) -> None:
        """
        A poll of a mailbox in which nothing happens opens no index and lists no directory: there
        may be thousands that are idle.
        """
        self.fill(2)
        mailbox, told = self.listening()
        clock = time.time() + 5
        self.patch(time, "time", lambda: clock)
        for _ in range(3):
            self.now(mailbox.poll())
        work: list[object] = []
        self.patch(sqlite3, "connect", work.append)
        self.patch(os, "listdir", work.append)
        self.now(mailbox.poll())
        self.assertEqual((work, told), ([], []))

    def test_pollAfterQuiet(self) -> None:
        """
        After such a time everything that another session does is still told.
        """
        self.fill(2)
        mailbox, told = self.listening()
        other = self.open(self.account())
        clock = time.time() + 5
        self.patch(time, "time", lambda: clock)
        for change, expected in [
            (lambda: other.store(MessageSet(1), ["k"], 1, False), "flags"),
            (lambda: other.store(MessageSet(1), ["\\Seen"], 1, False), "flags"),
            (lambda: other.addMessage(mail(3)), "new"),
            (lambda: other.expunge([1]), None),
            (lambda: other.store(MessageSet(1), ["\\Deleted"], 1, False), "flags"),
            (other.expunge, "expunged"),
        ]:
            for _ in range(3):
                self.now(mailbox.poll())
            told.clear()
            self.now(change())
            self.now(mailbox.poll())
            self.assertEqual([what for what, *_ in told], [expected] if expected else [])

    def test_temporary(self) -> None:
        """
        What a killed delivery left in tmp/ goes after 36 hours.
        """
        for name, age in [("old", 37), ("young", 35)]:
            with open(self.file("tmp", name), "w"):
                pass
            then = time.time() - age * 3600
            os.utime(self.file("tmp", name), (then, then))
        self.open(self.account())
        self.assertEqual(os.listdir(self.file("tmp")), ["young"])

    def test_unreadable(self) -> None:
        """
        What cannot be read does not keep the rest from being read; the operator is told once.
        """
        os.makedirs(self.file("cur", "directory:2,"))
        self.fill(1)
        self.assertEqual(self.open(self.ada).getMessageCount(), 1)
        self.now(self.open(self.ada).poll())
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_gone(self) -> None:
        """
        A mailbox that another session deletes is gone at the next poll; nothing is read that may
        be another's.
        """
        self.now(self.ada.create("Work"))
        mailbox = self.fill(1, "Work")
        [message] = self.messages(mailbox)
        self.now(self.account().delete("Work"))
        self.failureResultOf(mailbox.poll(), NoSuchMailbox)
        self.failureResultOf(mailbox.expunge(), NoSuchMailbox)
        self.assertRaises(NoSuchMailbox, message.open)

    def test_search(self) -> None:
        """
        EMAILID and THREADID are found by the index (RFC 8474, section 5.4), among the messages
        that the session knows of.
        """
        for more in ("", "References: <1@example.com>\r\n", "References: <x@y>\r\n"):
            self.append(self.ada, mail(1, more))
        mailbox = self.open(self.ada)
        self.append(self.ada, mail(1))
        first = self.messages(mailbox)[0]
        self.assertEqual(self.now(mailbox.searchEmailID(first.getEmailID())), [1])
        self.assertEqual(self.now(mailbox.searchThreadID(first.getThreadID())), [1, 2])
        self.now(mailbox.poll())
        self.assertEqual(self.now(mailbox.searchThreadID(first.getThreadID())), [1, 2, 4])
        self.assertEqual(self.now(mailbox.searchEmailID("nothing")), [])

    def test_destroy(self) -> None:
        """
        A mailbox that is about to be deleted is \\Noselect (IMailbox.destroy).
        """
        mailbox = self.open(self.ada)
        mailbox.destroy()
        self.assertIn("\\Noselect", mailbox.getFlags())

    def test_removeListener(self) -> None:
        """
        A listener that has been removed is told nothing; one that is none cannot be removed.
        """
        mailbox = self.open(self.ada)
        listener = Listener()
        mailbox.addListener(listener)
        mailbox.removeListener(listener)
        self.append(self.ada, mail(1))
        self.now(mailbox.poll())
        self.assertEqual(listener.told, [])
        self.assertRaises(ValueError, mailbox.removeListener, listener)
