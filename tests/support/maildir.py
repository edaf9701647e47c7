"""
The embedded store without threads, and a session that listens to a mailbox.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import MessageSet
from twisted.mail.interfaces import IAccountIMAP
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.maildir.realm import MaildirRealm


class Here:
    """
    A reactor and a thread pool in one: every job runs at once, in the caller's thread.
    """

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)

    def callInThreadWithCallback(self, onResult: Any, job: Any, *args: Any, **kwargs: Any) -> None:
        try:
            result = job(*args, **kwargs)
        except BaseException:
            onResult(False, Failure())
        else:
            onResult(True, result)


class Listener:
    """
    What a session is told, in order.
    """

    def __init__(self) -> None:
        self.told: list[Any] = []

    def modeChanged(self, writeable: bool) -> None:
        self.told.append(("mode", writeable))

    def messagesExpunged(self, seqs: list[int]) -> None:
        self.told.append(("expunged", seqs))

    def flagsChanged(self, newFlags: dict[int, list[str]]) -> None:
        self.told.append(("flags", {seq: sorted(flags) for seq, flags in newFlags.items()}))

    def newMessages(self, exists: int, recent: int) -> None:
        self.told.append(("new", exists, recent))


def mail(number: int, more: str = "") -> bytes:
    """
    @return: a message with CRLF line ends.
    """
    header = f"Message-ID: <{number}@example.com>\r\nSubject: number {number}\r\n{more}"
    return f"{header}\r\nThis is number {number}.\r\n".encode()


def contentOf(message: Any) -> bytes:
    """
    @return: all of a message, as IMAP sends it.
    """
    with message.open() as file:
        return file.read()


def everything() -> MessageSet:
    """
    @return: C{1:*}.
    """
    return MessageSet(1, None)


class MaildirTestCase(SynchronousTestCase):
    """
    @ivar path: the realm's directory.
    """

    def setUp(self) -> None:
        self.path = os.path.join(tempfile.mkdtemp(), "accounts")
        self.addCleanup(shutil.rmtree, os.path.dirname(self.path))

    def account(self, user: str = "ada") -> Any:
        """
        @return: an account as a process that has just started has it.
        """
        realm = MaildirRealm(self.path, Here(), Here())
        _, account, _ = self.now(realm.requestAvatar(user, None, IAccountIMAP))
        return account

    def now(self, deferred: Deferred[Any]) -> Any:
        """
        @return: its result, which is there.
        """
        return self.successResultOf(deferred)

    def open(self, account: Any, name: str = "INBOX", rw: bool = True) -> Any:
        """
        @return: a mailbox that is there.
        """
        mailbox = self.now(account.select(name, rw))
        self.assertIsNotNone(mailbox, name)
        return mailbox

    def append(self, account: Any, message: bytes, name: str = "INBOX", flags: Any = ()) -> int:
        """
        @return: the new message's UID.
        """
        return self.now(self.now(account.select(name)).addMessage(message, flags))

    def messages(self, mailbox: Any) -> list[Any]:
        """
        @return: all of its messages.
        """
        return [message for _, message in mailbox.fetch(everything(), uid=False)]

    def flags(self, mailbox: Any) -> dict[int, list[str]]:
        """
        @return: the flags of all of its messages but \\Recent, by UID.
        """
        return {
            m.getUID(): sorted(set(m.getFlags()) - {"\\Recent"}) for m in self.messages(mailbox)
        }

    def file(self, *names: str, user: str = "ada") -> str:
        """
        @return: a path in the user's directory.
        """
        return os.path.join(self.path, user, *names)

    def deliver(self, name: str, content: bytes, directory: str = "") -> None:
        """
        Do what a delivery agent does.
        """
        with open(self.file(directory, "tmp", name), "wb") as file:
            file.write(content)
        os.rename(self.file(directory, "tmp", name), self.file(directory, "new", name))
