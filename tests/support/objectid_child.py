# -*- test-case-name: tests.integration.test_objectid_killed -*-
"""
A server with an L{txjmapaccess.objectid.ObjectIDIndex} over a store on disk that knows nothing of
identifiers, and a client that works and prints every identifier that it is told, until the process
kills itself: at a random moment between two things that it puts on disk. Then another one goes on.

    python -m tests.support.objectid_child DIRECTORY LIVES
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.objectid.test_rfc8474 import TheirAccount, TheirMailbox
from tests.support.identifiers import Client, InlineIndex, found, mail
from tests.support.mail import Session

NAMES = ("a", "b", "a/x", "c")


class Deadly:
    """
    Something that kills the process after a while.

    @param steps: after how many steps, or 0 for never.
    """

    def __init__(self, steps: int = 0) -> None:
        self._steps = steps

    def step(self) -> None:
        """
        One step.
        """
        self._steps -= 1
        if self._steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyIndex(InlineIndex):
    """
    An index that takes a step with each of its jobs that changes something.
    """

    deadly: Deadly

    def run(self, job: Callable[..., Any], *args: Any) -> Any:
        if not job.__name__.startswith("find"):
            self.deadly.step()
        return super().run(job, *args)


class DiskMailbox(TheirMailbox):
    """
    A mailbox on disk. What it is cannot be seen in its name or UIDVALIDITY.

    @ivar token: what it is.
    @ivar save: puts the whole store on disk.
    """

    save: Callable[[], None]

    def __init__(self, slow: Any = None) -> None:
        super().__init__(slow)
        self.token = os.urandom(8).hex()

    def put(self, *args: Any, **keywords: Any) -> Any:
        message = super().put(*args, **keywords)
        self.save()
        return message

    def _expunge(self) -> Any:
        expunged = super()._expunge()
        self.save()
        return expunged


class DiskAccount(TheirAccount):
    """
    An account on disk: what has been done stays done.
    """

    mailboxFactory = DiskMailbox

    def __init__(self, path: str, deadly: Deadly) -> None:
        self.path = path
        self.deadly = deadly
        self.mailboxes: dict[str, Any] = {}
        super().__init__()
        if os.path.exists(path):
            self._load()
        self.save()

    def add(self, name: str, mailbox: Any = None) -> Any:
        added = super().add(name, mailbox)
        added.save = self.save
        return added

    def _load(self) -> None:
        with open(self.path, "rb") as file:
            stored = pickle.load(file)
        self.mailboxes.clear()
        for name, (token, uidNext, messages) in stored.items():
            mailbox = self.add(name)
            mailbox.token, mailbox.save = token, lambda: None
            for uid, octets, flags, date in messages:
                mailbox.uidNext = uid
                mailbox.put(octets, flags, date=date)
            mailbox.uidNext, mailbox.save = uidNext, self.save

    def save(self) -> None:
        """
        Put it on disk, all at once.
        """
        state = {
            name: (
                mailbox.token,
                mailbox.uidNext,
                [(m.uid, m.octets, m.flags, m.date) for m in mailbox.messages],
            )
            for name, mailbox in self.mailboxes.items()
        }
        with open(self.path + ".new", "wb") as file:
            pickle.dump(state, file)
        self.deadly.step()
        os.replace(self.path + ".new", self.path)
        self.deadly.step()

    def _create(self, name: str) -> Any:
        created = super()._create(name)
        self.save()
        return created

    def _delete(self, name: str) -> None:
        super()._delete(name)
        self.save()

    def _rename(self, old: str, new: str) -> None:
        super()._rename(old, new)
        self.save()


def login(directory: str, steps: int = 0) -> tuple[DiskAccount, Client]:
    """
    @return: the account, and a client of a server that has just been started.
    """
    deadly = Deadly(steps)
    account = DiskAccount(os.path.join(directory, "store"), deadly)
    index = DeadlyIndex(os.path.join(directory, "index"))
    index.deadly = deadly
    return account, Client(Session(lambda name: account, objectIDs=index))


def told(account: DiskAccount, client: Client) -> Iterator[tuple[str, ...]]:
    """
    @return: for each mailbox, C{("box", token, MAILBOXID)}; for each message, C{("mail", token of
        the mailbox, UID, EMAILID, hash of the content)}.
    """
    for name, mailbox in sorted(account.mailboxes.items()):
        yield "box", mailbox.token, client.open(name.encode())
        emails = found(client.send(b"FETCH 1:* EMAILID"), b"EMAILID")
        assert len(emails) == len(mailbox.messages)
        for message, email in zip(mailbox.messages, emails, strict=True):
            yield "mail", mailbox.token, str(message.uid), email, message.octets.hex()


def work(account: DiskAccount, client: Client, chance: random.Random) -> None:
    """
    One command, which may be refused.
    """
    one, other = chance.choice(NAMES).encode(), chance.choice(NAMES).encode()
    command = chance.choice((b"CREATE", b"CREATE", b"DELETE", b"RENAME", b"COPY", b"APPEND"))
    if command == b"APPEND":
        if len(account.mailboxes["INBOX"].messages) < 4:
            client.append(b"INBOX", mail(chance.randrange(5)))
    elif command == b"COPY":
        source = chance.choice(sorted(account.mailboxes))
        client.send(b'SELECT "%b"' % source.encode())
        client.send(b"COPY 1:2 " + one)
    elif command == b"RENAME":
        client.send(b"RENAME %b %b" % (one, other))
    else:
        client.send(command + b" " + one)


def live(directory: str, chance: random.Random) -> None:
    """
    Run until we are killed.
    """
    account, client = login(directory, chance.randrange(5, 60))
    while True:
        # Often several commands before anybody looks.
        for _ in range(chance.randrange(6)):
            work(account, client, chance)
        for words in told(account, client):
            os.write(1, (" ".join(words) + "\n").encode())


def main(directory: str, lives: str) -> None:
    """
    Run again and again.
    """
    for life in range(int(lives)):
        if os.fork() == 0:
            try:
                live(directory, random.Random(f"{directory}{life}"))
            finally:
                os._exit(1)  # Killed, one does not come here.
        _, status = os.wait()
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit(f"life {life} ended badly")


if __name__ == "__main__":
    main(*sys.argv[1:])
