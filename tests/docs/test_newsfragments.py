# -*- test-case-name: tests.docs.test_newsfragments -*-
"""
What towncrier makes the list of changes of.
"""

from __future__ import annotations

import os
import re
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NEWS = os.path.join(ROOT, "newsfragments")


class FragmentTests(SynchronousTestCase):
    """
    newsfragments/.
    """

    def setUp(self) -> None:
        with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
            self.settings = tomllib.load(file)["tool"]["towncrier"]

    def test_names(self) -> None:
        """
        Every fragment is called so that it gets into the list: what towncrier does not understand
        it leaves out without a word.
        """
        kinds = "|".join(kind["directory"] for kind in self.settings["type"])
        name = re.compile(rf"\+[a-z0-9-]+\.({kinds})\.md\Z")
        wrong = [n for n in os.listdir(NEWS) if n != "README.md" and not name.match(n)]
        self.assertEqual(wrong, [])

    def test_texts(self) -> None:
        """
        None is empty.
        """
        for fragment in set(os.listdir(NEWS)) - {"README.md"}:
            with open(os.path.join(NEWS, fragment), encoding="utf-8") as file:
                self.assertRegex(file.readline(), r"\S+ \S+", fragment)

    def test_changes(self) -> None:
        """
        The place in the list where a release goes is there, and the list is where the settings say.
        """
        with open(os.path.join(ROOT, self.settings["filename"]), encoding="utf-8") as file:
            self.assertIn(self.settings["start_string"], file.read())
