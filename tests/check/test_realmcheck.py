# -*- test-case-name: tests.check.test_realmcheck -*-
"""
The mail directory, as C{txjmapaccess check} sees it.
"""

from __future__ import annotations

import os
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.support.check import directory, lines
from txjmapaccess.check.realmcheck import checkRealm


class RealmTests(SynchronousTestCase):
    """
    L{checkRealm}.
    """

    def setUp(self) -> None:
        self.patch(os, "geteuid", lambda: 1000)

    def check(self, description: str) -> str:
        """
        @return: the line about a realm.
        """
        findings, _ = checkRealm(description)
        [line] = lines(findings)
        return line

    def test_writable(self) -> None:
        """
        A directory in which a file can be made is well, and is left as it was.
        """
        path = directory(self)
        self.assertEqual(
            self.check(f"maildir:{path}"),
            f"ok       [imap] realm maildir:{path}: it is writable",
        )
        self.assertEqual(os.listdir(path), [])

    def test_notYet(self) -> None:
        """
        A directory that is not there is not made.
        """
        path = os.path.join(directory(self), "accounts")
        self.assertIn("it will be created at the first login", self.check(f"maildir:{path}"))
        self.assertFalse(os.path.exists(path))

    def test_full(self) -> None:
        """
        A directory where the system lets no file be made is wrong, whatever its permissions say.
        """

        def full(**keywords: object) -> object:
            raise OSError(28, "No space left on device")

        self.patch(tempfile, "TemporaryFile", full)
        line = self.check(f"maildir:{directory(self)}")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("(No space left on device); give the user of the service write access", line)

    def test_root(self) -> None:
        """
        Root is told that it proves nothing.
        """
        self.patch(os, "geteuid", lambda: 0)
        line = self.check(f"maildir:{directory(self)}")
        self.assertTrue(line.startswith("warning  "), line)
        self.assertIn("; run the check as that user", line)

    def test_impossible(self) -> None:
        """
        What the service would not start with is wrong, and there is no realm.
        """
        for description, words in (
            ("maildir:/nowhere/at/all", "/nowhere/at does not exist or is not a directory"),
            (f"maildir:{os.path.abspath(__file__)}", "is not a directory"),
            ("python:nosuchmodule.realm", "nosuchmodule cannot be imported"),
            ("mbox:/var/mail", "unknown realm 'mbox'"),
        ):
            findings, found = checkRealm(description)
            [line] = lines(findings)
            self.assertTrue(line.startswith(f"WRONG    [imap] realm {description}: "), line)
            self.assertIn(words, line)
            self.assertIsNone(found)

    def test_other(self) -> None:
        """
        A realm that somebody else wrote is made, and no more.
        """
        findings, found = checkRealm("python:tests.check.test_realmcheck.realm")
        self.assertEqual(
            lines(findings),
            ["ok       [imap] realm python:tests.check.test_realmcheck.realm: it can be created"],
        )
        self.assertIsNotNone(found)


def realm() -> object:
    """
    @return: a realm.
    """
    from tests.support.imap import RecordingRealm

    return RecordingRealm()
