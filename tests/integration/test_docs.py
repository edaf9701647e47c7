# -*- test-case-name: tests.integration.test_docs -*-
"""
What the documentation tells people to do, done: with slapd, an OAuth provider, systemd and the
demonstration.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.coroutines import AsyncTestCase
from tests.support.demo import PASSWORDS, DemoTestCase, run
from tests.support.docs import ROOT, Block, Files, blocks
from tests.support.oidc import nodeModules, whyNoProvider
from tests.support.slapd import PEOPLE, Slapd, person, skipWithoutSlapd
from txjmapaccess.credentials import BearerToken, Evidence, UsernamePassword
from txjmapaccess.errors import Refused
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.twistd.config import parse
from txjmapaccess.verdict import Reason

ROOT_IS_TOLD = (
    "root can write anywhere, so this does not apply to the user of the service;"
    " run the check as that user"
)
_PROVIDER = ("tests", "integration", "oidc", "example_provider.mjs")


def onPage(page: str, language: str) -> list[Block]:
    """
    @return: the blocks of one page in one language.
    """
    return [block for block in blocks(language) if block.page == page]


class DirectoryTests(AsyncTestCase):
    """
    docs/ldap.md: its entries, its access rules and its configurations, with slapd.
    """

    skip = skipWithoutSlapd

    def setUp(self) -> None:
        """
        Have a server with the access rules and the service account of the page.
        """
        entries, rules, self.person = (block.text for block in onPage("docs/ldap.md", "ldif"))
        everybody = person("arnt", "trondheim", "mail: arnt@example.com") + person("bron", "x")
        self.slapd = Slapd(everybody, ("memberof",), f"{slapdConf(rules)}\noverlay memberof\n")
        self.addCleanup(self.slapd.close)
        self.slapd.modify(re.sub(r"^(dn: .*)$", r"\1\nchangetype: add", entries, flags=re.M))
        found = re.search("userPassword: (.*)", entries)
        assert found is not None
        self.servicePassword = found[1]

    def checker(self, start: str, **changes: Any) -> LDAPChecker:
        """
        @param start: how a line of the configuration begins that no other configuration of the page
            has before it.

        @return: a checker with that configuration, at the server.
        """
        text = next(
            block.text for block in onPage("docs/ldap.md", "toml") if f"\n{start}" in block.text
        )
        settings = parse(Files(self.mktemp()).configuration(text)).ldap
        assert settings is not None
        if settings.bind_password_file is not None:
            Path(settings.bind_password_file).write_text(self.servicePassword)
        checker = LDAPChecker.fromSettings(
            dataclasses.replace(settings, uris=(self.slapd.uri,), **changes)
        )
        self.addCleanup(checker.close)
        return checker

    async def evidence(self, checker: LDAPChecker, name: bytes, password: bytes) -> Evidence:
        """
        @return: what it leaves.
        """
        credentials = UsernamePassword(name, password)
        await checker.requestAvatarId(credentials)
        assert credentials.evidence is not None
        return credentials.evidence

    async def test_search(self) -> None:
        """
        The service account finds people by both names, and sees who is in the group.
        """
        group = "(memberOf=cn=jmap,ou=groups,dc=example,dc=com)"
        checker = self.checker("search_base", jmap_filter=group)
        for name in (b"arnt", b"Arnt@example.com"):
            evidence = await self.evidence(checker, name, b"trondheim")
            self.assertEqual(("arnt", None), (evidence.username, evidence.objection))
        evidence = await self.evidence(checker, b"bron", b"x")
        self.assertEqual(("bron", Reason.NOT_ALLOWED), (evidence.username, evidence.objection))
        with self.assertRaises(Refused):
            await self.evidence(checker, b"arnt", b"oslo")

    async def test_template(self) -> None:
        """
        Users may see as much of their own entry.
        """
        checker = self.checker("jmap_filter")
        self.assertIsNone((await self.evidence(checker, b"arnt", b"trondheim")).objection)
        objection = (await self.evidence(checker, b"bron", b"x")).objection
        self.assertIs(Reason.NOT_ALLOWED, objection)

    async def test_sessionURL(self) -> None:
        """
        The entry with a URL and a label has the URL.
        """
        found = re.search("^labeledURI: ((\\S+) .*)$", self.person, re.MULTILINE)
        assert found is not None
        self.slapd.modify(
            f"dn: uid=arnt,{PEOPLE}\nchangetype: modify\nadd: labeledURI\nlabeledURI: {found[1]}\n"
        )
        checker = self.checker("search_base", session_url_attribute="labeledURI")
        evidence = await self.evidence(checker, b"arnt", b"trondheim")
        self.assertEqual(found[2], evidence.sessionURL)

    def test_passwords(self) -> None:
        """
        The service account cannot read passwords.
        """
        tool = shutil.which("ldapsearch")
        assert tool is not None, "ldap-utils is not installed"
        account = "cn=imap,ou=services,dc=example,dc=com"
        login = ["-x", "-D", account, "-w", self.servicePassword]
        found = subprocess.run(
            [tool, "-LLL", "-H", self.slapd.uri, *login, "-b", PEOPLE, "(uid=arnt)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertIn("uid: arnt", found)
        self.assertNotIn("userPassword", found)


def slapdConf(ldif: str) -> str:
    """
    @return: the access rules of a change of cn=config, as slapd.conf has them.
    """
    lines = ldif.replace("\n ", "").splitlines()
    return "\n".join(
        re.sub(r"^olcAccess: \{\d+\}", "access ", line)
        for line in lines
        if line.startswith("olcAccess:")
    )


class ProviderTests(AsyncTestCase):
    """
    docs/oauth.md: examples/oidc-provider.mjs, and the configuration behind it.
    """

    skip = whyNoProvider() or None

    def setUp(self) -> None:
        """
        Have the provider of the example, and a token.
        """
        modules = json.dumps({"modules": str(nodeModules().resolve())})
        self.process = subprocess.Popen(
            ["node", str(ROOT.joinpath(*_PROVIDER)), modules],
            env={**os.environ, "IMAP_CLIENT_SECRET": "imap secret"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(self.process.communicate)
        assert self.process.stdout is not None
        # The provider has remarks of its own.
        lines = (line for line in self.process.stdout if line.startswith("{"))
        self.started = json.loads(next(lines))

    async def test_example(self) -> None:
        """
        A token of the example's mail client is good for IMAP and for JMAP, and its user is who
        logged in; a token that nobody issued is good for nothing.
        """
        (example,) = onPage("docs/oauth.md", "js")
        text = next(b.text for b in onPage("docs/oauth.md", "toml") if b.line > example.line)
        settings = parse(Files(self.mktemp()).configuration(text)).introspection
        assert settings is not None
        Path(settings.client_secret_file).write_text("imap secret\n")
        checker = IntrospectionChecker.fromSettings(
            dataclasses.replace(settings, issuer=self.started["issuer"])
        )
        self.addCleanup(checker.close)
        credentials = BearerToken(self.started["token"])
        self.assertEqual("arnt", await checker.requestAvatarId(credentials))
        assert credentials.evidence is not None
        self.assertIsNone(credentials.evidence.objection)
        with self.assertRaises(Refused):
            await checker.requestAvatarId(BearerToken("nobody-issued-this"))


class UnitTests(AsyncTestCase):
    """
    docs/service.md: parts of units, with systemd's own opinion of them.
    """

    skip = None if shutil.which("systemd-analyze") else "systemd-analyze is not installed"

    def test_blocks(self) -> None:
        """
        systemd knows every section and key, together with the unit of the example.
        """
        unit = (ROOT / "examples" / "systemd" / "txjmapaccess.service").read_text()
        unit = unit.replace("/opt/txjmapaccess/bin/twistd", "/bin/true")
        for block in blocks("ini"):
            with tempfile.TemporaryDirectory() as directory:
                Path(directory, "txjmapaccess.service").write_text(
                    f"{unit.partition('[Install]')[0]}\n{block.text}"
                )
                for name in ("txjmapaccess.socket",):
                    shutil.copy(ROOT / "examples" / "systemd" / name, directory)
                verified = subprocess.run(
                    ["systemd-analyze", "verify", f"{directory}/txjmapaccess.service"],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertNotRegex(verified.stderr, "txjmapaccess.service:[0-9]+:", block.where)


class TranscriptTests(DemoTestCase):
    """
    Transcripts: what the commands in them print, with the demonstration.
    """

    async def test_transcripts(self) -> None:
        """
        It is what the page shows, but for identifiers, which every demonstration makes anew.
        """
        for block in blocks("console"):
            command, expected = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block.text, re.M)[0]
            directory = tempfile.mkdtemp()
            self.addCleanup(shutil.rmtree, directory)
            for toml in onPage(block.page, "toml"):
                Path(directory, "check.toml").write_text(self.withPorts(toml.text))
            user = re.search(r"--user (\w+)", command)
            done = await run(
                self.ours(command),
                cwd=directory,
                stdin=None,
                input=PASSWORDS[user[1]] + "\n" if user else "",
            )
            expected = self.withPorts(expected).replace("/home/arnt", os.path.realpath(directory))
            expected = re.sub("^Password of .*\n", "", expected, flags=re.M)
            if os.geteuid() == 0:
                expected = _asRoot(expected)
            self.assertEqual(_anonymous(expected), _anonymous(done.stdout), block.where)
            self.assertEqual("", done.stderr, block.where)

    def withPorts(self, text: str) -> str:
        """
        @return: C{text} with the ports of this demonstration.
        """
        for usual, present in (
            ("1143", self.ports.imap),
            ("8080", self.ports.http),
            ("1389", self.ports.ldap),
        ):
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{present}")
        return text

    def ours(self, command: str) -> list[str]:
        """
        @return: a command with this Python, and with this demonstration in the place of the usual.
        """
        words = command.split()
        if words[0] == "txjmapaccess":
            return [sys.executable, "-m", "txjmapaccess", *words[1:]]
        return [
            sys.executable,
            str(ROOT / words[1]),
            "--imap",
            f"imap://127.0.0.1:{self.ports.imap}",
        ]


def _asRoot(text: str) -> str:
    """
    @return: what C{txjmapaccess check} says to root, who is told that he is.
    """
    if "[imap] realm maildir:mail" not in text:
        return text
    text = re.sub(r"ok( +\[imap\] realm maildir:mail: ).*", rf"warning\1{ROOT_IS_TOLD}", text)
    return text.replace("No problems found.", "0 wrong, 1 warning.").replace(
        "0 warnings.", "1 warning."
    )


def _anonymous(text: str) -> str:
    """
    @return: C{text} without identifiers, and without the order that is theirs.
    """
    lines = re.sub(r"\b[A-Z][a-z0-9]{25,}\b", "ID", text).splitlines()
    return "\n".join(sorted(" ".join(line.split()) for line in lines))
