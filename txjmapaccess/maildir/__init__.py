# -*- test-case-name: tests.maildir.test_realm -*-
"""
The embedded store: Maildir++ on disk, as Dovecot and Courier lay it out, with an SQLite index
beside it for UIDs, keywords and object identifiers.

Who calls whom::

    reactor thread      realm -> account -> mailbox -> message
                                  |  (worker: one job of an account at a time)
    worker threads      store -> folder -> index (SQLite), files (Maildir), content

The modules of the first line never wait for a disk that they can leave to the second; those of
the second know nothing of Deferreds. L{names}, L{identifiers} and L{headers} are pure.

What is where, and what a crash or another program can do to it:

  - Flags are in the file names, as everywhere in Maildir: any program may change them.
  - The index gives each file its UID, keywords and identifiers. A file that the index does not
    have is new; one that is gone from disk is forgotten. So the index may always be behind.
  - MAILBOXID is in a file in the mailbox's directory too, so that it moves with the directory.
  - Everything that we change, we change inside one write transaction of the index: processes
    that have the same account open take turns.
"""

from txjmapaccess.maildir.realm import MaildirRealm

__all__ = ["MaildirRealm"]
