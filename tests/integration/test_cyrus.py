# -*- test-case-name: tests.integration.test_cyrus -*-
"""
The example that compares identifiers over both protocols, against a server that others wrote whose
identifiers are the same over IMAP and JMAP: Cyrus IMAP.
"""

from __future__ import annotations

import imaplib
import io
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.examples.test_compare import load
from tests.support.cyrus import ADMIN, PASSWORD, Cyrus, whyNoCyrus

USER = "arnt"
#: "Entwürfe & Rest" (RFC 3501, section 5.1.3), and a name that wants quotes.
DRAFTS = '"Entw&APw-rfe &- Rest"'
NESTED = '"Work/[2026] (old)"'


def mail(number: int, references: int | None = None) -> bytes:
    """
    @param references: the number of the message that it answers.
    """
    subject = f"Subject: number {number}\r\n"
    if references is not None:
        subject = (
            f"Subject: Re: number {references}\r\n"
            f"In-Reply-To: <{references}@example.com>\r\n"
            f"References: <{references}@example.com>\r\n"
        )
    return (
        "From: Arnt <arnt@example.com>\r\n"
        "To: Bron <bron@example.com>\r\n"
        f"Date: Fri, 20 Nov 2026 10:00:{number:02} +0000\r\n"
        f"Message-ID: <{number}@example.com>\r\n"
        f"{subject}\r\nThis is number {number}.\r\n"
    ).encode("ascii")


def ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """
    @return: the data of an answer that must be OK.
    """
    status, data = answer
    if status != "OK":
        raise AssertionError(answer)
    return data


class CyrusTests(SynchronousTestCase):
    """
    An account with five mailboxes: a thread that lives in three of them, a copy, a message that
    was moved, one that is marked as deleted, and one that is expunged.
    """

    def setUp(self) -> None:
        if why := whyNoCyrus():
            raise SkipTest(why)
        self.compare = load()
        self.cyrus = Cyrus()
        self.addCleanup(self.cyrus.stop)
        admin = self.connect(ADMIN)
        for user in (USER, "bron"):
            ok(admin.create(f"user/{user}"))
        self.imap = self.connect(USER)
        self.fill(self.imap)

    def connect(self, user: str) -> imaplib.IMAP4:
        """
        @return: an IMAP connection, until the end of the test.
        """
        connection = self.cyrus.connect(user)
        self.addCleanup(connection.logout)
        return connection

    def fill(self, imap: imaplib.IMAP4) -> None:
        """
        Make the account.
        """
        for name in ("Work", NESTED, DRAFTS, "Empty"):
            ok(imap.create(name))
        for name, message in (
            ("INBOX", mail(1)),
            ("INBOX", mail(2)),
            ("INBOX", mail(3)),
            ("INBOX", mail(4)),
            ("INBOX", mail(5)),
            ("Work", mail(6, references=1)),
            (DRAFTS, mail(7, references=1)),
        ):
            ok(imap.append(name, "", "", message))
        ok(imap.select("INBOX"))
        ok(imap.copy("1:2", NESTED))
        ok(imap.xatom("MOVE", "3", "Work"))
        ok(imap.store("4", "+FLAGS", r"(\Deleted)"))
        ok(imap.expunge())
        ok(imap.store("3", "+FLAGS", r"(\Deleted)"))
        ok(imap.unselect())

    def run_(self, user: str) -> tuple[int, str, str]:
        """
        Run the example as one does.

        @return: the exit status, and what it wrote.
        """
        with tempfile.NamedTemporaryFile("w") as password:
            password.write(f"{PASSWORD}\n")
            password.flush()
            arguments = ["--imap", self.cyrus.imapURL, "--user", user]
            arguments += ["--password-file", password.name, "--session-url", self.cyrus.sessionURL]
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
                status = self.compare.main(arguments)
        return status, out.getvalue(), errors.getvalue()

    def readJMAP(self, user: str = USER) -> Any:
        """
        @return: what JMAP shows.
        """
        credentials = self.compare.Credentials(user, PASSWORD)
        return self.compare.readJMAP(
            self.compare.JMAP(self.cyrus.sessionURL, credentials.authorization())
        )

    def named(self, view: Any, name: str) -> Any:
        """
        @return: the messages of a mailbox, by the name that IMAP gives it.
        """
        [mailbox] = [each for each in view.values() if each.name == name.strip('"')]
        return mailbox.emails

    def test_command(self) -> None:
        """
        The example as one runs it: everything is the same, although this server has no JMAPACCESS.
        """
        status, out, errors = self.run_(USER)
        self.assertEqual((status, errors), (0, ""), out)
        self.assertIn("JMAPACCESS is not advertised", out)
        self.assertIn("All identifiers of 5 mailboxes and 7 messages are the same.", out)

    def test_relations(self) -> None:
        """
        What was compared is what is there: the copies have the EMAILIDs of their originals, and
        the thread has one THREADID in three mailboxes (RFC 8474, sections 5.1 and 5.2).
        """
        view = self.compare.readIMAP(self.imap)
        inbox, work = self.named(view, "INBOX"), self.named(view, "Work")
        self.assertEqual(inbox, self.named(view, NESTED))
        self.assertEqual((len(inbox), len(work)), (2, 2))
        self.assertEqual(self.named(view, "Empty"), {})
        [thread] = self.named(view, DRAFTS).values()
        self.assertIn(thread, inbox.values())
        self.assertIn(thread, work.values())
        self.assertEqual(len({*inbox.values(), *work.values()}), 3)
        self.assertEqual(self.compare.differences(view, self.readJMAP()), [])

    def test_renamed(self) -> None:
        """
        RENAME keeps all identifiers (RFC 8474, section 4), and both sides still agree.
        """
        before = self.compare.readIMAP(self.imap)
        ok(self.imap.rename("Work", "Job"))
        after = self.compare.readIMAP(self.imap)
        self.assertEqual({i: m.emails for i, m in after.items()},
                         {i: m.emails for i, m in before.items()})  # fmt: skip
        self.assertEqual(self.named(after, "Job"), self.named(before, "Work"))
        self.assertEqual(self.compare.differences(after, self.readJMAP()), [])

    def test_changedMeanwhile(self) -> None:
        """
        What is on one side only is found: JMAP was read before a message was moved, a mailbox made
        and another one deleted.
        """
        jmap = self.readJMAP()
        before = self.compare.readIMAP(self.imap)
        ok(self.imap.select("INBOX"))
        [found] = ok(self.imap.fetch("1", "(EMAILID)"))
        emailID = self.compare._EMAILID.search(found).group(1).decode("ascii")
        ok(self.imap.xatom("MOVE", "1", "Empty"))
        ok(self.imap.create("New"))
        ok(self.imap.delete(DRAFTS))
        after = self.compare.readIMAP(self.imap)
        [made] = after.keys() - before.keys()
        [gone] = before.keys() - after.keys()
        drafts = before[gone].name
        self.assertEqual(
            sorted(self.compare.differences(after, jmap)),
            sorted(
                [
                    f"Empty: message {emailID} is not in JMAP",
                    f"INBOX: message {emailID} is not in IMAP",
                    f"mailbox New ({made}) is not in JMAP",
                    f"mailbox {jmap[gone].name} ({gone}) is not in IMAP",
                ]
            ),
        )
        self.assertEqual(drafts, DRAFTS.strip('"'))
        self.assertEqual(self.compare.differences(after, self.readJMAP()), [])

    def test_otherUser(self) -> None:
        """
        Two accounts have no mailbox in common.
        """
        imap, jmap = self.compare.readIMAP(self.imap), self.readJMAP("bron")
        found = self.compare.differences(imap, jmap)
        self.assertEqual(len(found), len(imap) + len(jmap))
        with redirect_stdout(io.StringIO()):
            self.assertEqual(self.compare._report(imap, jmap), 1)
