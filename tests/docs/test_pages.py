# -*- test-case-name: tests.docs.test_pages -*-
"""
The documentation says what the code does, and nothing in it escapes a test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from tests.docs import test_blocks as test_docs_blocks
from tests.docs import test_imap as test_docs_imap
from tests.docs import test_python as test_docs_python
from tests.docs import test_shell as test_docs_shell
from tests.support.docs import ROOT, BlockTestCase, blocks, pages, read
from txjmapaccess.demo.banner import demoText
from txjmapaccess.imap.settings import EXTENSIONS
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.twistd.config import (
    IMAPSettings,
    JMAPSettings,
    LimitSettings,
    LogSettings,
    MetricsSettings,
    parse,
)
from txjmapaccess.twistd.service import needRestart

SECTIONS = {
    "[imap]": (IMAPSettings,),
    "[imap.limits]": (LimitSettings,),
    "[jmap]": (JMAPSettings,),
    "[ldap]": (LDAPSettings,),
    "[introspection]": (IntrospectionSettings,),
    "[log], [metrics]": (LogSettings, MetricsSettings),
}
BLOCK_TESTS = (test_docs_blocks, test_docs_imap, test_docs_python, test_docs_shell)


class ConfigurationTests(SynchronousTestCase):
    """
    docs/configuration.md: a heading that begins with a bracket is that of a section of the file.
    """

    def test_everyKey(self):
        """
        Every section has a table with every key, and no other.
        """
        sections = re.split(r"^## (?=\[)", read("docs", "configuration.md"), flags=re.MULTILINE)[1:]
        found = {}
        for section in sections:
            title, _, body = section.partition("\n")
            rows = re.findall(r"^\| (`[^|]*)\|", body, re.MULTILINE)
            found[title] = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        expected = {
            title: {field.name for kind in kinds for field in fields(kind) if field.init}
            for title, kinds in SECTIONS.items()
        }
        self.assertEqual(found, expected)

    def test_reload(self) -> None:
        """
        Every key is marked as taken over by a reload or not; of those that are not, the log says
        that they need a restart.
        """
        marked: dict[str, set[str]] = {}
        page = read("docs", "configuration.md")
        for section in re.split(r"^## (?=\[)", page, flags=re.MULTILINE)[1:]:
            titles = re.findall(r"\[\S+\]", section.partition("\n")[0])
            for n, row in enumerate(re.findall(r"^\| `.*", section, re.MULTILINE)):
                names, *_, mark, _ = re.split(r"(?<!\\)\|", row)[1:]
                title = titles[min(n, len(titles) - 1)]
                keys = {f"{title} {key}" for key in re.findall(r"`(\w+)`", names)}
                marked.setdefault(mark.strip(), set()).update(keys)
        self.assertEqual(set(marked), {"yes", "no"})
        before = parse('[imap]\nlisten = ["tcp:143"]\nrealm = "maildir:/a"')
        after = parse(
            '[imap]\nlisten = ["tcp:144"]\nrealm = "maildir:/b"\n'
            '[log]\nformat = "json"\n[metrics]\nlisten = "tcp:9100"'
        )
        self.assertEqual(set(needRestart(before, after)), marked["no"])

    def test_readmeTranscript(self):
        """
        What the README says that the demonstration says is what it says.
        """
        shown = re.search(r"<!-- demo: begin -->\n```\n(.*?)```", read("README.md"), re.DOTALL)
        self.assertEqual(shown[1], demoText(1143, 8080, 1389))


class ReadmeTests(SynchronousTestCase):
    """
    README.md.
    """

    def test_length(self) -> None:
        """
        It stays short: what is longer belongs to docs/.
        """
        self.assertLessEqual(len(read("README.md").splitlines()), 150)


class ExtensionTests(SynchronousTestCase):
    """
    The capabilities that this package adds.
    """

    def test_listed(self) -> None:
        """
        The pages for integrators and operators have all of them.
        """
        for page in ("integrating.md", "configuration.md"):
            listed = re.findall(r"[A-Z][A-Z0-9=+-]+", read("docs", page))
            missing = [name for name in EXTENSIONS if name not in listed]
            self.assertEqual(missing, [], page)


class LinkTests(SynchronousTestCase):
    """
    docs/links.py, which follows the links of the pages that are built.
    """

    def test_broken(self) -> None:
        """
        Links to files and places that are not there are found, others are not followed.
        """
        directory = self.mktemp()
        os.mkdir(directory)
        good = '<p id="here"><a href="b.html#there">b</a><a href="https://example.com/x">x</a>'
        bad = '<p id="there"><a href="a.html#there">a</a><img src="c.svg"><a href="#here">h</a>'
        for name, text in (("a.html", good), ("b.html", bad)):
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        done = subprocess.run(
            [sys.executable, str(ROOT / "docs" / "links.py"), directory],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(
            done.stdout.splitlines(),
            [
                "b.html: #here: there is no such place",
                "b.html: a.html#there: there is no such place",
                "b.html: c.svg: there is no such file",
            ],
        )
        self.assertEqual(done.returncode, 1)


class LanguageTests(SynchronousTestCase):
    """
    No block of code is in a language that nobody checks.
    """

    def test_languages(self) -> None:
        """
        Every language has a test here. What is in braces, Sphinx takes for its own; in files that
        are read as they are on a site, there is none of that.
        """
        checked = {
            language
            for module in BLOCK_TESTS
            for kind in vars(module).values()
            if isinstance(kind, type) and issubclass(kind, BlockTestCase)
            for language in kind.languages
        }
        unknown = [
            f"{block.where}: {block.language}"
            for block in blocks()
            if block.language not in checked
            and not (block.language == "{toctree}" and block.page == "docs/index.md")
        ]
        self.assertEqual(unknown, [])

    def test_pages(self) -> None:
        """
        The pages are found, and nearly all have blocks.
        """
        self.assertGreater(len(pages()), 15)
        self.assertGreater(len({block.page for block in blocks()}), 12)
