# -*- test-case-name: tests.maildir.test_realm -*-
"""
The embedded store: Maildir++ on disk, as Dovecot and Courier lay it out, with an SQLite index
beside it for UIDs, keywords and object identifiers.

Who calls whom::

    reactor thread      realm -> account -> mailbox -> message
                                  |  (jobqueue: one job of an account at a time)
    worker threads      accountdirectory -> mailboxstate -> indexfile (SQLite), maildirfiles

The modules of the first line leave work on the disk to the second; those of the second know nothing
of Deferreds.

What is where, and what a crash or another program can do to it:

  - Flags are in the file names, as in every Maildir: any program may change them.
  - The index gives each file its UID, keywords and identifiers. A file that is not in the index is
    new; the index forgets a file that is no longer on disk. So the index may always be behind.
  - MAILBOXID is in a file in the mailbox's directory too, so that it moves with the directory.
  - We change everything within one write transaction of the index: processes that have the same
    account open take turns.
"""

from txjmapaccess.maildir.realm import MaildirRealm

__all__ = ["MaildirRealm"]
