# -*- test-case-name: tests.maildir.test_account -*-
"""
The embedded store's accounts.
"""

from __future__ import annotations

import os
import shutil

from twisted.mail.imap4 import MailboxCollision, MailboxException, NoSuchMailbox
from twisted.mail.interfaces import IAccountIMAP, IMailboxIMAPInfo, INamespacePresenter
from zope.interface.verify import verifyObject

from tests.support.maildir import MaildirTestCase, contentOf, mail
from txjmapaccess.interfaces import IObjectIDAccount


class AccountTests(MaildirTestCase):
    """
    L{Account<txjmapaccess.maildir.account.Account>}.
    """

    def listed(self, account: object, pattern: str = "*", ref: str = "") -> dict[str, list[str]]:
        """
        @return: the attributes by name, without those about children.
        """
        lines = self.now(account.listMailboxes(ref, pattern))
        return {
            name: [f for f in info.getFlags() if not f.endswith("Children")] for name, info in lines
        }

    def test_interfaces(self) -> None:
        """
        The account is what Twisted's IMAP server and our own mixin expect.
        """
        account = self.account()
        for interface in (IAccountIMAP, INamespacePresenter, IObjectIDAccount):
            verifyObject(interface, account)
        [(_, info)] = self.now(account.listMailboxes("", "*"))
        verifyObject(IMailboxIMAPInfo, info)

    def test_firstLogin(self) -> None:
        """
        At the first login the user has a Maildir with an empty INBOX, for nobody else to read.
        """
        self.assertFalse(os.path.exists(self.path))
        account = self.account()
        self.assertEqual(self.listed(account), {"INBOX": []})
        self.assertEqual(self.open(account).getMessageCount(), 0)
        for sub in ("cur", "new", "tmp", ""):
            self.assertEqual(os.stat(self.file(sub)).st_mode & 0o777, 0o700)

    def test_usersAreSeparate(self) -> None:
        """
        Each user has a directory and an accountId of his own.
        """
        ada, bob = self.account("ada"), self.account("bob")
        self.append(ada, mail(1))
        self.assertEqual(self.open(bob).getMessageCount(), 0)
        self.assertNotEqual(ada.getAccountID(), bob.getAccountID())
        self.assertEqual(ada.getAccountID(), self.account("ada").getAccountID())

    def test_create(self) -> None:
        """
        CREATE makes the levels above too (RFC 3501, section 6.3.3); on disk it is Maildir++.
        """
        account = self.account()
        self.assertTrue(self.now(account.create("Work/2026/é.x")))
        self.assertEqual(
            self.listed(account), {"INBOX": [], "Work": [], "Work/2026": [], "Work/2026/é.x": []}
        )
        for sub in ("cur", "new", "tmp", "maildirfolder"):
            self.assertTrue(os.path.exists(self.file(".Work.2026.&AOk-&AC4-x", sub)))

    def test_createTwice(self) -> None:
        """
        A mailbox that is there, INBOX among them, cannot be made again.
        """
        account = self.account()
        self.now(account.create("Work"))
        for name in ("Work", "Work/", "inbox"):
            self.failureResultOf(account.create(name), MailboxCollision)

    def test_impossibleNames(self) -> None:
        """
        A name that no mailbox can have cannot be made, and is not there to be selected.
        """
        account = self.account()
        for name in ("", "a//b", "a\nb", "x" * 300):
            self.failureResultOf(account.create(name), MailboxException)
            self.assertIsNone(self.now(account.select(name)))

    def test_noOutside(self) -> None:
        """
        No mailbox name leads out of the user's directory.
        """
        account = self.account()
        self.account("bob")
        names = ("..", ".", "../bob", "../../etc")
        for name in names:
            self.assertIsNone(self.now(account.select(name)))
        for name in names:
            self.now(account.create(name))
        self.assertEqual(sorted(os.listdir(self.path)), ["ada", "bob"])
        self.assertEqual([n for n in os.listdir(self.file(user="bob")) if n[0] == "."], [])

    def test_delete(self) -> None:
        """
        DELETE takes the messages, and leaves the mailboxes below (RFC 3501, section 6.3.4).
        """
        account = self.account()
        self.now(account.create("Work/2026"))
        self.append(account, mail(1), "Work")
        self.now(account.delete("Work"))
        self.assertEqual(
            self.listed(account), {"INBOX": [], "Work": ["\\Noselect"], "Work/2026": []}
        )
        self.assertIsNone(self.now(account.select("Work")))
        self.failureResultOf(account.delete("Work"), MailboxException)
        self.assertEqual([n for n in os.listdir(self.file()) if n.startswith("..")], [])

    def test_deleteNothing(self) -> None:
        """
        INBOX cannot be deleted, and neither can what is not there.
        """
        account = self.account()
        self.failureResultOf(account.delete("Inbox"), MailboxException)
        self.failureResultOf(account.delete("Work"), NoSuchMailbox)

    def test_deletedIsNew(self) -> None:
        """
        A mailbox made again under an old name has another MAILBOXID (RFC 8474, section 4) and
        another UIDVALIDITY (RFC 3501, section 2.3.1.1).
        """
        account = self.account()
        seen = set()
        for _ in range(3):
            self.now(account.create("Work"))
            self.append(account, mail(1), "Work")
            mailbox = self.open(account, "Work")
            seen.add((mailbox.getMailboxID(), mailbox.getUIDValidity()))
            self.now(account.delete("Work"))
        self.assertEqual(len({i for i, _ in seen}), 3)
        self.assertEqual(len({v for _, v in seen}), 3)

    def test_rename(self) -> None:
        """
        RENAME takes messages and inferior mailboxes along (RFC 3501, section 6.3.5); MAILBOXIDs
        (RFC 8474, section 4), UIDs and all else stay.
        """
        account = self.account()
        self.now(account.create("Work/2026"))
        self.append(account, mail(1), "Work/2026", ["\\Flagged", "k"])
        before = self.open(account, "Work/2026")
        self.now(account.rename("Work", "Old/Job"))
        self.assertEqual(
            self.listed(account), {"INBOX": [], "Old": [], "Old/Job": [], "Old/Job/2026": []}
        )
        for user in (account, self.account()):
            after = self.open(user, "Old/Job/2026")
            self.assertEqual(after.getMailboxID(), before.getMailboxID())
            self.assertEqual(after.getUIDValidity(), before.getUIDValidity())
            self.assertEqual(self.flags(after), {1: ["\\Flagged", "k"]})

    def test_renameWhileOpen(self) -> None:
        """
        A session that has the mailbox open goes on reading it.
        """
        account = self.account()
        self.now(account.create("Work"))
        self.append(account, mail(1), "Work")
        mailbox = self.open(account, "Work")
        [message] = self.messages(mailbox)
        self.now(account.rename("Work", "Job"))
        self.assertEqual(contentOf(message), mail(1))
        self.now(mailbox.poll())

    def test_renameConflicts(self) -> None:
        """
        RENAME refuses names that are taken, what is not there, and a mailbox below itself.
        """
        account = self.account()
        for name in ("a/b", "c", "d/b"):
            self.now(account.create(name))
        self.failureResultOf(account.rename("a", "c"), MailboxCollision)
        self.failureResultOf(account.rename("a", "d"), MailboxCollision)
        self.failureResultOf(account.rename("a", "INBOX"), MailboxCollision)
        self.failureResultOf(account.rename("nothing", "e"), NoSuchMailbox)
        self.failureResultOf(account.rename("a", "a/x"), MailboxException)
        self.assertEqual(set(self.listed(account)), {"INBOX", "a", "a/b", "c", "d", "d/b"})

    def test_renameInbox(self) -> None:
        """
        RENAME of INBOX moves its messages to a new mailbox (RFC 3501, section 6.3.5), with their
        flags and EMAILIDs; INBOX stays, with its MAILBOXID, and its inferiors stay too.
        """
        account = self.account()
        self.now(account.create("INBOX/Sub"))
        self.append(account, mail(1), flags=["\\Seen", "k"])
        inbox = self.open(account)
        [message] = self.messages(inbox)
        self.now(account.rename("INBOX", "Old"))
        self.assertEqual(set(self.listed(account)), {"INBOX", "INBOX/Sub", "Old"})
        old = self.open(account, "Old")
        self.assertEqual(self.flags(old), {1: ["\\Seen", "k"]})
        self.assertEqual(self.messages(old)[0].getEmailID(), message.getEmailID())
        self.assertEqual(self.open(account).getMessageCount(), 0)
        self.assertEqual(self.open(account).getMailboxID(), inbox.getMailboxID())
        self.assertNotEqual(old.getMailboxID(), inbox.getMailboxID())

    def test_foreignDirectories(self) -> None:
        """
        Mailboxes that other programs made are there; other things are not mailboxes; levels that
        only have mailboxes below them are \\Noselect.
        """
        account = self.account()
        for directory in (".a.b", ".&AGE-", "..trash", "plain"):
            os.makedirs(self.file(directory, "cur"))
            os.makedirs(self.file(directory, "new"))
        os.makedirs(self.file(".empty"))
        self.assertEqual(self.listed(account), {"INBOX": [], "a": ["\\Noselect"], "a/b": []})
        self.assertEqual(self.open(account, "a/b").getMessageCount(), 0)

    def test_foreignRename(self) -> None:
        """
        A directory that another program, or we before we were killed, renamed is the same mailbox.
        """
        account = self.account()
        self.now(account.create("Work"))
        self.append(account, mail(1), "Work", ["k"])
        before = self.open(account, "Work")
        os.rename(self.file(".Work"), self.file(".Job"))
        after = self.open(account, "Job")
        self.assertEqual(after.getMailboxID(), before.getMailboxID())
        self.assertEqual(after.getUIDValidity(), before.getUIDValidity())
        self.assertEqual(self.flags(after), {1: ["k"]})

    def test_foreignCopy(self) -> None:
        """
        A copy of a mailbox's directory is another mailbox.
        """
        account = self.account()
        self.now(account.create("Work"))
        self.append(account, mail(1), "Work")
        before = self.open(account, "Work")
        shutil.copytree(self.file(".Work"), self.file(".Copy"))
        copy = self.open(account, "Copy")
        self.assertNotEqual(copy.getMailboxID(), before.getMailboxID())
        self.assertNotEqual(copy.getUIDValidity(), before.getUIDValidity())
        self.assertEqual(copy.getMessageCount(), 1)
        self.assertEqual(self.open(account, "Work").getMailboxID(), before.getMailboxID())

    def test_foreignReplacement(self) -> None:
        """
        A directory that another program removed and made again is another mailbox.
        """
        account = self.account()
        self.now(account.create("Work"))
        before = self.open(account, "Work")
        shutil.rmtree(self.file(".Work"))
        for sub in ("cur", "new", "tmp"):
            os.makedirs(self.file(".Work", sub))
        after = self.open(account, "Work")
        self.assertNotEqual(after.getMailboxID(), before.getMailboxID())
        self.assertGreater(after.getUIDValidity(), before.getUIDValidity())

    def test_list(self) -> None:
        """
        LIST's wildcards (RFC 3501, section 6.3.8), with and without a reference.
        """
        account = self.account()
        self.now(account.create("a/b/c"))
        self.assertEqual(set(self.listed(account, "%")), {"INBOX", "a"})
        self.assertEqual(set(self.listed(account, "%", "a/")), {"a/b"})
        self.assertEqual(set(self.listed(account, "a*")), {"a", "a/b", "a/b/c"})
        self.assertEqual(set(self.listed(account, "inbox")), {"INBOX"})

    def test_children(self) -> None:
        """
        LIST says which mailboxes have others below them (RFC 3348).
        """
        account = self.account()
        self.now(account.create("a/b"))
        flags = {n: i.getFlags() for n, i in self.now(account.listMailboxes("", "*"))}
        self.assertEqual(flags["a"], ["\\HasChildren"])
        self.assertEqual(flags["a/b"], ["\\HasNoChildren"])

    def test_subscriptions(self) -> None:
        """
        Subscriptions stay over restarts, also those of mailboxes that are gone (RFC 3501, section
        6.3.6), in a file as Dovecot has it.
        """
        account = self.account()
        for name in ("inbox", "Work/é.x", "gone"):
            self.now(account.subscribe(name))
        self.now(account.unsubscribe("gone"))
        self.now(account.unsubscribe("never"))
        for each in (account, self.account()):
            self.assertTrue(each.isSubscribed("INBOX"))
            self.assertTrue(each.isSubscribed("Work/é.x"))
            self.assertFalse(each.isSubscribed("gone"))
        with open(self.file("subscriptions"), "rb") as file:
            self.assertEqual(file.read(), b"INBOX\nWork.&AOk-&AC4-x\n")

    def test_dovecotSubscriptions(self) -> None:
        """
        Dovecot's newer form of the file is understood too.
        """
        account = self.account()
        with open(self.file("subscriptions"), "wb") as file:
            file.write(b"V\t2\n\nINBOX\nWork\t2026\n")
        self.now(account.listMailboxes("", "*"))
        self.assertTrue(account.isSubscribed("Work/2026"))
        self.assertTrue(account.isSubscribed("INBOX"))

    def test_killedDelete(self) -> None:
        """
        What a DELETE left over when it was killed goes at the next login.
        """
        self.account()
        os.makedirs(self.file("..txjmapaccess-F1", "cur"))
        self.account()
        self.assertFalse(os.path.exists(self.file("..txjmapaccess-F1")))
