# -*- test-case-name: tests.integration.test_maildir_large -*-
"""
20,000 messages: nobody else waits, and what the index knows is not read.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import LoopingCall, deferLater
from twisted.mail.imap4 import MessageSet
from twisted.mail.interfaces import IAccountIMAP

from tests.support.coroutines import AsyncTestCase
from tests.support.maildir import Listener
from tests.support.maildir_server import Shutdown
from txjmapaccess.maildir import MaildirRealm

MANY = 20_000
LONGEST = 0.05


class Latency:
    """
    Notes how long the reactor was held, in seconds: of the clock on the wall, or of the processor
    time of the reactor's thread where that is less, since other programs may have the processor.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._wall, self._own = time.perf_counter(), time.thread_time()

    def tick(self) -> None:
        """
        To be called in every millisecond.
        """
        wall, own = time.perf_counter(), time.thread_time()
        self.longest = max(self.longest, min(wall - self._wall, own - self._own))
        self._wall, self._own = wall, own


class ManyMessagesTests(AsyncTestCase):
    """
    An INBOX of 20,000 messages that another program has delivered.
    """

    timeout = 300

    def setUp(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        self.path = os.path.join(directory, "accounts")
        self.inbox = inbox = os.path.join(self.path, "ada")
        for sub in ("new", "tmp", "cur"):
            os.makedirs(os.path.join(inbox, sub))
        for n in range(MANY):
            with open(os.path.join(inbox, "cur", f"{1600000000 + n}.M{n}P1.host:2,S"), "wb") as f:
                f.write(b"Message-ID: <%d@x>\nReferences: <%d@x>\n\nbody\n" % (n, n // 5))

        self.waited: list[str] = []
        self.watch(os, "listdir")
        self.watch(os, "fsync")
        self.watch(sqlite3, "connect")

    def watch(self, module: Any, name: str) -> None:
        """
        Note when a function is called in the reactor's thread.
        """
        original = getattr(module, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                self.waited.append(name)
            return original(*args, **kwargs)

        self.patch(module, name, call)

    def tearDown(self) -> None:
        self.assertEqual(self.waited, [], "the reactor waited for the disk")

    async def account(self) -> Any:
        """
        @return: an account as a process that has just started has it.
        """
        realm = MaildirRealm(self.path, Shutdown(self))
        return (await realm.requestAvatar("ada", None, IAccountIMAP))[1]

    async def watched(self, job: Callable[[], Any]) -> Any:
        """
        @return: what a Deferred of C{job} fires with; meanwhile nobody else has waited too long:
            the best of three counts.
        """
        longest = []
        for _ in range(3):
            latency = Latency()
            ticking = LoopingCall(latency.tick)
            ticking.start(0.001)
            result = await job()
            await deferLater(reactor, 0.005)
            ticking.stop()
            longest.append(latency.longest)
            if latency.longest < LONGEST:
                return result
        self.fail(f"The reactor was held for {longest} seconds")

    async def select(self) -> Any:
        """
        @return: the INBOX, selected in such a process.
        """
        return await (await self.account()).select("INBOX", True)

    async def test_read(self) -> None:
        """
        The first SELECT ever, the first one after a restart, a poll that finds a new message, FETCH
        1:* (UID EMAILID THREADID), which reads no message (they are empty by then), and SEARCH of
        an identifier, which asks the index.
        """

        async def selectFirst() -> Any:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.inbox, "txjmapaccess.sqlite"))
            return await self.select()

        async def deliverAndPoll() -> None:
            with open(os.path.join(self.inbox, "new", f"1.{next(numbers)}"), "wb"):
                pass
            await mailbox.poll()

        async def fetch() -> list[tuple[int, str, str]]:
            return [
                (m.getUID(), m.getEmailID(), m.getThreadID())
                for _, m in mailbox.fetch(MessageSet(1, MANY), False)
            ]

        mailbox = await self.watched(selectFirst)
        self.assertEqual(mailbox.getMessageCount(), MANY)
        mailbox = await self.watched(self.select)
        self.assertEqual(mailbox.getMessageCount(), MANY)
        listener, numbers = Listener(), iter(range(9))
        mailbox.addListener(listener)
        await self.watched(deliverAndPoll)
        self.assertEqual(listener.told[0], ("new", MANY + 1, 1))
        for path in glob.glob(os.path.join(self.inbox, "cur", "*")):
            os.truncate(path, 0)
        found = await self.watched(fetch)
        self.assertEqual(len({email for _, email, _ in found}), MANY)
        self.assertEqual(len({thread for _, _, thread in found}), MANY // 5)
        uid, email, thread = found[777]
        self.assertEqual(await self.watched(lambda: mailbox.searchEmailID(email)), [uid])
        self.assertEqual(len(await self.watched(lambda: mailbox.searchThreadID(thread))), 5)

    async def test_change(self) -> None:
        """
        APPEND, which does not list the directory for each message, STORE and EXPUNGE of all.
        """
        account = await self.account()
        mailbox = await account.select("INBOX", True)

        async def append() -> None:
            for _ in range(20):
                await (await account.select("INBOX")).addMessage(b"Subject: x\r\n\r\n", [])

        listed = []
        listdir = os.listdir
        self.patch(os, "listdir", lambda path: listed.append(path) or listdir(path))
        await self.watched(append)
        self.assertLess(len(listed), 20)
        every = MessageSet(1, MANY)
        changed = await self.watched(lambda: mailbox.store(every, ["\\Flagged"], 0, False))
        self.assertEqual(len(changed), MANY)
        await mailbox.store(every, ["\\Deleted"], 1, False)
        await self.watched(mailbox.expunge)
        self.assertEqual(mailbox.getMessageCount(), 0)
