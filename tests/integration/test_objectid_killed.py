# -*- test-case-name: tests.integration.test_objectid_killed -*-
"""
C{kill -9} of a server with an L{txjmapaccess.objectid.ObjectIDIndex}, at any moment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

from twisted.trial.unittest import TestCase

from tests.support.twistd import environment


class KilledTests(TestCase):
    """
    Identifiers never change once they have been told, are never used again, and never belong to
    two (RFC 8474, sections 4 and 5.1).
    """

    def setUp(self) -> None:
        self.boxes: dict[str, str] = {}
        self.mails: dict[tuple[str, str], str] = {}
        self.contents: dict[str, str] = {}

    def check(self, words: list[str]) -> None:
        """
        What was told fits what was told before.
        """
        if words[0] == "box":
            _, token, mailboxID = words
            self.assertEqual(self.boxes.setdefault(token, mailboxID), mailboxID)
        else:
            _, token, uid, email, content = words
            self.assertEqual(self.mails.setdefault((token, uid), email), email)
            self.assertEqual(self.contents.setdefault(email, content), content)

    def test_killed(self) -> None:
        """
        Whatever the process was doing, and whatever is done next.
        """
        # Where no disk makes it wait: the system loses nothing here.
        memory = "/dev/shm"
        directory = tempfile.mkdtemp(dir=memory if os.path.isdir(memory) else None)
        self.addCleanup(shutil.rmtree, directory)
        program = [sys.executable, "-m", "tests.support.objectid_child", directory, "300"]
        done = subprocess.run(
            program, env=environment(), capture_output=True, text=True, timeout=600, check=False
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in done.stdout.splitlines():
            self.check(line.split())
        self.assertEqual(len(set(self.boxes.values())), len(self.boxes))
        self.assertGreater(len(self.boxes), 20)
