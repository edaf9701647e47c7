# -*- test-case-name: tests.test_docs -*-
"""
The documentation says what the code does.
"""

from __future__ import annotations

import os
import re
from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.demo.text import demoText
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

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECTIONS = {
    "[imap]": (IMAPSettings,),
    "[imap.limits]": (LimitSettings,),
    "[jmap]": (JMAPSettings,),
    "[ldap]": (LDAPSettings,),
    "[introspection]": (IntrospectionSettings,),
    "[log], [metrics]": (LogSettings, MetricsSettings),
}


def read(*names):
    """
    @return: the text of a file of the project.
    """
    with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
        return file.read()


class ConfigurationTests(SynchronousTestCase):
    """
    docs/configuration.md and README.md.
    """

    def test_everyKey(self):
        """
        Every section has a table with every key, and no other.
        """
        sections = re.split(r"^## ", read("docs", "configuration.md"), flags=re.MULTILINE)[1:]
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

    def test_readmeExamples(self):
        """
        The README's configuration is accepted, once the files that it names are there.
        """
        directory = self.mktemp()
        os.mkdir(directory)
        blocks = re.findall(r"```toml\n(.*?)```", read("README.md"), re.DOTALL)
        text = "".join(blocks)
        for number, path in enumerate(re.findall(r'_file = "(.*?)"', text)):
            secret = os.path.abspath(os.path.join(directory, str(number)))
            with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
                file.write("secret\n")
            text = text.replace(path, secret)
        settings = parse(text)
        self.assertEqual(settings.imap.listen, ("tcp:143", "ssl:993"))
        self.assertIsNotNone(settings.ldap)
        self.assertIsNotNone(settings.introspection)

    def test_readmePython(self):
        """
        The README's Python compiles, and what it imports from here is there.
        """
        blocks = re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL)
        self.assertEqual(len(blocks), 2)
        for block in blocks:
            compile(block, "README.md", "exec")
            for line in re.findall(r"^from txjmapaccess.*$", block, re.MULTILINE):
                exec(line, {})

    def test_readmeTranscript(self):
        """
        What the README says that the demonstration says is what it says.
        """
        shown = re.search(r"<!-- demo: begin -->\n```\n(.*?)```", read("README.md"), re.DOTALL)
        self.assertEqual(shown[1], demoText(1143, 8080, 1389))
