# -*- test-case-name: tests.maildir.test_model -*-
"""
The embedded store against a model of what an account is: whatever is done in whatever order,
nothing is lost, and no identifier or UID changes, is reused, or comes twice.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.mail.imap4 import MessageSet
from twisted.trial.unittest import SynchronousTestCase

from tests.support.maildir import MaildirTestCase, contentOf, everything, mail

FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "work", "play"]
NAMES = ["a", "b", "a/x", "INBOX/c", "d.e"]


@dataclass(frozen=True)
class Mail:
    """
    What a message must be. The identifiers are known once they have been reported.
    """

    content: bytes
    flags: frozenset[str]
    emailID: str | None = None
    threadID: str | None = None


@dataclass
class Box:
    """
    What a mailbox must be: messages by UID.
    """

    messages: dict[int, Mail] = field(default_factory=dict)
    highest: int = 0
    mailboxID: str | None = None
    uidValidity: int | None = None

    def add(self, message: Mail) -> None:
        """
        Add a message with the next UID.
        """
        self.highest += 1
        self.messages[self.highest] = message


class Accounts(RuleBasedStateMachine):
    """
    One account, in two processes of which each does what comes to it.
    """

    case: MaildirTestCase

    @initialize()
    def begin(self) -> None:
        """
        A new account.
        """
        self.case.doCleanups()
        self.case.setUp()
        self.boxes = {"INBOX": Box()}
        self.emails: dict[str, bytes] = {}
        self.mailboxIDs: set[str] = set()
        self.accounts = [self.case.account(), self.case.account()]
        self.number = 0

    who = st.integers(0, 1)
    which = st.integers(0, 99)

    def name(self, which: int) -> str:
        """
        @return: the name of a mailbox that is there.
        """
        return sorted(self.boxes)[which % len(self.boxes)]

    def content(self, reference: int) -> bytes:
        """
        @return: a message that has never been.
        """
        self.number += 1
        return mail(self.number, f"References: <{reference}@x>\r\n" if reference else "")

    @rule(who=who, which=which, flags=st.sets(st.sampled_from(FLAGS)), reference=st.integers(0, 3))
    def append(self, who: int, which: int, flags: set[str], reference: int) -> None:
        """
        APPEND.
        """
        name, content = self.name(which), self.content(reference)
        uid = self.case.append(self.accounts[who], content, name, sorted(flags))
        self.boxes[name].add(Mail(content, frozenset(flags)))
        assert uid == self.boxes[name].highest

    @rule(which=which)
    def deliver(self, which: int) -> None:
        """
        Another program delivers, with LF.
        """
        name, content = self.name(which), self.content(0)
        directory = self.accounts[0]._store.open(name).row.directory
        self.case.deliver(
            f"{1700000000 + self.number}.x", content.replace(b"\r\n", b"\n"), directory
        )
        self.move(self.case.file(directory, "new"), self.number)
        self.boxes[name].add(Mail(content, frozenset()))

    @rule(who=who, source=which, goal=which, first=which, last=which)
    def copy(self, who: int, source: int, goal: int, first: int, last: int) -> None:
        """
        COPY, also into the same mailbox.
        """
        account, fromName, toName = self.accounts[who], self.name(source), self.name(goal)
        mailbox = self.case.open(account, fromName)
        chosen = [m for _, m in mailbox.fetch(MessageSet(first % 5 + 1, last % 5 + 1), False)]
        destination = self.case.now(account.select(toName))
        for message in chosen:
            self.case.now(destination.copy(message))
            self.boxes[toName].add(self.boxes[fromName].messages[message.getUID()])

    @rule(
        who=who,
        which=which,
        first=which,
        last=which,
        flags=st.sets(st.sampled_from(FLAGS)),
        mode=st.sampled_from([-1, 0, 1]),
    )
    def store(
        self, who: int, which: int, first: int, last: int, flags: set[str], mode: int
    ) -> None:
        """
        STORE.
        """
        name = self.name(which)
        mailbox = self.case.open(self.accounts[who], name)
        messages = MessageSet(first % 5 + 1, last % 5 + 1)
        chosen = [m.getUID() for _, m in mailbox.fetch(messages, False)]
        self.case.now(mailbox.store(messages, sorted(flags), mode, False))
        box = self.boxes[name].messages
        for uid in chosen:
            old = box[uid].flags
            new = {-1: old - flags, 0: frozenset(flags), 1: old | flags}[mode]
            box[uid] = replace(box[uid], flags=new)

    @rule(who=who, which=which)
    def expunge(self, who: int, which: int) -> None:
        """
        EXPUNGE.
        """
        name = self.name(which)
        mailbox = self.case.open(self.accounts[who], name)
        before = [m.getUID() for m in self.case.messages(mailbox)]
        for seq in self.case.now(mailbox.expunge()):
            del before[seq - 1]
        box = self.boxes[name]
        box.messages = {u: m for u, m in box.messages.items() if "\\Deleted" not in m.flags}
        assert before == sorted(box.messages)

    @rule(which=which, letter=st.sampled_from("SF"))
    def foreignRename(self, which: int, letter: str) -> None:
        """
        Another program flags a message by renaming its file.
        """
        name = self.name(which)
        folder = self.accounts[0]._store.open(name)
        for entry in folder.sync().entries[:1]:
            path = folder.locate(entry)
            flags = set(path.rpartition(b":2,")[2].decode() if b":2," in path else "") | {letter}
            target = (
                os.path.basename(path).partition(b":2,")[0]
                + b":2,"
                + "".join(sorted(flags)).encode()
            )
            os.rename(path, os.path.join(folder.path, b"cur", target))
            self.move(os.fsdecode(os.path.join(folder.path, b"cur")), self.number)
            flag = {"S": "\\Seen", "F": "\\Flagged"}[letter]
            old = self.boxes[name].messages[entry.uid]
            self.boxes[name].messages[entry.uid] = replace(old, flags=old.flags | {flag})

    @rule(who=who, name=st.sampled_from(NAMES))
    def create(self, who: int, name: str) -> None:
        """
        CREATE, with the levels above; nothing happens when it is there.
        """
        created = self.accounts[who].create(name)
        if name in self.boxes:
            self.case.failureResultOf(created)
            return
        self.case.now(created)
        for each in (name.partition("/")[0], name):
            self.boxes.setdefault(each, Box())

    @rule(who=who, which=which)
    def delete(self, who: int, which: int) -> None:
        """
        DELETE; INBOX stays.
        """
        name = self.name(which)
        deleted = self.accounts[who].delete(name)
        if name == "INBOX":
            self.case.failureResultOf(deleted)
        else:
            self.case.now(deleted)
            del self.boxes[name]

    @rule(who=who, which=which, new=st.sampled_from(NAMES))
    def rename(self, who: int, which: int, new: str) -> None:
        """
        RENAME with all that is below; of INBOX, a move of its messages.
        """
        old = self.name(which)
        below = [n for n in self.boxes if n == old or n.startswith(old + "/")]
        moved = {n: new + n[len(old) :] for n in below}
        renamed = self.accounts[who].rename(old, new)
        isTaken = {new, *moved.values()} & set(self.boxes)
        if old == "INBOX" and new not in self.boxes:
            self.case.now(renamed)
            self.boxes.setdefault(new.partition("/")[0], Box())
            self.boxes[new] = Box()
            for _, message in sorted(self.boxes["INBOX"].messages.items()):
                self.boxes[new].add(message)
            self.boxes["INBOX"].messages = {}
        elif old == "INBOX" or isTaken or new.startswith(old + "/"):
            self.case.failureResultOf(renamed)
        else:
            self.case.now(renamed)
            taken = {target: self.boxes.pop(n) for n, target in moved.items()}
            self.boxes.setdefault(new.partition("/")[0], Box())
            self.boxes.update(taken)

    @rule(who=who)
    def restart(self, who: int) -> None:
        """
        A process starts anew.
        """
        self.accounts[who] = self.case.account()

    @rule(which=which)
    def tick(self, which: int) -> None:
        """
        Time passes: directories have changed long ago.
        """
        for directory, _, _ in os.walk(self.case.file()):
            self.move(directory, -which * 10**7)

    def move(self, directory: str, nanoseconds: int) -> None:
        """
        Change the time of a directory: the file system's clock may not have moved.
        """
        status = os.stat(directory)
        os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns + nanoseconds))

    @invariant()
    def same(self) -> None:
        """
        Both processes see what the model says.
        """
        for account in self.accounts:
            names = {n for n, i in self.case.now(account.listMailboxes("", "*"))
                     if "\\Noselect" not in i.getFlags()}  # fmt: skip
            assert names == set(self.boxes)
            for name, box in self.boxes.items():
                self.checkMailbox(self.case.open(account, name, rw=False), box)

    def checkMailbox(self, mailbox: Any, box: Box) -> None:
        """
        UIDs, contents, flags and identifiers, which are noted when they are seen first.
        """
        if box.mailboxID is None:
            box.mailboxID, box.uidValidity = mailbox.getMailboxID(), mailbox.getUIDValidity()
            assert box.mailboxID not in self.mailboxIDs, "a MAILBOXID came twice"
            self.mailboxIDs.add(box.mailboxID)
        assert mailbox.getMailboxID() == box.mailboxID
        assert mailbox.getUIDValidity() == box.uidValidity
        found = {message.getUID(): message for _, message in mailbox.fetch(everything(), False)}
        assert sorted(found) == sorted(box.messages)
        assert mailbox.getUIDNext() == box.highest + 1
        for uid, message in found.items():
            box.messages[uid] = self.checkMessage(message, box.messages[uid])

    def checkMessage(self, message: Any, expected: Mail) -> Mail:
        """
        @return: the model with its identifiers.
        """
        assert contentOf(message) == expected.content
        assert message.getSize() == len(expected.content)
        assert set(message.getFlags()) - {"\\Recent"} == expected.flags
        email, thread = message.getEmailID(), message.getThreadID()
        assert self.emails.setdefault(email, expected.content) == expected.content
        assert expected.emailID in (None, email)
        assert expected.threadID in (None, thread)
        return replace(expected, emailID=email, threadID=thread)


class ModelTests(SynchronousTestCase):
    """
    Random work on an account.
    """

    def test_random(self) -> None:
        """
        Random commands, deliveries and renamings by others, and restarts, in two processes: both
        always have what the model has.
        """
        case = MaildirTestCase("account")
        machine = type("Machine", (Accounts,), {"case": case, "TestCase": None})
        self.addCleanup(case.doCleanups)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
