# -*- test-case-name: tests.integration.test_maildir_processes -*-
"""
The embedded store and other processes: killed ones, and several at a time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import Any

from twisted.mail.imap4 import MessageSet

from tests.support.maildir import Listener, MaildirTestCase, contentOf, mail
from tests.support.paths import ROOT


class ProcessTestCase(MaildirTestCase):
    """
    Starts processes, and ends every one.
    """

    def start(self, work: str, name: str) -> subprocess.Popen[str]:
        """
        @return: a running L{tests.support.maildir_child}.
        """
        program = [sys.executable, "-m", "tests.support.maildir_child", work, self.path, name]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        return process

    def subjects(self, mailbox: Any) -> dict[str, Any]:
        """
        @return: the messages by what they are called.
        """
        return {m.getHeaders(True)["subject"].split()[1]: m for m in self.messages(mailbox)}


class KillTests(ProcessTestCase):
    """
    C{kill -9} at any moment.
    """

    def killed(self, name: str, seconds: float) -> list[list[str]]:
        """
        @return: what a process acknowledged before it was killed.
        """
        process = self.start("everything", name)
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        said = [first, *process.stdout.readlines()]
        return [line.split() for line in said if line.endswith("\n")]

    def check(self, said: list[list[str]], uids: dict[int, str], emails: dict[str, str]) -> None:
        """
        @param uids: every UID that was ever acknowledged, and what the message is called.
        @param emails: every EMAILID, likewise.
        """
        expunging = {words[1] for words in said if words[0] == "expunging"}
        expunged = {words[1] for words in said if words[0] == "expunged"}
        account = self.account()
        messages = self.subjects(self.open(account))
        for name, uid, email in [words[1:] for words in said if words[0] == "append"]:
            self.assertNotIn(int(uid), uids, "a UID came twice")
            uids[int(uid)], emails[email] = name, name
            if name not in expunging:
                self.assertEqual(messages[name].getUID(), int(uid))
                self.assertEqual(messages[name].getEmailID(), email)
                self.assertEqual(contentOf(messages[name]), mail(name))
        self.assertEqual(expunged & set(messages), set())
        for name in [words[1] for words in said if words[0] == "store"]:
            if name not in expunging:
                self.assertLessEqual({"\\Seen", "\\Flagged", name}, set(messages[name].getFlags()))
        self.checkCopies(account, said, emails)

    def checkCopies(self, account: Any, said: list[list[str]], emails: dict[str, str]) -> None:
        """
        Copies are in the mailbox with the MAILBOXID that was acknowledged, whatever its name is.
        """
        names = [name for name, _ in self.now(account.listMailboxes("", "*"))]
        opened = [self.now(account.select(name, False)) for name in names]
        byID = {mailbox.getMailboxID(): mailbox for mailbox in opened if mailbox is not None}
        self.assertEqual(len(byID), len([mailbox for mailbox in opened if mailbox is not None]))
        for name, mailboxID in [words[1:] for words in said if words[0] == "copy"]:
            copy = self.subjects(byID[mailboxID])[name]
            self.assertEqual(emails[copy.getEmailID()], name)

    def test_kill(self) -> None:
        """
        Whatever was acknowledged is there after the process was killed: content, UID, flags,
        identifiers, under whatever name; nothing expunged comes back, no UID comes twice.
        """
        uids: dict[int, str] = {}
        emails: dict[str, str] = {}
        for round in range(6):
            said = self.killed(f"r{round}-", random.uniform(0.01, 0.4))
            self.assertTrue(said)
            self.check(said, uids, emails)

    def test_leftovers(self) -> None:
        """
        A message that was in place, but not yet in the index, when the process was killed was not
        acknowledged: it is there as a new one, once.
        """
        account = self.account()
        self.append(account, mail(1))
        with open(self.file("cur", "1700000000.M1P1.host:2,S"), "wb") as file:
            file.write(mail(2))
        messages = self.messages(self.open(self.account()))
        self.assertEqual([m.getUID() for m in messages], [1, 2])
        self.assertEqual(self.flags(self.open(self.account())), {1: [], 2: ["\\Seen"]})


class SeveralProcessesTests(ProcessTestCase):
    """
    Several processes have one account open (RFC 3501, section 5.2 and 5.5).
    """

    def test_append(self) -> None:
        """
        Two processes append and flag at once while a third session watches: every message is there
        once, under the UID and EMAILID that its process saw, with the flags of its own; the
        session can follow from what it is told.
        """
        account = self.account()
        mailbox, listener = self.open(account), Listener()
        mailbox.addListener(listener)
        processes = [self.start("append", name) for name in ("a", "b")]
        counts = [0]
        while any(process.poll() is None for process in processes):
            self.now(mailbox.poll())
            counts.append(mailbox.getMessageCount())
            time.sleep(0.01)
        self.now(mailbox.poll())
        said = [line.split() for process in processes for line in process.stdout]
        self.assertEqual([process.returncode for process in processes], [0, 0])
        self.assertEqual(len(said), 80)
        messages = self.subjects(mailbox)
        for _, name, uid, email in said:
            self.assertEqual(
                (messages[name].getUID(), messages[name].getEmailID()), (int(uid), email)
            )
            self.assertEqual(set(messages[name].getFlags()) - {"\\Recent"}, {name})
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(mailbox.getMessageCount(), 80)
        self.assertEqual({what for what, *_ in listener.told} - {"new", "flags"}, set())

    def test_twoSessions(self) -> None:
        """
        Flags, keywords and an EXPUNGE of one process are what the other one is told.
        """
        one, two = self.account(), self.account()
        for number in range(3):
            self.append(one, mail(number))
        first, second = self.open(one), self.open(two)
        self.now(first.store(MessageSet(2), ["\\Answered", "k"], 1, False))
        self.now(second.store(MessageSet(2), ["\\Flagged", "l"], 1, False))
        self.now(first.poll())
        self.assertEqual(
            self.flags(first), {1: [], 2: ["\\Answered", "\\Flagged", "k", "l"], 3: []}
        )
        self.now(second.store(MessageSet(1), ["\\Deleted"], 1, False))
        self.assertEqual(self.now(first.expunge()), [1])
        self.assertEqual(self.now(second.expunge()), [1])
        self.assertEqual(self.flags(second), self.flags(first))
