# -*- test-case-name: tests.integration.test_objectid_concurrent -*-
"""
Several sessions at once, each with an L{ObjectIDIndex} of its own over the same files, as processes
have, and with real threads; on a store that takes its time.
"""

from __future__ import annotations

import contextlib
import random
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.mail.imap4 import MailboxException, MessageSet

from tests.objectid.test_rfc8474 import TheirAccount
from tests.support.coroutines import AsyncTestCase
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.indexedidentifiers import IndexedIdentifiers
from txjmapaccess.pacing import Turns
from txjmapaccess.store.objectids import MailboxForgotten
from txjmapaccess.store.openaccount import OpenAccount

NAMES = ("a", "b", "a/x", "c")


class Worker:
    """
    A session that makes, deletes, renames and copies, and looks.

    @param case: the test.
    """

    def __init__(self, case: ConcurrentTests, path: str, seed: int) -> None:
        self._case = case
        self._chance = random.Random(seed)
        self.account = case.account
        index = ObjectIDIndex(path)
        case.addCleanup(index.close)
        opened = OpenAccount(self.account, None, self._turns)
        self._identifiers = IndexedIdentifiers(
            opened, AccountIndex(index.fileOf("arnt")), index.run
        )

    def _turns(self) -> Turns:
        return Turns(time.monotonic, reactor.callLater)  # type: ignore[attr-defined]

    async def _pause(self) -> None:
        await deferLater(reactor, self._chance.random() / 200)  # type: ignore[arg-type]

    async def change(self) -> None:
        """
        One change, which may be refused.
        """
        one, other = self._chance.choice(NAMES), self._chance.choice(NAMES)
        what = self._chance.choice(("creating", "creating", "deleting", "renaming", "copying"))
        if what == "copying":
            await self._copy(one)
            return
        names = (one, other) if what == "renaming" else (one,)
        method = {
            "creating": self.account._create,
            "deleting": self.account._delete,
            "renaming": self.account._rename,
        }[what]
        change = await getattr(self._identifiers, what)(*names)
        try:
            await self._pause()
            method(*names)
            await self._pause()
        except MailboxException:
            await change.refused()
        else:
            await change.done()

    async def _copy(self, name: str) -> None:
        inbox, target = self.account.mailboxes["INBOX"], self.account.mailboxes.get(name)
        if target is None:
            return
        await self._identifiers.mailboxID("INBOX", inbox)
        originals = inbox.messages[:2]
        change = await self._identifiers.copying(
            inbox, originals, name, target, target.getUIDNext()
        )
        if self.account.mailboxes.get(name) is not target:
            await change.refused()  # Renamed meanwhile, as in look.
            return
        uids = [target.copy(message) for message in originals]
        await self._pause()
        await change.done(uids)
        if name in self.account.mailboxes and self.account.mailboxes[name] is target:
            for uid, message in zip(uids, originals, strict=True):
                self._case.sources[target, uid] = message

    async def look(self) -> None:
        """
        Ask for the identifiers of one mailbox and its messages.
        """
        name = self._chance.choice(sorted(self.account.mailboxes))
        mailbox = self.account.mailboxes[name]
        mailboxID = await self._identifiers.mailboxID(name, mailbox)
        if self.account.mailboxes.get(name) is not mailbox:
            # Renamed meanwhile. When another one has the name, nothing in this store tells the two
            # apart, not even UIDVALIDITY.
            return
        self._case.check(mailbox, mailboxID)
        chosen = [message for _, message in mailbox.fetch(MessageSet(1, None), 0)]
        ids = await self._identifiers.messageIDs(mailbox, chosen)
        for message, (email, _) in zip(chosen, ids, strict=True):
            self._case.checkMessage(mailbox, message, email)

    async def work(self) -> None:
        """
        Change and look for a while.
        """
        for _ in range(25):
            with contextlib.suppress(MailboxForgotten):  # Deleted by another one meanwhile.
                await self.change()
                await self.look()


class ConcurrentTests(AsyncTestCase):
    """
    Identifiers never change, and never belong to two.
    """

    timeout = 300

    def setUp(self) -> None:
        self.account = TheirAccount()
        for number in range(2):
            self.account.mailboxes["INBOX"].put(b"Message-ID: <%d@x>\r\n\r\n" % number)
        self.told: dict[Any, str] = {}
        self.emails: dict[Any, object] = {}
        self.sources: dict[Any, Any] = {}

    def check(self, mailbox: Any, mailboxID: str) -> None:
        """
        A MAILBOXID is what it was.
        """
        self.assertEqual(self.told.setdefault(mailbox, mailboxID), mailboxID)

    def checkMessage(self, mailbox: Any, message: Any, email: object) -> None:
        """
        So is an EMAILID.
        """
        key = mailbox, message.uid
        self.assertEqual(self.emails.setdefault(key, email), email)

    async def test_manyAtOnce(self) -> None:
        """
        Six sessions, each as if in a process of its own.
        """
        path = self.mktemp()
        workers = [Worker(self, path, seed) for seed in range(6)]
        await gatherResults([Deferred.fromCoroutine(worker.work()) for worker in workers])
        self.assertEqual(len(set(self.told.values())), len(self.told))
        self.assertGreater(len(self.told), 5)
        inbox = self.account.mailboxes["INBOX"]
        copies = [key for key in self.sources if key in self.emails]
        self.assertTrue(copies)
        for key in copies:
            source = self.sources[key]
            self.assertEqual(self.emails[key], self.emails[inbox, source.uid])
