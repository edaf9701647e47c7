"""
The pages of the documentation, the blocks of code in them, and what these assume to be there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from twisted.internet.protocol import ServerFactory
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import makeCertificate
from tests.support.imap import RecordingRealm
from tests.support.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


#: Keys of the configuration whose values are files, and what is in them.
_CERTIFICATES = ("certificate", "ca_file", "client_certificate")
_KEYS = ("private_key", "client_key")
_SECRETS = ("bind_password_file", "client_secret_file")
_PATH = re.compile(r"/(?:etc|var|srv)(?:/[\w.-]+)+")


class Block(NamedTuple):
    """
    @ivar page: its path in the project.
    @ivar line: where it begins.
    @ivar language: what the page says, in lower case: C{sh} for one that is indented; for one that
        says nothing, C{console} when it begins with a prompt, else C{text}.
    @ivar argument: what else the page says.
    """

    page: str
    line: int
    language: str
    argument: str
    text: str

    @property
    def where(self) -> str:
        """
        For whoever has to mend it.
        """
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """
    @return: the paths of all pages.
    """
    found = [path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")]
    return ["README.md", "CONTRIBUTING.md", *sorted(map(str, found))]


def read(*names: str) -> str:
    """
    @return: the text of a file of the project.
    """
    return ROOT.joinpath(*names).read_text(encoding="utf-8")


def blocks(*languages: str) -> Iterator[Block]:
    """
    @return: the blocks in these languages, or all, page by page.
    """
    for page in pages():
        for block in _blocksOf(page):
            if not languages or block.language in languages:
                yield block


def _blocksOf(page: str) -> Iterator[Block]:
    for token in MarkdownIt("commonmark").parse(read(page)):
        if token.type not in ("fence", "code_block"):
            continue
        language, _, argument = token.info.strip().partition(" ")
        if token.type == "code_block":
            language = "sh"
        elif not language:
            language = "console" if token.content.startswith("$ ") else "text"
        yield Block(page, token.map[0] + 1, language.lower(), argument, token.content)


class Files:
    """
    The files that blocks name, in a temporary directory.

    @param directory: which is made.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory).resolve()
        self._directory.mkdir()
        self._certificate, self._key = makeCertificate("imap.example.com")

    def configuration(self, text: str) -> str:
        """
        @return: a configuration that names files that are there, in the place of others.
        """
        for table in tomllib.loads(text).values():
            for key, value in table.items():
                if key in (*_CERTIFICATES, *_KEYS, *_SECRETS):
                    text = text.replace(f'"{value}"', f'"{self._make(value, key)}"')
        text = _PATH.sub(lambda match: self._inEndpoint(match[0]), text)
        return text.replace('"maildir:mail"', f'"maildir:{self._directory}/mail"')

    def _inEndpoint(self, path: str) -> str:
        """
        A path within an endpoint string, or of mail, whose directory must be there.
        """
        if path.endswith((".pem", ".key")):
            return self._make(path, "private_key" if path.endswith(".key") else "certificate")
        if path.startswith(str(self._directory)):
            return path
        return str(self._make(path, None))

    def anything(self, text: str) -> str:
        """
        @return: C{text} with paths of files that are there, and hold a secret, or what their names
            say.
        """
        return _PATH.sub(lambda match: self._inEndpoint(match[0]), text)

    def _make(self, path: str, key: str | None) -> str:
        if path.startswith(str(self._directory)):
            return path
        made = self._directory / path.strip("/").replace("/", "-")
        content = b"wakkanai-utrecht\n"
        if key in _CERTIFICATES:
            content = self._certificate
        elif key in _KEYS:
            content = self._key
        if key is not None or path.endswith((".secret", "-users")):
            with open(os.open(made, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
        return str(made)


class YourFactory(ServerFactory):
    """
    The factory of somebody else's server.
    """

    portal: Any = None

    def buildProtocol(self, addr: object) -> Any:
        """
        See L{twisted.internet.interfaces.IProtocolFactory.buildProtocol}.
        """
        server = IMAP4Server()
        server.portal = self.portal
        return server


def yourServer() -> ModuleType:
    """
    @return: the module that pages call C{yourserver}.
    """
    module: Any = ModuleType("yourserver")
    module.YourIMAP4Server = type("YourIMAP4Server", (IMAP4Server,), {})
    module.YourFactory = YourFactory
    module.YourRealm = lambda path=None: RecordingRealm()
    for name in ("Account", "Mailbox", "Message"):
        setattr(module, name, type(name, (), {}))
    return module  # type: ignore[no-any-return]


class BlockTestCase(SynchronousTestCase):
    """
    Tests of blocks of code in the pages.

    @cvar languages: those that it checks.
    """

    languages: tuple[str, ...] = ()

    def files(self) -> Files:
        """
        @return: a place for the files that blocks name.
        """
        return Files(self.mktemp())

    def check(self, *languages: str) -> int:
        """
        Check all blocks in these languages, and say which of them are wrong.

        @return: how many there are.
        """
        wrong, count = [], 0
        for block in blocks(*languages):
            count += 1
            try:
                self.checkBlock(block)
            except subprocess.CalledProcessError as e:
                wrong.append(f"{block.where}: {e.stderr}")
            except (Exception, SystemExit) as e:
                wrong.append(f"{block.where}: {type(e).__name__}: {e}")
        self.assertEqual(wrong, [])
        return count

    def checkBlock(self, block: Block) -> None:
        """
        @raise Exception: when it is wrong.
        """
        raise NotImplementedError
