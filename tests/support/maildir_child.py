# -*- test-case-name: tests.integration.test_maildir_processes -*-
"""
A process that works on an account of the embedded store, and prints what it was told is done.

    python -m tests.support.maildir_child WORK PATH NAME

WORK is C{everything} (until it is killed) or C{append} (forty messages, and a keyword on each).
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

from twisted.mail.imap4 import MessageSet
from twisted.mail.interfaces import IAccountIMAP

from tests.support.maildir import Here, mail
from txjmapaccess.maildir import MaildirRealm


def now(deferred: Any) -> Any:
    """
    @return: the result of a Deferred that has one.
    """
    results: list[Any] = []
    deferred.addCallback(results.append)
    deferred.addErrback(lambda failure: failure.raiseException())
    return results[0]


def say(*words: object) -> None:
    """
    Print a line at once: what it says has been acknowledged.
    """
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def everything(account: Any, name: str) -> None:
    """
    Append, flag, copy, rename and expunge without an end.
    """
    mailboxes = [f"{name}-0", f"{name}-1"]
    for number in itertools.count():
        unique = f"{name}{number}"
        uid = now(now(account.select("INBOX")).addMessage(mail(unique), ["\\Seen"]))
        inbox = now(account.select("INBOX", True))
        [(_, message)] = inbox.fetch(MessageSet(uid), True)
        say("append", unique, uid, message.getEmailID())
        now(inbox.store(MessageSet(uid), ["\\Flagged", unique], 1, True))
        say("store", unique)
        if number == 0:
            now(account.create(mailboxes[0]))
        target = now(account.select(mailboxes[0]))
        now(target.copy(message))
        say("copy", unique, target.getMailboxID())
        if number % 3 == 2:
            now(account.rename(*mailboxes))
            mailboxes.reverse()
            say("rename", mailboxes[0])
        if number % 4 == 3:
            say("expunging", unique)
            now(inbox.store(MessageSet(uid), ["\\Deleted"], 1, True))
            now(inbox.expunge([uid]))
            say("expunged", unique)


def append(account: Any, name: str) -> None:
    """
    Append forty messages, each with a keyword.
    """
    for number in range(40):
        inbox = now(account.select("INBOX", True))
        uid = now(inbox.addMessage(mail(f"{name}{number}"), []))
        now(inbox.poll())
        now(inbox.store(MessageSet(uid), [f"{name}{number}"], 1, True))
        [(_, message)] = inbox.fetch(MessageSet(uid), True)
        say("append", f"{name}{number}", uid, message.getEmailID())


def main(work: str, path: str, name: str) -> None:
    """
    Run.
    """
    realm = MaildirRealm(path, Here(), Here())
    _, account, _ = now(realm.requestAvatar("ada", None, IAccountIMAP))
    {"everything": everything, "append": append}[work](account, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
