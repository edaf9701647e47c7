# -*- test-case-name: tests.docs.test_blocks -*-
"""
Configurations, directory entries, and whatever else the documentation shows.
"""

from __future__ import annotations

import configparser
import json
import re

from ldaptor.protocols.ldap.ldifdelta import LDIFDelta
from ldaptor.protocols.ldap.ldifprotocol import LDIF
from twisted.internet.testing import MemoryReactorClock

from tests.support.docs import ROOT, Block, BlockTestCase, blocks, read
from txjmapaccess.demo.banner import demoText
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.oauth.introspection import tokenInfo
from txjmapaccess.twistd.config import (
    parse,
)
from txjmapaccess.twistd.service import JMAPAccessService


class TOMLTests(BlockTestCase):
    """
    Configurations.
    """

    languages = ("toml",)

    def test_blocks(self) -> None:
        """
        Every configuration is understood, with the files that it names; a service is made of one
        that is complete.
        """
        self.assertGreater(self.check("toml"), 15)

    def checkBlock(self, block: Block) -> None:
        settings = parse(self.files().configuration(block.text))
        isComplete = settings.imap.listen and settings.imap.realm
        if isComplete and (settings.ldap or settings.introspection):
            JMAPAccessService(lambda: settings, [], MemoryReactorClock())

    def test_together(self) -> None:
        """
        Those of docs/configuration.md go together.
        """
        found = [block.text for block in blocks("toml") if block.page == "docs/configuration.md"]
        self.assertEqual(len(found), 2)
        settings = parse(self.files().configuration("".join(found)))
        self.assertEqual(settings.imap.listen, ("tcp:143", "ssl:993"))
        self.assertIsNotNone(settings.ldap)
        self.assertIsNotNone(settings.introspection)


class JSONTests(BlockTestCase):
    """
    Answers of providers, and lines of the log.
    """

    languages = ("json",)

    def test_blocks(self) -> None:
        """
        All of them are JSON, and an introspection answer is good for both protocols with the
        configuration before it.
        """
        self.assertGreater(self.check("json"), 0)

    def checkBlock(self, block: Block) -> None:
        if not block.text.startswith("{\n"):
            for line in block.text.splitlines():
                json.loads(line)
            return
        before = [
            other
            for other in blocks("toml")
            if other.page == block.page and other.line < block.line
        ]
        settings = parse(self.files().configuration(before[-1].text)).introspection
        assert settings is not None
        info = tokenInfo(json.loads(block.text), settings, now=1_800_000_000)
        assert (info.username, info.objection) == ("arnt", None), info


class LDIFTests(BlockTestCase):
    """
    Entries and changes of a directory. tests/integration/test_docs.py loads them into one.
    """

    languages = ("ldif",)

    def test_blocks(self) -> None:
        """
        All of them are well-formed (RFC 2849).
        """
        self.assertGreater(self.check("ldif"), 2)

    def checkBlock(self, block: Block) -> None:
        parser = LDIFDelta() if "changetype:" in block.text else LDIF()
        found: list[object] = []
        parser.gotEntry = found.append
        parser.dataReceived(block.text.encode() + b"\n\n")
        parser.connectionLost()
        assert found, "nothing is in it"


class ExampleTests(BlockTestCase):
    """
    Parts of the files in examples/, which have tests of their own.
    """

    languages = ("js", "haproxy")

    def test_blocks(self) -> None:
        """
        Every block is a part of an example, letter by letter.
        """
        self.assertGreater(self.check("js", "haproxy"), 0)

    def checkBlock(self, block: Block) -> None:
        examples = [path for path in (ROOT / "examples").rglob("*") if path.is_file()]
        assert any(block.text in path.read_text(encoding="utf-8") for path in examples), (
            "it is in no example"
        )


class UnitTests(BlockTestCase):
    """
    Parts of units of systemd; tests/integration/test_docs.py has systemd look at them.
    """

    languages = ("ini",)

    def test_blocks(self) -> None:
        """
        They have sections and keys.
        """
        self.assertGreater(self.check("ini"), 0)

    def checkBlock(self, block: Block) -> None:
        unit = configparser.ConfigParser()
        unit.read_string(block.text)
        assert unit.sections(), "there are no sections"


class TextTests(BlockTestCase):
    """
    What has no language is compared with what says it.
    """

    languages = ("text",)

    def test_blocks(self) -> None:
        """
        Every such text is known here.
        """
        self.assertGreater(self.check("text"), 1)

    def checkBlock(self, block: Block) -> None:
        for start, check in self.known.items():
            if block.text.startswith(start):
                check(self, block.text)
                return
        raise AssertionError("nobody compares it with anything")

    def demonstration(self, text: str) -> None:
        """
        What C{--demo} says.
        """
        self.assertEqual(text, demoText(1143, 8080, 1389))

    def flow(self, text: str) -> None:
        """
        The picture of the flow, whose names are in the package or Twisted's, and in the other
        picture.
        """
        source = "".join(path.read_text() for path in (ROOT / "txjmapaccess").rglob("*.py"))
        picture = read("docs", "flow.svg")
        for name in set(
            re.findall(r"\bI?[A-Z]+[a-z]+\w*[A-Z]\w*|Evidence|Verdict|CapabilityState", text)
        ):
            self.assertIn(name, source)
            self.assertIn(name, picture)

    def reloaded(self, text: str) -> None:
        """
        What the log says of a file that cannot be used.
        """
        _, _, sentence = text.strip().partition("imap.toml: ")
        key = re.search(r"\] (\w+):", sentence)
        assert key is not None
        error = self.assertRaises(ConfigurationError, parse, f"[jmap]\n{key[1]} = true\n")
        self.assertEqual(str(error), sentence)

    known = {
        "The JMAPACCESS demo:": demonstration,
        "bytes ──> IMAP4Server": flow,
        "The settings were not reloaded: ": reloaded,
    }
