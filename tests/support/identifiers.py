"""
What RFC 8474 asks for, of any store: an abstract suite of tests by section, and a random one. Both
say and hear no more than what is on the wire.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.components import getRegistry, registerAdapter
from zope.interface import implementedBy, implementer

from tests.support.imap import Connection
from tests.support.mail import Account, Mailbox, Message
from tests.support.paths import ROOT
from txjmapaccess.interfaces import IObjectIDAccount, IObjectIDMailbox, IObjectIDMessage
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.objectid.filelock import FileLock

_ID = rb"\(([A-Za-z0-9_-]{1,255})\)"
_DATE = b"20-Nov-2026 10:00:00 +0000"


class InlineIndex(ObjectIDIndex):
    """
    An index whose jobs run at once.

    @ivar jobs: the names of the jobs that were run.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.jobs: list[str] = []
        self._locks: list[FileLock] = []

    def run(self, job: Callable[..., Any], *args: Any) -> Deferred[Any]:
        self._makeDirectory()
        self.jobs.append(job.__name__)
        return maybeDeferred(job, *args).addCallback(self._note)

    def _note(self, result: Any) -> Any:
        if isinstance(result, FileLock):
            self._locks.append(result)
        return result

    def kill(self) -> None:
        """
        What the system does when a process is killed.
        """
        for lock in self._locks:
            lock.release()


def found(lines: list[bytes], name: bytes) -> list[str]:
    """
    @return: the values of an item or a response code, in order.
    """
    return [
        match[1].decode("ascii")
        for line in lines
        for match in [re.search(name + b" " + _ID, line)]
        if match
    ]


def mail(number: int, *references: int, text: bytes = b"Text") -> bytes:
    """
    @param references: the numbers of the messages that it answers, the first one first.
    """
    field = b"".join(b" <%d@example.com>" % reference for reference in references)
    return b"Subject: Hello\r\nMessage-ID: <%d@example.com>\r\n%b\r\n%b\r\n" % (
        number,
        b"References:" + field + b"\r\n" if references else b"",
        text,
    )


BEFORE, AFTER = "before", "after"


def stall(store: Any, method: str, when: str) -> Callable[[], None]:
    """
    Let a method of a store never answer.

    @param when: whether it stops L{BEFORE} or L{AFTER} it has done its work.

    @return: a function that lets it answer again.
    """
    original = getattr(store, method)

    def stalling(*args: Any) -> Deferred[Any]:
        if when == AFTER:
            original(*args)
        return Deferred()

    setattr(store, method, stalling)
    return lambda: delattr(store, method)


def registerExample(case: Any) -> None:
    """
    Register the adapters that are the example in docs/integrating.md, for the time of a test.
    """
    root = ROOT
    with open(os.path.join(root, "docs", "integrating.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    (block,) = (block for block in blocks if "registerAdapter(Identifiers" in block)
    example = block[block.index("@implementer") :]
    pairs = ((Account, IObjectIDAccount), (Mailbox, IObjectIDMailbox), (Message, IObjectIDMessage))
    names = {each.__name__: each for pair in pairs for each in pair}
    exec(example, {**names, "implementer": implementer, "registerAdapter": registerAdapter})
    for kind, interface in pairs:
        case.addCleanup(getRegistry().register, [implementedBy(kind)], interface, "", None)


class Client:
    """
    Somebody who uses IMAP.

    @param connection: a L{Connection} that has logged in.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, line: bytes) -> list[bytes]:
        """
        @return: the lines of the answer to one command.
        """
        lines: list[bytes] = self.connection.send(b"a " + line)
        return lines

    def do(self, line: bytes) -> list[bytes]:
        """
        @return: the lines of the answer to one command, which must be OK.
        """
        lines = self.send(line)
        assert lines and lines[-1].startswith(b"a OK "), (line, lines)
        return lines

    def append(self, name: bytes, message: bytes, date: bytes = _DATE) -> None:
        """
        APPEND.
        """
        command = b'a APPEND "%b" () "%b" {%d+}\r\n' % (name, date, len(message))
        lines = self.connection.sendRaw(command + message + b"\r\n")
        assert lines[-1].startswith(b"a OK "), lines

    def status(self, name: bytes) -> str:
        """
        @return: the MAILBOXID of a mailbox.
        """
        [value] = found(self.do(b'STATUS "%b" (MAILBOXID)' % name), b"MAILBOXID")
        return value

    def open(self, name: bytes = b"INBOX", command: bytes = b"SELECT") -> str:
        """
        Select a mailbox.

        @return: its MAILBOXID.
        """
        [value] = found(self.do(b'%b "%b"' % (command, name)), rb"^\* OK \[MAILBOXID")
        return value

    def fetch(self, name: bytes | None = None) -> list[tuple[str, str]]:
        """
        @param name: of the mailbox; by default, that which is selected.

        @return: EMAILID and THREADID of every message.
        """
        if name is not None:
            self.open(name)
        lines = self.send(b"FETCH 1:* (EMAILID THREADID)")
        pairs = zip(found(lines, b"EMAILID"), found(lines, b"THREADID"), strict=True)
        return list(pairs)

    def names(self) -> set[bytes]:
        """
        @return: the names of all mailboxes.
        """
        return {line.split(b'"')[-2] for line in self.do(b'LIST "" "*"')[:-1] if _isMailbox(line)}


def _isMailbox(line: bytes) -> bool:
    return line.startswith(b"* LIST ") and b"\\Noselect" not in line


class IdentifierSuite:
    """
    What RFC 8474 asks for. To stand before L{twisted.trial.unittest.SynchronousTestCase}.
    """

    def connect(self) -> Connection:
        """
        @return: a connection that has logged in to an account that is the same for the whole test,
            at a server process that has just been started.
        """
        raise NotImplementedError

    def setUp(self: Any) -> None:
        """
        Log in.
        """
        super().setUp()
        self.client = Client(self.connect())

    def restart(self) -> None:
        """
        The server is started anew.
        """
        self.client = Client(self.connect())

    # Section 3

    def test_section3(self: Any) -> None:
        """
        Section 3: OBJECTID is in the response to CAPABILITY.
        """
        self.assertIn(b" OBJECTID", self.client.do(b"CAPABILITY")[0])

    # Section 4: MAILBOXID

    def test_section4_same(self: Any) -> None:
        """
        Section 4: a mailbox with the same name and UIDVALIDITY has the same MAILBOXID, whoever
        asks, however often, and after a restart.
        """
        self.client.do(b"CREATE box")
        before = [self.client.status(name) for name in (b"INBOX", b"box")]
        for client in (self.client, Client(self.connect())):
            self.assertEqual([client.status(name) for name in (b"INBOX", b"box")], before)
            self.assertEqual(client.status(b"inbox"), before[0])
        self.client.append(b"box", mail(1))
        self.client.do(b"SELECT box")
        self.client.do(b"STORE 1 FLAGS (\\Deleted)")
        self.client.do(b"EXPUNGE")
        self.assertEqual(self.client.status(b"box"), before[1])

    def test_section4_different(self: Any) -> None:
        """
        Section 4: no two mailboxes have the same MAILBOXID.
        """
        names = [b"box%d" % number for number in range(20)]
        for name in names:
            self.client.do(b"CREATE " + name)
        ids = {self.client.status(name) for name in (b"INBOX", *names)}
        self.assertEqual(len(ids), 21)

    def test_section4_notReused(self: Any) -> None:
        """
        Section 4: the MAILBOXID of a deleted mailbox is not that of the next of its name, after a
        restart either.
        """
        spent = set()
        for _ in range(3):
            self.client.do(b"CREATE box")
            value = self.client.status(b"box")
            self.assertNotIn(value, spent)
            spent.add(value)
            self.client.do(b"DELETE box")
            self.restart()

    def test_section4_rename(self: Any) -> None:
        """
        Section 4: RENAME keeps the MAILBOXID of the mailbox, and of those below it; a new mailbox
        under the old name has another.
        """
        for name in (b"foo", b"foo/below", b"foot"):
            self.client.do(b"CREATE " + name)
        foo, below, foot = (self.client.status(name) for name in (b"foo", b"foo/below", b"foot"))
        self.client.do(b"RENAME foo bar")
        self.assertEqual(
            (self.client.status(b"bar"), self.client.status(b"bar/below")), (foo, below)
        )
        self.assertEqual(self.client.status(b"foot"), foot)
        self.client.do(b"CREATE foo")
        self.assertNotIn(self.client.status(b"foo"), {foo, below, foot})
        self.restart()
        self.assertEqual(
            (self.client.status(b"bar"), self.client.status(b"bar/below")), (foo, below)
        )

    def test_section4_renamedMessages(self: Any) -> None:
        """
        Section 5.1: the messages of a renamed mailbox keep their EMAILIDs and THREADIDs.
        """
        self.client.do(b"CREATE foo")
        self.client.append(b"foo", mail(1))
        self.client.append(b"foo", mail(2))
        before = self.client.fetch(b"foo")
        self.client.do(b"RENAME foo bar")
        self.assertEqual(self.client.fetch(b"bar"), before)

    def test_section4_renamedUnseen(self: Any) -> None:
        """
        Section 4: nobody has seen the identifier of a mailbox when somebody else renames it.
        """
        self.client.do(b"CREATE foo")
        other = Client(self.connect())
        other.do(b"RENAME foo bar")
        value = self.client.status(b"bar")
        self.assertEqual(other.status(b"bar"), value)
        self.client.do(b"CREATE foo")
        self.assertNotEqual(other.status(b"foo"), value)

    def test_section4_renameRefused(self: Any) -> None:
        """
        Section 4: a RENAME that is refused changes nothing.
        """
        for name in (b"foo", b"bar"):
            self.client.do(b"CREATE " + name)
        names = (b"INBOX", b"foo", b"bar")
        before = [self.client.status(name) for name in names]
        for line in (b"RENAME foo bar", b"RENAME nix new", b"RENAME foo INBOX"):
            self.assertTrue(self.client.send(line)[-1].startswith(b"a NO "), line)
        self.assertEqual([self.client.status(name) for name in names], before)

    def test_section4_inbox(self: Any) -> None:
        """
        Sections 4 and 8.2: INBOX cannot be renamed, so it keeps its MAILBOXID.
        """
        before = self.client.status(b"INBOX")
        self.assertTrue(self.client.send(b"RENAME INBOX old")[-1].startswith(b"a NO "))
        self.assertEqual(self.client.status(b"INBOX"), before)

    def test_section4_1(self: Any) -> None:
        """
        Section 4.1: MAILBOXID in the tagged OK of CREATE, and in no refusal.
        """
        for name in (b"foo", b"foo/below", b"with/parents/above"):
            [line] = self.client.send(b"CREATE " + name)
            self.assertRegex(line, rb"^a OK \[MAILBOXID " + _ID + rb"\] ")
            self.assertEqual(found([line], b"MAILBOXID"), [self.client.status(name)])
        [line] = self.client.send(b"CREATE foo")
        self.assertTrue(line.startswith(b"a NO [ALREADYEXISTS] "), line)
        self.assertNotIn(b"MAILBOXID", line)

    def test_section4_2(self: Any) -> None:
        """
        Section 4.2: an untagged OK with MAILBOXID for SELECT and EXAMINE, none when they fail.
        """
        self.client.do(b"CREATE box")
        for name in (b"INBOX", b"box"):
            for command in (b"SELECT", b"EXAMINE"):
                self.assertEqual(self.client.open(name, command), self.client.status(name))
        for command in (b"SELECT nix", b"EXAMINE nix"):
            lines = self.client.send(command)
            self.assertTrue(lines[-1].startswith(b"a NO "))
            self.assertNotIn(b"MAILBOXID", b"".join(lines))

    def test_section4_3(self: Any) -> None:
        """
        Section 4.3: a STATUS item, in any case of letters, alone and among others, of the selected
        mailbox too.
        """
        value = self.client.status(b"INBOX").encode()
        self.client.append(b"INBOX", mail(1))
        for _ in range(2):
            [line, _] = self.client.do(b"STATUS INBOX (mailboxid)")
            self.assertEqual(line, b'* STATUS "INBOX" (MAILBOXID (%b))' % value)
            [line, _] = self.client.do(b"STATUS INBOX (MESSAGES MailboxID UIDNEXT)")
            self.assertEqual(
                line, b'* STATUS "INBOX" (MESSAGES 1 MAILBOXID (%b) UIDNEXT 2)' % value
            )
            self.client.open()

    def test_section4_3_list(self: Any) -> None:
        """
        Section 4.3: in LIST-STATUS (RFC 5819) for every mailbox.
        """
        for name in (b"foo", b"bar"):
            self.client.do(b"CREATE " + name)
        lines = self.client.do(b'LIST "" "*" RETURN (STATUS (mailboxid))')
        told = dict(re.findall(rb'\* STATUS "(\w+)" \(MAILBOXID ' + _ID, b"\n".join(lines)))
        self.assertEqual(
            told, {name: self.client.status(name).encode() for name in (b"INBOX", b"foo", b"bar")}
        )

    # Section 5: EMAILID and THREADID

    def test_section5_1_immutable(self: Any) -> None:
        """
        Section 5.1: EMAILID belongs to mailbox and UID for ever: flags, an EXPUNGE before it, other
        sessions, and a restart change nothing.
        """
        for number in (1, 2, 3):
            self.client.append(b"INBOX", mail(number))
        before = self.client.fetch(b"INBOX")
        self.assertEqual(len({email for email, _ in before}), 3)
        self.assertEqual(Client(self.connect()).fetch(b"INBOX"), before)
        self.client.do(b"STORE 1:3 FLAGS (\\Seen)")
        self.client.do(b"STORE 1 FLAGS (\\Deleted)")
        self.client.do(b"EXPUNGE")
        self.client.append(b"INBOX", mail(4))
        self.assertEqual(self.client.fetch(b"INBOX")[:2], before[1:])
        self.restart()
        self.assertEqual(self.client.fetch(b"INBOX")[:2], before[1:])

    def test_section5_1_copy(self: Any) -> None:
        """
        Section 5.1: a copy has the EMAILID of its source, and so has a copy of the copy;
        whatever the store does to dates.
        """
        for number in (1, 2, 3):
            self.client.append(b"INBOX", mail(number))
        self.client.do(b"CREATE box")
        self.client.append(b"box", mail(4))
        self.client.open()
        self.client.do(b"COPY 1,3 box")
        self.client.do(b"UID COPY 2 box")
        before = self.client.fetch()
        expected = [before[0], before[2], before[1]]
        self.assertEqual(self.client.fetch(b"box")[1:], expected)
        self.client.do(b"COPY 2:4 INBOX")
        self.assertEqual(self.client.fetch(b"INBOX"), before + expected)
        self.restart()
        self.assertEqual(self.client.fetch(b"INBOX"), before + expected)

    def test_section5_1_copyUID(self: Any) -> None:
        """
        Section 5.1: where COPYUID is told, its pairs have the same EMAILID.
        """
        for number in (1, 2, 3):
            self.client.append(b"INBOX", mail(number))
        self.client.do(b"CREATE box")
        self.client.append(b"box", mail(4))
        self.client.open()
        line = self.client.do(b"COPY 1:3 box")[-1]
        copied = re.search(rb"\[COPYUID \d+ 1:3 2:4\]", line)
        self.assertIsNotNone(copied, line)
        before = self.client.fetch()
        self.client.open(b"box")
        lines = self.client.do(b"UID FETCH 2:4 (EMAILID)")
        self.assertEqual(found(lines, b"EMAILID"), [email for email, _ in before])

    def test_section5_1_copySame(self: Any) -> None:
        """
        Section 5.1: a copy into the same mailbox.
        """
        self.client.append(b"INBOX", mail(1))
        self.client.open()
        self.client.do(b"COPY 1 INBOX")
        first, second = self.client.fetch()
        self.assertEqual(first, second)

    def test_section5_1_move(self: Any) -> None:
        """
        Section 5.1: a message that is moved, by COPY and EXPUNGE, keeps its identifiers when it
        comes back, too.
        """
        self.client.append(b"INBOX", mail(1))
        self.client.do(b"CREATE box")
        [before] = self.client.fetch(b"INBOX")
        for source, goal in ((b"INBOX", b"box"), (b"box", b"INBOX")):
            self.client.open(source)
            self.client.do(b"COPY 1 " + goal)
            self.client.do(b"STORE 1 +FLAGS (\\Deleted)")
            self.client.do(b"EXPUNGE")
            self.assertEqual(self.client.fetch(), [])
            self.assertEqual(self.client.fetch(goal), [before])

    def test_section5_1_content(self: Any) -> None:
        """
        Section 5.1: messages whose octets or INTERNALDATE differ have different EMAILIDs.
        """
        self.client.append(b"INBOX", mail(1))
        self.client.append(b"INBOX", mail(1), b"21-Nov-2026 10:00:00 +0000")
        self.client.append(b"INBOX", mail(1, text=b"text"))
        self.assertEqual(len({email for email, _ in self.client.fetch(b"INBOX")}), 3)

    def test_section5_2_thread(self: Any) -> None:
        """
        Section 5.2: a message and the answers to it have one THREADID, in other mailboxes too;
        another message has another.
        """
        self.client.do(b"CREATE box")
        for message in (mail(1), mail(2, 1), mail(3, 1, 2), mail(4)):
            self.client.append(b"INBOX", message)
        self.client.append(b"box", mail(5, 1))
        threads = [thread for _, thread in self.client.fetch(b"INBOX")]
        self.assertEqual(threads[0], threads[1])
        self.assertEqual(threads[0], threads[2])
        self.assertNotEqual(threads[0], threads[3])
        self.assertEqual([thread for _, thread in self.client.fetch(b"box")], threads[:1])

    def test_section5_2_reported(self: Any) -> None:
        """
        Section 5.2: a THREADID that was reported does not change when the message that began the
        thread comes later, or goes.
        """
        for message in (mail(2, 1), mail(3, 9)):
            self.client.append(b"INBOX", message)
        before = self.client.fetch(b"INBOX")
        for message in (mail(1), mail(9, 1)):
            self.client.append(b"INBOX", message)
        self.assertEqual(self.client.fetch(b"INBOX")[:2], before)
        self.client.do(b"STORE 3:4 FLAGS (\\Deleted)")
        self.client.do(b"EXPUNGE")
        self.restart()
        self.assertEqual(self.client.fetch(b"INBOX"), before)

    def test_section5_2_sameEmail(self: Any) -> None:
        """
        Section 5.2: messages with the same EMAILID have the same THREADID. Whether the same message
        twice has one EMAILID is left to the store (section 5.1).
        """
        for message in (mail(2, 1), mail(1), mail(2, 1), b"\r\n", b"\r\n"):
            self.client.append(b"INBOX", message)
        self.client.open()
        self.client.do(b"COPY 1:5 INBOX")
        pairs = self.client.fetch()
        self.assertEqual(len(pairs), 10)
        self.assertEqual(len(set(pairs)), len({email for email, _ in pairs}))

    def test_section5_2_values(self: Any) -> None:
        """
        Section 5.2: no value is both an EMAILID and a THREADID; a message that stands alone has
        two different ones.
        """
        for message in (mail(1), mail(2, 1), b"\r\n", b"Subject: no identifier\r\n\r\n"):
            self.client.append(b"INBOX", message)
        pairs = self.client.fetch(b"INBOX")
        self.assertEqual(len(pairs), 4)
        self.assertFalse({email for email, _ in pairs} & {thread for _, thread in pairs})

    def test_section5_3(self: Any) -> None:
        """
        Section 5.3: items of FETCH and UID FETCH, alone and among others, in any order and in any
        case of letters (section 7).
        """
        self.client.append(b"INBOX", mail(1))
        [(email, thread)] = self.client.fetch(b"INBOX")
        self.client.do(b"STORE 1 FLAGS (\\Seen)")
        for items in (b"emailid", b"(EmailID threadID)", b"(THREADID RFC822.SIZE emailid)"):
            wanted = items.upper().strip(b"()")
            answer = wanted.replace(b"EMAILID", b"EMAILID (%b)" % email.encode())
            answer = answer.replace(b"THREADID", b"THREADID (%b)" % thread.encode())
            answer = answer.replace(b"SIZE", b"SIZE %d" % len(mail(1)))
            self.assertEqual(self.client.do(b"FETCH 1 " + items)[0], b"* 1 FETCH (%b)" % answer)
            self.assertEqual(
                self.client.do(b"UID FETCH 1 " + items)[0], b"* 1 FETCH (%b UID 1)" % answer
            )
        for item in (
            *(b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"INTERNALDATE", b"FLAGS", b"BODY.PEEK[]"),
            *(b"BODY.PEEK[HEADER.FIELDS (SUBJECT)]", b"RFC822.HEADER", b"BODY.PEEK[TEXT]<0.2>"),
        ):
            lines = self.client.do(b"FETCH 1 (EMAILID %b THREADID)" % item)
            self.assertTrue(lines[0].startswith(b"* 1 FETCH (EMAILID (%b) " % email.encode()), item)
            ending = b" THREADID (%b))" % thread.encode()
            self.assertTrue(lines[-2].endswith(ending), (item, lines))

    # Section 6: SEARCH

    def test_section6(self: Any) -> None:
        """
        Section 6: SEARCH and UID SEARCH find by both, alone and within NOT, OR and parentheses, and
        find nothing by the value of the other kind.
        """
        for message in (mail(8), mail(1), mail(2, 1), mail(3)):
            self.client.append(b"INBOX", message)
        self.client.open()
        self.client.do(b"STORE 1 FLAGS (\\Deleted)")
        self.client.do(b"EXPUNGE")
        [(one, thread), (two, _), (three, other)] = self.client.fetch()
        for keys, numbers in (
            (f"EMAILID {two}", [2]),
            (f"emailid {two}", [2]),
            (f"THREADID {thread}", [1, 2]),
            (f"threadID {other}", [3]),
            (f"NOT EMAILID {two}", [1, 3]),
            (f"NOT THREADID {thread}", [3]),
            (f"OR EMAILID {one} EMAILID {three}", [1, 3]),
            (f"(OR EMAILID {one} (EMAILID {two})) THREADID {thread}", [1, 2]),
            (f"2:* THREADID {thread}", [2]),
            (f"EMAILID {thread}", []),
            (f"THREADID {two}", []),
            ("EMAILID Mnix", []),
            ("THREADID Tnix", []),
        ):
            for command, shift in ((b"SEARCH ", 0), (b"UID SEARCH ", 1)):
                expected = b"".join(b" %d" % (number + shift) for number in numbers)
                lines = self.client.do(command + keys.encode())
                self.assertEqual(lines[0], b"* SEARCH" + expected, keys)

    def test_section6_expunged(self: Any) -> None:
        """
        Section 6: what was expunged is not found.
        """
        self.client.append(b"INBOX", mail(1))
        [(email, thread)] = self.client.fetch(b"INBOX")
        self.client.do(b"STORE 1 FLAGS (\\Deleted)")
        self.client.do(b"EXPUNGE")
        for key in (f"EMAILID {email}", f"THREADID {thread}"):
            self.assertEqual(self.client.do(b"SEARCH " + key.encode())[0], b"* SEARCH")

    # Section 7: formal syntax

    def test_section7_caseOfValues(self: Any) -> None:
        """
        Section 7: values are case-sensitive, unlike the names of items.
        """
        self.client.append(b"INBOX", mail(1))
        [(email, thread)] = self.client.fetch(b"INBOX")
        for key in (f"EMAILID {email.swapcase()}", f"THREADID {thread.swapcase()}"):
            self.assertEqual(self.client.do(b"SEARCH " + key.encode())[0], b"* SEARCH")

    def test_section7_illegal(self: Any) -> None:
        """
        Section 7: what is no objectid, or is missing, is BAD.
        """
        self.client.open()
        for key in (b"EMAILID", b"THREADID"):
            for value in (b"a.b", b"a" * 256, b'""', b"*", b'"a b"', b"(a)", b"\xc3\xa9", b""):
                for command in (b"SEARCH", b"UID SEARCH", b"SEARCH NOT", b"SEARCH OR ALL"):
                    [line] = self.client.send(b"%b %b %b" % (command, key, value))
                    self.assertTrue(line.startswith(b"a BAD "), (line, value))
            self.assertEqual(
                self.client.do(b"SEARCH %b %b" % (key, b"a" * 255))[0], b"* SEARCH", key
            )

    # Section 8

    def test_section8_1(self: Any) -> None:
        """
        Section 8.1: one letter in front, and letters of one case and digits behind it: no value
        begins with a digit or a dash, is NIL, or differs from another only in case.
        """
        self.client.append(b"INBOX", mail(1))
        [(email, thread)] = self.client.fetch(b"INBOX")
        for value, letter in ((self.client.status(b"INBOX"), "F"), (email, "M"), (thread, "T")):
            self.assertRegex(value, f"^{letter}[a-z2-7]{{26}}$")


# Random work


@dataclass(eq=False)
class Mail:
    """
    A message and all of its copies.

    @ivar content: what it is made of; no two have the same, unless they are the same.
    @ivar ids: EMAILID and THREADID, once they have been reported.
    """

    content: tuple[int, ...]
    ids: tuple[str, str] | None = None


@dataclass(eq=False)
class Box:
    """
    @ivar mails: by sequence number.
    @ivar mailboxID: once it has been reported.
    """

    mails: list[Mail] = field(default_factory=list)
    mailboxID: str | None = None


_NAMES = ("a", "b", "a/x", "b/x")


class IdentifierMachine(RuleBasedStateMachine):
    """
    Mail that is appended, copied, moved and expunged, mailboxes that are made, renamed and deleted,
    and servers that start anew, in random order and over two connections: no identifier changes, is
    used again, or belongs to two.
    """

    def connect(self) -> Connection:
        """
        @return: a connection that has logged in, at a server process that has just been started.
        """
        raise NotImplementedError

    def account(self) -> Any:
        """
        @return: the account of the store, or L{None} where its processes cannot be killed here.
        """
        return None

    def kill(self, who: int, store: Any, method: str, when: str, line: bytes) -> None:
        """
        A server process is killed while it is at work on a command.
        """
        connection = self.clients[who].connection
        goOn = stall(store, method, when)
        assert connection.send(b"a " + line) == [], line
        goOn()
        connection.server._jmaSettings.objectIDs.kill()
        self.clients[who] = Client(self.connect())
        self.unseen = 3

    def __init__(self) -> None:
        super().__init__()
        self.clients = [Client(self.connect()), Client(self.connect())]
        self.unseen = 0
        self.boxes = {"INBOX": Box()}
        self.spent: set[str] = set()
        self.contents: dict[str, tuple[int, ...]] = {}
        self.values: dict[str, str] = {}
        self.append(0, 0, 1, 0)
        self.create(0, "a")

    who = st.integers(0, 1)
    which = st.integers(0, 9)

    def name(self, which: int) -> str:
        """
        @return: the name of a mailbox that is there.
        """
        return sorted(self.boxes)[which % len(self.boxes)]

    def isFree(self, name: str) -> bool:
        """
        @return: whether a mailbox can be given that name, with no others that are made above it.
        """
        parent = name.rpartition("/")[0]
        return name not in self.boxes and (not parent or parent in self.boxes)

    @rule(who=who)
    def restart(self, who: int) -> None:
        """
        A server starts anew.
        """
        self.clients[who] = Client(self.connect())

    @rule(who=who, which=which, number=st.integers(0, 3), reference=st.integers(0, 3))
    def append(self, who: int, which: int, number: int, reference: int) -> None:
        """
        APPEND, also of a message that has been there before.
        """
        name = self.name(which)
        references = (reference,) if reference else ()
        self.clients[who].append(name.encode(), mail(number, *references))
        self.boxes[name].mails.append(Mail((number, *references)))

    @rule(who=who, source=which, goal=which, first=which, last=which)
    def copy(self, who: int, source: int, goal: int, first: int, last: int) -> None:
        """
        COPY, also into the same mailbox.
        """
        self._copy(self.clients[who], self.name(source), self.name(goal), first, last)

    @rule(who=who, source=which, goal=which, first=which, last=which)
    def move(self, who: int, source: int, goal: int, first: int, last: int) -> None:
        """
        COPY, and EXPUNGE of what was copied.
        """
        client, name = self.clients[who], self.name(source)
        if copied := self._copy(client, name, self.name(goal), first, last):
            self._expunge(client, name, *copied)

    def _copy(
        self, client: Client, source: str, goal: str, first: int, last: int
    ) -> tuple[int, int] | None:
        mails = self.boxes[source].mails
        if not mails:
            return None
        start, end = sorted((first % len(mails) + 1, last % len(mails) + 1))
        client.open(source.encode())
        client.do(b"COPY %d:%d %b" % (start, end, goal.encode()))
        self.boxes[goal].mails += mails[start - 1 : end]
        return start, end

    @rule(who=who, which=which, first=which, last=which)
    def expunge(self, who: int, which: int, first: int, last: int) -> None:
        """
        EXPUNGE.
        """
        name = self.name(which)
        if mails := self.boxes[name].mails:
            client = self.clients[who]
            client.open(name.encode())
            start, end = sorted((first % len(mails) + 1, last % len(mails) + 1))
            self._expunge(client, name, start, end)

    def _expunge(self, client: Client, name: str, start: int, end: int) -> None:
        client.do(b"STORE %d:%d +FLAGS (\\Deleted)" % (start, end))
        client.do(b"EXPUNGE")
        del self.boxes[name].mails[start - 1 : end]

    @rule(who=who, name=st.sampled_from(_NAMES))
    def create(self, who: int, name: str) -> None:
        """
        CREATE.
        """
        if self.isFree(name):
            [line] = self.clients[who].do(b"CREATE " + name.encode())
            box = self.boxes[name] = Box()
            self.checkBox(box, *found([line], b"MAILBOXID"))

    @rule(who=who, which=which)
    def delete(self, who: int, which: int) -> None:
        """
        DELETE of a mailbox with none below it.
        """
        name = self.name(which)
        if name != "INBOX" and not any(each.startswith(name + "/") for each in self.boxes):
            self.clients[who].do(b"DELETE " + name.encode())
            self.spent.add(self.boxes.pop(name).mailboxID or "")

    @rule(who=who, which=which, new=st.sampled_from(_NAMES))
    def rename(self, who: int, which: int, new: str) -> None:
        """
        RENAME with all that is below; or a refusal.
        """
        old = self.name(which)
        command = b"RENAME %b %b" % (old.encode(), new.encode())
        if old == "INBOX" or new in self.boxes:
            assert self.clients[who].send(command)[-1].startswith(b"a NO ")
        elif self.isFree(new) and not new.startswith(old + "/"):
            self.clients[who].do(command)
            self.renamed(old, new)

    def renamed(self, old: str, new: str) -> None:
        """
        A mailbox has another name, and those below it.
        """
        for name in [n for n in self.boxes if n == old or n.startswith(old + "/")]:
            self.boxes[new + name[len(old) :]] = self.boxes.pop(name)

    @rule(who=who, which=which, when=st.sampled_from((BEFORE, AFTER)))
    def killedInDelete(self, who: int, which: int, when: str) -> None:
        """
        DELETE, killed.
        """
        name, account = self.name(which), self.account()
        isAbove = any(each.startswith(name + "/") for each in self.boxes)
        if account is not None and name != "INBOX" and not isAbove:
            self.kill(who, account, "delete", when, b"DELETE " + name.encode())
            if when == AFTER:
                self.spent.add(self.boxes.pop(name).mailboxID or "")

    @rule(who=who, which=which, new=st.sampled_from(_NAMES), when=st.sampled_from((BEFORE, AFTER)))
    def killedInRename(self, who: int, which: int, new: str, when: str) -> None:
        """
        RENAME, killed.
        """
        old, account = self.name(which), self.account()
        isPossible = old != "INBOX" and self.isFree(new) and not new.startswith(old + "/")
        if account is not None and isPossible:
            command = b"RENAME %b %b" % (old.encode(), new.encode())
            self.kill(who, account, "rename", when, command)
            if when == AFTER:
                self.renamed(old, new)

    @rule(who=who, source=which, goal=which, when=st.sampled_from((BEFORE, AFTER)))
    def killedInCopy(self, who: int, source: int, goal: int, when: str) -> None:
        """
        COPY, killed: what is there then are new messages.
        """
        account, mails = self.account(), self.boxes[self.name(source)].mails
        if account is not None and mails:
            name = self.name(goal)
            self.clients[who].open(self.name(source).encode())
            target = account.mailboxes[name]
            self.kill(who, target, "copy", when, b"COPY 1:* " + name.encode())
            if when == AFTER:
                self.boxes[name].mails += [Mail(mail.content) for mail in mails]

    @invariant()
    def same(self) -> None:
        """
        Both connections see what was there before. After a process was killed nobody looks for a
        while.
        """
        if self.unseen:
            self.unseen -= 1
            return
        for client in self.clients:
            assert client.names() == {name.encode() for name in self.boxes}
            told = [client.status(name.encode()) for name in sorted(self.boxes)]
            assert len(set(told)) == len(told), "two mailboxes have one MAILBOXID"
            for value, (name, box) in zip(told, sorted(self.boxes.items()), strict=True):
                self.checkBox(box, value)
                assert client.open(name.encode()) == value
                for message, ids in zip(box.mails, client.fetch(), strict=True):
                    self.checkMail(message, *ids)

    def checkBox(self, box: Box, value: str) -> None:
        """
        The MAILBOXID is what it was, or new.
        """
        if box.mailboxID is None:
            assert value not in self.spent, "a MAILBOXID is used again"
            box.mailboxID = value
        assert box.mailboxID == value, "a MAILBOXID has changed"

    def checkMail(self, message: Mail, email: str, thread: str) -> None:
        """
        EMAILID and THREADID are what they were; an EMAILID stands for one content and one thread,
        even when the messages are gone.
        """
        if message.ids is None:
            message.ids = email, thread
        assert message.ids == (email, thread), "an EMAILID or THREADID has changed"
        assert self.contents.setdefault(email, message.content) == message.content
        assert self.values.setdefault(email, thread) == thread
