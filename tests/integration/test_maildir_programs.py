# -*- test-case-name: tests.integration.test_maildir_programs -*-
"""
Other programs read and change the embedded store's Maildir directly.
"""

from __future__ import annotations

import mailbox
import os
import re
import shutil
import subprocess
import unittest
from typing import Any

from twisted.mail.imap4 import MessageSet

from tests.support.maildir import Listener, MaildirTestCase, contentOf, mail


class PythonMaildirTests(MaildirTestCase):
    """
    Python's L{mailbox.Maildir}, which has Maildir++ folders.
    """

    def setUp(self) -> None:
        super().setUp()
        self.ada = self.account()
        self.now(self.ada.create("Work/2026"))
        self.append(self.ada, mail(1), flags=["\\Seen", "\\Flagged"])
        self.append(self.ada, mail(2), "Work/2026")
        self.foreign = mailbox.Maildir(self.file(), create=False)

    def test_reads(self) -> None:
        """
        It finds our folders, messages and flags.
        """
        self.assertEqual(set(self.foreign.list_folders()), {"Work", "Work.2026"})
        [message] = self.foreign
        self.assertEqual(message["subject"], "number 1")
        self.assertEqual(message.get_flags(), "FS")
        [message] = self.foreign.get_folder("Work.2026")
        self.assertEqual(message.get_payload(), "This is number 2.\n")

    def test_delivers(self) -> None:
        """
        What it delivers is there at the next poll.
        """
        view, listener = self.open(self.ada), Listener()
        view.addListener(listener)
        self.foreign.add(b"Subject: three\n\nx\n")
        self.now(view.poll())
        self.assertEqual(listener.told, [("new", 2, 2)])
        self.assertEqual(contentOf(self.messages(view)[1]), b"Subject: three\r\n\r\nx\r\n")

    def test_changes(self) -> None:
        """
        What it flags is told.
        """
        view, listener = self.open(self.ada), Listener()
        view.addListener(listener)
        [key] = self.foreign.keys()
        changed = self.foreign[key]
        changed.set_flags("RS")
        self.foreign[key] = changed
        self.now(view.poll())
        self.assertEqual(listener.told, [("flags", {1: ["\\Answered", "\\Recent", "\\Seen"]})])

    def test_moves(self) -> None:
        """
        What another program moves to another folder is gone here and new there, with the EMAILID
        that it had.
        """
        view, listener = self.open(self.ada), Listener()
        view.addListener(listener)
        [original] = self.messages(view)
        [path] = os.listdir(self.file("cur"))
        os.rename(self.file("cur", path), self.file(".Work", "cur", path))
        self.now(view.poll())
        self.assertEqual(listener.told, [("expunged", [1])])
        [moved] = self.messages(self.open(self.ada, "Work"))
        self.assertEqual(moved.getEmailID(), original.getEmailID())
        self.assertEqual(moved.getThreadID(), original.getThreadID())

    def test_newFolder(self) -> None:
        """
        A folder that it makes is a mailbox.
        """
        self.foreign.add_folder("Lists.twisted").add(b"Subject: x\n\ny\n")
        view = self.open(self.ada, "Lists/twisted")
        self.assertEqual(view.getMessageCount(), 1)
        self.assertEqual(view.requestStatus(["SIZE"]), {"SIZE": 17})


MBSYNC = """
MaildirStore ours
Inbox {ours}
SubFolders Maildir++

MaildirStore theirs
Path {theirs}/
Inbox {theirs}/INBOX
SubFolders Verbatim

Channel all
Far :ours:
Near :theirs:
Patterns *
Create Near
Expunge Both
SyncState *
"""


@unittest.skipUnless(shutil.which("mbsync"), "mbsync (Debian: isync) is not installed")
class MbsyncTests(MaildirTestCase):
    """
    mbsync, which changes the names of the files that it has seen.
    """

    def setUp(self) -> None:
        super().setUp()
        self.ada = self.account()
        self.theirs = os.path.join(os.path.dirname(self.path), "theirs")
        os.mkdir(self.theirs)
        self.configuration = os.path.join(self.theirs, "mbsyncrc")
        with open(self.configuration, "w") as file:
            file.write(MBSYNC.format(ours=self.file(), theirs=self.theirs))

    def mbsync(self) -> None:
        """
        Synchronise both ways.
        """
        program = ["mbsync", "-c", self.configuration, "-a"]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def withoutMark(self, content: bytes) -> bytes:
        """
        @return: a copy's content without the field that mbsync puts into it.
        """
        return re.sub(rb"X-TUID: .*\n", b"", content)

    def test_bothWays(self) -> None:
        """
        mbsync copies all our mail, byte for byte but for the line ends; what it has seen keeps UID
        and identifiers; flags, removals and new messages of the other side come here.
        """
        self.now(self.ada.create("Work"))
        for number in range(1, 4):
            self.append(self.ada, mail(number), flags=["\\Seen"])
        self.append(self.ada, mail(4), "Work")

        def identity(view: Any) -> list[Any]:
            return [(m.getUID(), m.getEmailID(), m.getThreadID()) for m in self.messages(view)]

        before = identity(self.open(self.ada))
        self.mbsync()
        self.assertEqual(identity(self.open(self.account())), before)
        inbox = mailbox.Maildir(os.path.join(self.theirs, "INBOX"), create=False)
        contents = sorted(self.withoutMark(inbox.get_bytes(key)) for key in inbox.iterkeys())
        self.assertEqual(contents, [mail(n).replace(b"\r\n", b"\n") for n in (1, 2, 3)])
        self.assertEqual(len(mailbox.Maildir(os.path.join(self.theirs, "Work"), create=False)), 1)

        for key in list(inbox.iterkeys()):
            message = inbox[key]
            if message["subject"] == "number 2":
                message.add_flag("F")
                inbox[key] = message
            if message["subject"] == "number 3":
                message.add_flag("T")
                inbox[key] = message
        inbox.add(b"Subject: number 5\n\nx\n")
        self.mbsync()
        view = self.open(self.ada)
        self.assertEqual(self.flags(view), {1: ["\\Seen"], 2: ["\\Flagged", "\\Seen"], 4: []})
        self.assertEqual(identity(view)[:2], before[:2])
        [(_, new)] = view.fetch(MessageSet(4), True)
        self.assertEqual(new.getHeaders(True)["subject"], "number 5")

    def test_ourChanges(self) -> None:
        """
        mbsync sees what we do with messages that it has renamed.
        """
        for number in (1, 2):
            self.append(self.ada, mail(number))
        self.mbsync()
        view = self.open(self.ada)
        self.now(view.store(MessageSet(1), ["\\Deleted"], 1, False))
        self.now(view.expunge())
        self.now(view.store(MessageSet(1), ["\\Answered"], 1, False))
        self.mbsync()
        inbox = mailbox.Maildir(os.path.join(self.theirs, "INBOX"), create=False)
        self.assertEqual([m.get_flags() for m in inbox], ["R"])
